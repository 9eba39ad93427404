//! What a schema gets to see, and what an operator reads.
use proptest::prelude::*;

use super::*;

/// A small schema with a value of each kind.
fn schema(file: &mut Table<'_>) -> Option<(String, bool, Vec<String>)> {
    let name = file.required("name", |value| value.string("a name", 5).map(str::to_owned));
    let on = file.or("on", false, |value| value.boolean());
    let list = file.or("list", Vec::new(), |value| {
        value.list("a list of words", false, |value| {
            value.string("a word", 9).map(str::to_owned)
        })
    });
    file.optional("sub", |value| {
        value.table("[sub]", |table| {
            table.optional("mode", |value| value.choice(&[("a", 1), ("b", 2)]))
        })
    });
    Some((name?, on, list))
}

fn said(text: &str) -> Vec<String> {
    read(text, schema)
        .unwrap_err()
        .iter()
        .map(Finding::to_string)
        .collect()
}

#[test]
fn a_good_file_is_read_with_its_defaults() {
    assert_eq!(
        read("name = 'n'", schema),
        Ok(("n".to_owned(), false, vec![]))
    );
    let text =
        "\u{feff}name = 'n'\r\non = true\r\nlist = ['a',\r\n 'b']\r\n[sub]\r\nmode = 'b'\r\n";
    assert_eq!(
        read(text, schema),
        Ok(("n".to_owned(), true, vec!["a".to_owned(), "b".to_owned()]))
    );
}

#[test]
fn a_missing_key_is_reported_at_its_table() {
    for empty in ["", " \n\r\n\t", "# nothing\n"] {
        assert_eq!(
            said(empty),
            ["line 1, column 1: `name` is missing: this file needs it"]
        );
    }
}

#[test]
fn columns_count_characters_and_lines_may_end_as_in_windows() {
    assert_eq!(
        said(
            "name = 'n' # \u{e9}\u{20ac}\r\n\"\u{e9}\u{20ac}\" = 1\r\nlist = ['\u{e9}\u{20ac}', 7]\r\n"
        ),
        [
            "line 2, column 1: unknown key `\u{e9}\\u{20ac}`; this file may have: name, on, list, sub",
            "line 3, column 15: an entry of `list` must be a word, not an integer",
        ]
    );
}

#[test]
fn text_from_the_file_cannot_forge_a_line_in_an_error() {
    let findings =
        said("name = 'n'\n\"a\\nline 9\\u001b[2J\\u202e\" = 1\n[sub]\nmode = \"x\\u202e\"\n");
    assert_eq!(findings.len(), 2);
    for finding in findings {
        assert!(
            finding.chars().all(|c| c == ' ' || c.is_ascii_graphic()),
            "{finding}"
        );
    }
    assert!(
        said(&format!("{} = 1", "k".repeat(100_000)))
            .iter()
            .all(|text| text.len() < 200)
    );
}

#[test]
fn an_unquoted_date_is_shown_with_its_quotes() {
    assert_eq!(
        said("name = 2016-06-15T12:00:00Z"),
        [
            "line 1, column 8: `name` must be a name, not a datetime without quotes; write \
          \"2016-06-15T12:00:00Z\""
        ]
    );
}

#[test]
fn a_key_or_table_that_is_set_twice_is_an_error() {
    assert_eq!(
        said("name = 'n'\nname = 'm'\n[sub]\n[sub]\n"),
        [
            "line 2, column 1: `name` is already set further up; keep one of the two",
            "line 4, column 2: `sub` is already set further up; keep one of the two",
        ]
    );
}

#[test]
fn syntax_errors_come_with_the_others_and_without_their_own_consequences() {
    assert_eq!(
        said("name = n\non = 3\nlist =\n[sub]\nmode = \"c\"\nmod = 1\n"),
        [
            "line 1, column 8: no valid TOML: a text is written in quotes; here is `n`",
            "line 2, column 6: `on` must be true or false (without quotes), not an integer",
            "line 3, column 7: no valid TOML: a value is missing here",
            "line 5, column 8: `mode`: `c` is not known; it must be \"a\" or \"b\"",
            "line 6, column 1: unknown key `mod`; did you mean `mode`? [sub] may have: mode",
        ]
    );
    // `name` is there, only not understood.
    assert_eq!(said("name 'n'\n").len(), 1);
}

#[test]
fn a_hundred_findings_are_shown_and_the_rest_counted() {
    let text: String = (0..20_000).map(|n| format!("k{n} = 1\n")).collect();
    let findings = read(&format!("name = 'n'\n{text}"), schema).unwrap_err();
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[100].text, "19900 more from here on");
    let text = "x\n".repeat(20_000);
    let findings = read(&text, schema).unwrap_err();
    assert_eq!(findings.len(), 101);
    assert_eq!(findings[100].text, "19900 more from here on");
}

#[test]
fn deep_nesting_is_an_error_and_no_stack_overflow() {
    for unit in ["[", "{a=", "[{a=", "a.", "[["] {
        for start in ["", "name = ", "[", "sub."] {
            let text = format!("{start}{}", unit.repeat(1_000_000 / unit.len()));
            // A quarter of what Linux gives the main thread.
            let thread = std::thread::Builder::new().stack_size(2 * 1024 * 1024);
            let join = thread.spawn(move || read(&text, schema).is_err()).unwrap();
            assert!(join.join().unwrap(), "{start}{unit}");
        }
    }
}

#[test]
fn a_schema_that_gives_nothing_is_an_error_even_without_a_reason() {
    assert_eq!(read("", |_| None::<()>).unwrap_err().len(), 1);
}

#[test]
fn bytes_that_are_no_text_are_reported_where_they_are() {
    assert_eq!(utf8(b"name = 'n'"), Ok("name = 'n'"));
    let findings = utf8(b"a\r\n\xc3\xa9 \xff\xfe").unwrap_err();
    assert_eq!((findings[0].line, findings[0].column), (2, 3));
    assert_eq!(utf8(b"\xff").unwrap_err()[0].column, 1);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), toml in "[\\[\\]{}=.,#\"' \r\na0-9:TZ_-]{0,200}") {
        let _ = read(&text, schema);
        let _ = read(&toml, schema);
    }

    #[test]
    fn every_finding_lies_in_the_text(text in "([a-z]{1,4}( = ('n'|1|true|\\[\\]|\\{\\}|x))?\r?\n|\\[sub\\]\n){0,12}") {
        if let Err(findings) = read(&text, schema) {
            let lines: Vec<&str> = text.split('\n').collect();
            for finding in findings {
                let line = lines.get(finding.line.checked_sub(1).unwrap());
                prop_assert!(line.is_some_and(|line| finding.column.saturating_sub(1) <= line.chars().count()));
            }
        }
    }
}

//! A slip of the pen in a valid file makes it invalid, and the error points to the slip.
use proptest::prelude::*;

use super::tests::FULL;
use super::*;

/// The file with line `number` (from 0) replaced.
fn with_line(number: usize, new: &str) -> String {
    let lines = FULL.lines().enumerate();
    lines
        .map(|(at, line)| format!("{}\n", if at == number { new } else { line }))
        .collect()
}

/// Whether the file is refused for what is in line `number` (from 0).
fn is_refused_at(text: &str, number: usize) -> bool {
    let result = parse(text);
    // A start says the same about a file as check does, whichever VM it is for.
    for vmid in [b"100", b"450", b"999"] {
        let start = parse_for(text, VmId::parse(vmid).unwrap());
        assert_eq!(start.err(), result.clone().err(), "{text}");
    }
    match result {
        Ok(_) => false,
        Err(findings) => findings
            .iter()
            .any(|finding| finding.line.checked_sub(1) == Some(number)),
    }
}

fn keys() -> impl Iterator<Item = (usize, &'static str, &'static str)> {
    let lines = FULL.lines().enumerate();
    lines.filter_map(|(number, line)| {
        line.split_once(" = ")
            .map(|(key, value)| (number, key, value))
    })
}

#[test]
fn a_misspelt_key_or_table_is_refused_where_it_is() {
    let mut mutants = 0;
    for (number, line) in FULL.lines().enumerate() {
        let name = line.split([' ', '.', ']']).next().unwrap();
        for (at, letter) in name
            .char_indices()
            .filter(|(_, letter)| letter.is_ascii_lowercase())
        {
            let other = if letter == 'x' { 'y' } else { 'x' };
            let upper = letter.to_ascii_uppercase();
            let (before, after) = (&line[..at], &line[at + 1..]);
            for mutant in [
                format!("{before}{other}{after}"),
                format!("{before}{upper}{after}"),
                format!("{before}{after}"),
                format!("{before}{letter}{letter}{after}"),
            ] {
                assert!(
                    is_refused_at(&with_line(number, &mutant), number),
                    "{mutant}"
                );
                mutants += 1;
            }
        }
    }
    assert!(mutants > 500, "{mutants}");
}

#[test]
fn a_doubled_line_is_refused_where_it_is() {
    for (number, line) in FULL.lines().enumerate() {
        let text = with_line(number, &format!("{line}\n{line}"));
        // A second [[allow]] is fine by itself: the first one then has nothing in it.
        let at = if line.starts_with("[[") {
            number
        } else {
            number + 1
        };
        assert!(is_refused_at(&text, at), "{line}");
    }
}

#[test]
fn a_value_of_another_type_is_refused_where_it_is() {
    let mut mutants = 0;
    for (number, key, value) in keys() {
        let values = [
            "",
            "0",
            "-1",
            "1.5",
            "inf",
            "true",
            "2016-06-15",
            "2016-06-15T12:00:00Z",
            "12:00:00",
            "[]",
            "[[]]",
            "{}",
            "[{}]",
            "[1.5]",
            "[true]",
            "[\"\"]",
            "\"\"",
            "\" \"",
            "\"true\"",
            "\"\\u0000\"",
            "\"\"\"\na\n\"\"\"",
            "\"100\"",
            "1_000",
            "0x64",
            "nothing",
        ];
        for other in values {
            let kept = match key {
                "align" | "confirm" | "any-tag" => other == "true",
                "description" => ["\" \"", "\"true\"", "\"100\""].contains(&other),
                // A valid name; that nothing has it any more is found where it is used.
                "name" => ["\"true\"", "\"100\""].contains(&other),
                "args" | "programs" | "arguments" => other == "[]",
                "output-limit" => other == "0",
                _ => false,
            };
            if !kept {
                let text = with_line(number, &format!("{key} = {other}"));
                assert!(
                    is_refused_at(&text, number),
                    "{key} = {other} instead of {value}"
                );
                mutants += 1;
            }
        }
    }
    assert!(mutants > 500, "{mutants}");
}

#[test]
fn a_deleted_line_never_widens_a_rule() {
    let whole = parse(FULL).unwrap();
    for (number, line) in FULL.lines().enumerate() {
        let Ok(list) = parse(&with_line(number, "")) else {
            continue;
        };
        let key = line.split(' ').next().unwrap();
        // What a rule says beyond the required keys narrows it: without it, it is as wide as if it
        // had never been there.
        let optional = [
            "description",
            "anchor",
            "margin",
            "stages",
            "align",
            "tolerance",
            "time-service",
            "hold",
            "agent-wait",
            "on-undo",
            "restore-after",
            "on-denied",
            "on-failure",
            "guest-commands",
            "assign",
            "confirm",
            "any-tag",
            "uuid",
            "pve-users",
            "args",
            "timeout",
            "os",
            "does",
            "undo",
            "query",
            "output-limit",
            "programs",
            "arguments",
        ];
        assert!(optional.contains(&key), "the file is valid without: {line}");
        for (rule, old) in list.rules.iter().zip(&whole.rules) {
            assert_eq!(rule.ranges, old.ranges);
            assert_eq!(rule.profiles, old.profiles);
            assert_eq!((rule.earliest, rule.latest), (old.earliest, old.latest));
            assert_eq!(rule.max_shift, old.max_shift);
        }
    }
}

#[test]
fn a_file_that_was_cut_off_in_a_table_is_refused_or_has_fewer_rules() {
    let whole = parse(FULL).unwrap();
    for end in 0..FULL.len() {
        if let Ok(list) = parse(&FULL[..end]) {
            assert!(
                list.rules
                    .iter()
                    .zip(&whole.rules)
                    .all(|(rule, old)| rule.ranges == old.ranges)
            );
            assert!(list.rules.len() <= whole.rules.len());
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = parse(&text);
    }

    #[test]
    fn no_change_to_a_valid_file_makes_it_panic(
        changes in proptest::collection::vec((0..FULL.len(), any::<char>(), 0_usize..40), 1..6),
        crlf in any::<bool>(),
    ) {
        let mut text = if crlf { FULL.replace('\n', "\r\n") } else { FULL.to_owned() };
        for (at, new, cut) in changes {
            let at = (0..=at.min(text.len())).rfind(|at| text.is_char_boundary(*at)).unwrap();
            let rest: String = text[at..].chars().skip(cut).collect();
            text.truncate(at);
            text.push(new);
            text.push_str(&rest);
        }
        if let Err(findings) = parse(&text) {
            prop_assert!(!findings.is_empty() && findings.len() <= 101);
            for finding in findings {
                prop_assert!(finding.text.chars().all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()));
            }
        }
    }
}

//! The quick reader and the library's whole one come to the same opinion about each text.
use proptest::prelude::*;

use super::tree::{Item, Kind};
use super::{plain, whole};

/// A value as all that anyone asks of it; tables in the order of their keys.
fn told(item: Item<'_>) -> String {
    let mut values: Vec<Item<'_>> = item.values().collect();
    if item.kind() == Kind::Table {
        values.sort_by_key(|value| value.key());
    }
    let values: Vec<String> = values.iter().map(|value| told(*value)).collect();
    format!(
        "{:?}@{}:{:?}@{:?}={:?}[{}]",
        item.key(),
        item.key_start(),
        item.kind(),
        item.place(),
        item.as_str(),
        values.join(",")
    )
}

/// Whether the quick reader read it. Whatever it reads, the whole one reads to the same.
fn agree(text: &str) -> bool {
    let Some(quick) = plain::read(text) else {
        return false;
    };
    let (tree, errors) = whole::read(text);
    assert!(errors.is_empty(), "{errors:?} in {text:?}");
    assert_eq!(told(quick.root()), told(tree.root()), "{text:?}");
    true
}

const PIECES: &[&str] = &[
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ",",
    ".",
    "\n",
    "\r\n",
    "\r",
    " ",
    "\t",
    "#",
    "# c\n",
    "a",
    "b",
    "c-d",
    "a = 1\n",
    "b = \"x\"\n",
    "a = [1, 2]\n",
    "c = ['x',\n 'y',\n]\n",
    "[a]\n",
    "[b]\n",
    "[a.b]\n",
    "[a.c]\n",
    "[[a]]\n",
    "[[b]]\n",
    "[[a.b]]\n",
    "a.b = 1\n",
    "\"a\" = 1\n",
    "a = {b = 1}\n",
    "b = true\n",
    "a = false",
    "a = 1.5\n",
    "a = 1_000\n",
    "a = 0x1f\n",
    "a = +1\n",
    "a = 2016-06-15\n",
    "a = \"\\n\"\n",
    "a = \"\"\n",
    "a = ''\n",
    "a = \"\"\"x\"\"\"\n",
    "a = '''\nx'''\n",
    "\"",
    "'",
    "\"\"\"",
    "'''",
    "\\",
    "1",
    "-1",
    "0",
    "true",
    "\u{feff}",
    "\u{e9}",
    "\0",
    "\u{7f}",
    "a = \"\u{e9}\"\n",
    "a = [[1]]\n",
    "a = []\n",
    "d = 1\n",
    "e = 2\n",
];

/// As it is written, so that many texts are valid.
const LINES: &[&str] = &[
    "a = 1\n",
    "b = \"x\"\n",
    "c-d = 'y' # why\n",
    "e = [1, 2]\n",
    "f = [\n \"x\", # why\n 'y',\n]\n",
    "g = true\n",
    "\n",
    "# c [ \" {\n",
    "  h = false\r\n",
    "[a]\n",
    "[ b ]\n",
    "[a.b]\n",
    "[a . c]\n",
    "[[d]]\n",
    "[[ d ]] # why\n",
    "[[i]]\n",
    "[e]\n",
    "i = []\n",
    "\t",
    "j = \"\u{e9}\"\n",
    "k = \"\"\n",
    "l = -1\n",
];

fn of(pieces: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(pieces), 0..most).prop_map(|all| all.concat())
}

#[test]
fn the_files_as_they_are_shipped_and_large_ones_are_read_quickly() {
    assert!(agree(include_str!("../../etc/allowlist.toml")));
    assert!(agree(include_str!("../../etc/config.toml")));
    assert!(agree("") && agree("\u{feff}a = 1"));
    let rule = |number: usize| {
        format!(
            "[[allow]] # {number}\nvmids = [{number}, \"7-9\"]\nprofiles = [\n\"p\", # one\n'q']\nconfirm = true\n\n"
        )
    };
    let rules: String = (0..2_000).map(rule).collect();
    assert!(agree(&format!(
        "version = 1\n[profiles.p]\ntarget = \"now\"\n{rules}"
    )));
}

#[test]
fn what_is_not_plain_is_left_to_the_library() {
    for text in [
        "a.b = 1",
        "\"a\" = 1",
        "a = {}",
        "a = [[]]",
        "a = 1.0",
        "a = 0x1",
        "a = 2016-06-15",
        "a = \"\\u0041\"",
        "a = '''x'''",
        "[a.b.c]",
        "[[a.b]]",
        "[a.b]\n[a]",
        "a = 1\na = 1",
        "[a]\n[a]",
        "a = []\n[[a]]",
        "[[a]]\n[a]",
        "[[a]]\n[a.b]",
        "a =",
        "a",
        "a = 1 b = 2",
        "a = 1\rb = 2",
        "# \u{1}",
        "[a",
        "[[a]",
        "a = [1",
        "]",
    ] {
        assert!(plain::read(text).is_none(), "{text:?}");
    }
    let keys = |count: usize| -> String { (0..count).map(|key| format!("k{key} = 1\n")).collect() };
    assert!(agree(&keys(64)) && plain::read(&keys(66)).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn both_readers_agree_about_anything(text in of(PIECES, 24)) {
        agree(&text);
    }

    #[test]
    fn both_readers_agree_about_what_is_nearly_right(text in of(LINES, 14)) {
        agree(&text);
    }

    #[test]
    fn both_readers_agree_about_a_file_with_a_slip(
        at in any::<prop::sample::Index>(),
        cut in 0_usize..4,
        piece in prop::sample::select(PIECES),
    ) {
        let text = include_str!("../../etc/allowlist.toml").replace("\n#", "\n");
        let mut bytes = text.into_bytes();
        let at = at.index(bytes.len());
        let end = bytes.len().min(at + cut);
        bytes.splice(at..end, piece.bytes());
        agree(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn statements_are_cut_apart_where_they_end() {
    // Longer than what is read at once, with an end of line within brackets at each place once.
    for before in 0..40 {
        let mut text = "z = 1\n".to_owned();
        for number in 0..60 {
            text.push_str(&format!("[t{number}]\n{}", "\n".repeat(before % 7)));
            text.push_str("x = [\n1,\n2,\n\n3]\ny = \"]\"\n#[\n");
            text.push_str(&" ".repeat(before));
            text.push_str("z = ['[',\n]\n");
        }
        assert!(agree(&text), "{before}");
    }
}

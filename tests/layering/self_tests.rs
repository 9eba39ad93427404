//! Shows that the checks see what they are there for, by feeding them what must not be.
use crate::rules;
use crate::scan::Source;
use crate::tokens::tokenize;

const TABLE: &[(&str, &[&str])] = &[("a", &[]), ("b", &["a"]), ("c", &["a", "b"])];

fn lines(violations: &[String]) -> Vec<usize> {
    let number = |text: &String| text.split(':').nth(1).unwrap().parse().unwrap();
    violations.iter().map(number).collect()
}

fn layers(file: &str, text: &str) -> Vec<usize> {
    lines(&rules::layers(&Source::new(file, text), TABLE))
}

fn forbidden(text: &str, names: &[&str]) -> usize {
    rules::forbidden(&Source::new("a/mod.rs", text), names, "").len()
}

#[test]
fn a_path_upwards_is_noticed_in_every_spelling() {
    let bad = [
        "use crate::c::X;",
        "use crate::{a::Y, c::X};",
        "use crate::{a::{self, Y}, c};",
        "use ::time_shift::c;",
        "pub(crate) use crate::c;",
        "fn f() { crate::c::x(); }",
        "fn f() -> Vec<crate::c::X> { x }",
        "macro_rules! m { () => { $crate::c::x() } }",
        "use crate as root;",
        "use crate::*;",
        "use crate::{self as root};",
        "use crate::unknown::X;",
        "use crate::Reexported;",
        "include!(\"../c/mod.rs\");",
        "#[path = \"../c/mod.rs\"] mod c;",
        "extern crate self as me;",
        "#[cfg(test)] mod tests { use crate::c; }",
    ];
    for text in bad {
        assert_eq!(layers("b/x.rs", text), [1], "{text}");
    }
    let good = [
        "use crate::{a::X, b::Y};",
        "use crate::a::{c::X, super_c};",
        "pub(crate) fn c() {} pub(in crate::b) fn d() {}",
        "// use crate::c;",
        "/* crate::c /* crate::c */ crate::c */",
        "const S: &str = \"crate::c\"; const R: &str = r#\"\" crate::c \"#;",
        "use self::c::X; use super::c; use super::*; use other::{c, d};",
        "fn f<'a>(x: &'a str) -> char { '\"' } // crate::c \"",
        "fn f() -> &'static [u8] { b\"crate::c\\\"\" }",
        "let c = crate_c::c; x.crate_::c;",
    ];
    for text in good {
        assert_eq!(layers("b/x.rs", text), [], "{text}");
    }
}

#[test]
fn super_reaches_as_far_as_it_is_written() {
    assert_eq!(layers("b/mod.rs", "use super::c;"), [1]);
    assert_eq!(layers("b/mod.rs", "use super::*;"), [1]);
    assert_eq!(layers("b/x.rs", "use super::super::c;"), [1]);
    assert_eq!(layers("b/x.rs", "use super::{y, super::c};"), [1]);
    assert_eq!(layers("b/x.rs", "mod t { use super::super::c; }"), []);
    assert_eq!(
        layers("b/x.rs", "mod t { use super::super::super::c; }"),
        [1]
    );
    assert_eq!(
        layers("b/x.rs", "mod t { fn f() { {} } }\nuse super::super::c;"),
        [2]
    );
    assert_eq!(layers("b.rs", "use super::c;\nuse super::a;"), [1]);
}

#[test]
fn the_programs_are_held_to_the_table_as_well() {
    assert_eq!(
        layers("b/main.rs", "fn main() { time_shift::c::run() }"),
        [1]
    );
    assert_eq!(
        layers("b/main.rs", "fn main() { time_shift::b::run() }"),
        []
    );
    assert_eq!(layers("lib.rs", "pub use crate::c::X;"), []);
}

#[test]
fn a_violation_says_where_and_what_to_do() {
    let source = Source::new(
        "b/x.rs",
        "//! X.\n\nuse crate::{\n    a::X,\n    c::Y,\n};\n",
    );
    let violations = rules::layers(&source, TABLE);
    assert!(
        violations[0].starts_with("src/b/x.rs:5: `b` must not use `c`"),
        "{violations:?}"
    );
    let violations = rules::layers(&Source::new("new/mod.rs", ""), TABLE);
    assert!(
        violations[0].contains("add it to MODULES"),
        "{violations:?}"
    );
}

#[test]
fn a_cycle_in_the_table_is_noticed() {
    assert_eq!(rules::table(TABLE), Vec::<String>::new());
    assert_eq!(rules::table(&[("a", &["b"]), ("b", &["a"])]).len(), 1);
    assert_eq!(rules::table(&[("a", &["a"])]).len(), 1);
    assert_eq!(rules::table(&[("a", &["typo"])]).len(), 1);
    assert_eq!(rules::table(&[("a", &[]), ("a", &[])]).len(), 1);
}

#[test]
fn a_forbidden_name_is_noticed_in_every_spelling() {
    let names = ["std::fs", "std::time::Instant", "libc", "println!"];
    let bad = [
        "use std::fs;",
        "use std::fs::File;",
        "use ::std::fs::File;",
        "use std::{io, fs::File};",
        "fn f() { std::fs::read(p); }",
        "fn f() -> std::time::Instant { x }",
        "use std::time::{Duration, Instant};",
        "use std::time;",
        "use std::time::{self, Duration};",
        "use std::time::*;",
        "use libc;",
        "use libc as c;",
        "fn f() { libc::getpid(); }",
        "fn f() { println!(\"x\") }",
        "fn f() { std::println!(\"x\") }",
        "#[cfg(not(test))] use std::fs;",
    ];
    for text in bad {
        assert_eq!(forbidden(text, &names), 1, "{text}");
    }
    for text in ["use std as s;", "use std::*;", "use std::{self as s};"] {
        assert_eq!(forbidden(text, &["std::fs"]), 1, "{text}");
    }
    let good = [
        "use std::time::Duration; use std::fmt::{self, Write as _}; use std::io::Read;",
        "fn f() { x.fs(); my::std::fs(); println(); let libc_x = 1; x != y; writeln!(f) }",
        "/// std::fs\nfn f() { \"std::fs\" }",
        "#[cfg(test)]\nmod tests { use std::fs; fn f() { println!(\"x\") } }",
        "#[cfg(test)]\nuse std::{fs, time::Instant};",
        "#[cfg(test)] #[allow(x)] fn f() { std::fs::read(p) }",
    ];
    for text in good {
        assert_eq!(forbidden(text, &names), 0, "{text}");
    }
    let text =
        "#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;\n#[cfg(test)] mod x;\nuse libc;";
    assert_eq!(
        forbidden(text, &names),
        2,
        "what follows a test module is not test code"
    );
}

#[test]
fn unsafe_code_and_a_missing_forbid_are_noticed() {
    let check =
        |file: &str, text: &str| lines(&rules::unsafe_code(&Source::new(file, text), "system"));
    assert_eq!(check("a/x.rs", "\nfn f() { unsafe { x } }"), [2]);
    assert_eq!(check("a/x.rs", "\n#[unsafe(no_mangle)] fn f() {}"), [2]);
    assert_eq!(check("a/x.rs", "// unsafe\nfn f() { \"unsafe\" }"), []);
    assert_eq!(check("a/mod.rs", "//! A.\n#![deny(unsafe_code)]"), [1]);
    assert_eq!(check("a.rs", "//! A."), [1]);
    assert_eq!(check("a/mod.rs", "//! A.\n#![forbid(unsafe_code)]"), []);
    assert_eq!(check("system/mod.rs", "unsafe { x }"), []);
}

#[test]
fn a_file_without_a_purpose_is_noticed() {
    for text in ["", "fn main() {}", "// X.", "//!", "\n//! X."] {
        assert_eq!(
            rules::header(&Source::new("a/main.rs", text)).len(),
            1,
            "{text}"
        );
    }
    assert!(rules::header(&Source::new("a/main.rs", "//! X.\n")).is_empty());
}

#[test]
fn literals_and_comments_are_no_code() {
    let words = |text: &str| {
        let tokens = tokenize(text);
        tokens
            .iter()
            .map(|token| token.text.clone())
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(words("a /* b /* c */ d */ e // f\ng"), "a e g");
    assert_eq!(
        words(r##"a "b\"c" r"d\" r#"e"f"# b'g' '\'' '\\' 'h' h"##),
        "a \" \" \" \" \" \" \" h"
    );
    assert_eq!(words("'a: loop { break 'a }"), "' : loop { break ' }");
    assert_eq!(words("r#type::x 1_000u8"), "type :: x 1_000u8");
    assert_eq!(words("\"open"), "\"");
    assert_eq!(tokenize("\"a\nb\"\nx").last().unwrap().line, 3);
}

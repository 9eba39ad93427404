//! What the programs are made of: where the crates come from, their licences, and what is not wanted
//! among them. E6.
//!
//! By what cargo has on this machine, so without a database of advisories: whether a crate is known to
//! be vulnerable is not looked at (time-shift-security(7), A06).
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../debian/crates.rs"]
#[allow(dead_code)]
mod list;

use list::{Crate, Scope, copyright, crates, licence_text};
use spdx::{Expression, LicenseReq, ParseMode};

/// What the MIT licence of the programs goes together with.
const LICENCES: [&str; 10] = [
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What must not be linked, and why.
const UNWANTED: [(&str, &str); 8] = [
    (
        "openssl-sys",
        "a library of the system, whose upgrade could break the program",
    ),
    ("native-tls", "the same"),
    (
        "aws-lc-sys",
        "a second cryptography beside RustCrypto's, built by cmake",
    ),
    ("tokio", "everything is synchronous"),
    ("async-std", "the same"),
    ("smol", "the same"),
    ("chrono", "dates are jiff's"),
    ("anyhow", "each module has its own errors"),
];

/// Crates of which two versions may be linked, and why.
const TWICE: [(&str, &str); 0] = [];

/// What is wrong with a list of crates.
fn faults(crates: &[Crate], scope: Scope) -> Vec<String> {
    let mut faults = Vec::new();
    for one in crates {
        let Crate { name, version, .. } = one;
        if one.source.as_deref() != Some(REGISTRY) {
            faults.push(format!("{name} {version} is from {:?}", one.source));
        }
        if !permitted(&one.licence) {
            faults.push(format!("{name} {version} is under {:?}", one.licence));
        }
        if scope == Scope::All {
            continue;
        }
        if let Some((_, why)) = UNWANTED.iter().find(|(unwanted, _)| unwanted == name) {
            faults.push(format!("{name} {version} is not wanted: {why}"));
        }
        let versions = crates.iter().filter(|other| other.name == *name).count();
        if versions > 1 && !TWICE.iter().any(|(twice, _)| twice == name) {
            faults.push(format!("{name} {version} is one of {versions} versions"));
        }
    }
    faults
}

/// Whether a licence expression is met by what is permitted.
fn permitted(expression: &str) -> bool {
    let met = |req: &LicenseReq| LICENCES.contains(&req.to_string().as_str());
    Expression::parse_mode(expression, ParseMode::LAX)
        .is_ok_and(|expression| expression.evaluate(met))
}

#[test]
fn all_crates_are_the_registrys_and_under_licences_that_are_permitted() {
    for scope in [Scope::Linked, Scope::All] {
        let crates = crates(scope).unwrap();
        assert!(crates.len() > 20, "{crates:?}");
        assert_eq!(faults(&crates, scope), Vec::<String>::new());
    }
}

#[test]
fn a_crate_that_should_not_be_there_is_noticed() {
    let linked = crates(Scope::Linked).unwrap();
    let like = linked.first().unwrap();
    let with = |change: fn(&mut Crate)| {
        let mut one = like.clone();
        change(&mut one);
        let mut all = vec![one];
        all.extend(linked.iter().skip(1).cloned());
        faults(&all, Scope::Linked).len()
    };
    assert_eq!(with(|_| ()), 0);
    assert_eq!(with(|one| one.licence = "GPL-3.0-only".to_owned()), 1);
    assert_eq!(
        with(|one| one.licence = "MIT AND GPL-2.0-or-later".to_owned()),
        1
    );
    assert_eq!(with(|one| one.licence = String::new()), 1);
    assert_eq!(with(|one| one.source = None), 1);
    assert_eq!(with(|one| one.name = "tokio".to_owned()), 1);
    assert_eq!(with(|one| one.name = "serde".to_owned()), 2);
}

#[test]
fn the_copyright_file_has_each_linked_crate_with_its_licence() {
    let linked = crates(Scope::Linked).unwrap();
    let text = copyright(&linked).unwrap();
    for one in &linked {
        let Crate { name, version, .. } = one;
        assert!(
            text.contains(&format!("\nFiles: crates/{name}-{version}/*\nCopyright: ")),
            "{name}"
        );
        // Whose text is not in the crate is the one that the file has for the program itself.
        assert!(
            !licence_text(one).unwrap().is_empty() || one.licence.contains("MIT"),
            "{name} {version} comes without the text of its licence"
        );
    }
    // It is on every Debian system, which lintian minds.
    assert!(!text.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION"));
    // Tests are not linked, and neither is what runs in the compiler.
    assert!(!text.contains("crates/proptest-") && !text.contains("crates/syn-"));
    let paragraphs = text.split("\n\n").filter(|part| !part.trim().is_empty());
    assert_eq!(paragraphs.count(), linked.len());
}

//! What the programs are made of: that cargo-deny notices what is not wanted among the crates, and
//! that the copyright file names them with their licences. E6.
//!
//! `make test` lets cargo-deny check the crates themselves, by what cargo has on this machine, so
//! without a database of advisories (time-shift-security(7), A06).
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "../debian/crates.rs"]
mod list;

use std::fs;
use std::path::Path;
use std::process::Command;

use list::{Crate, copyright, licence_text, linked_crates};

fn run(program: &Path, arguments: &[&str], folder: &Path) -> (bool, String) {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        // What it fetches from a repository is not for the user's own folder.
        .env("CARGO_HOME", folder.join("cargo"))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

fn package(folder: &Path, name: &str, licence: &str, dependency: &str) {
    fs::create_dir_all(folder.join("src")).unwrap();
    fs::write(folder.join("src/lib.rs"), "").unwrap();
    let manifest = format!(
        "[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
         license = \"{licence}\"\n[workspace]\n[dependencies]\n{dependency}\n"
    );
    fs::write(folder.join("Cargo.toml"), manifest).unwrap();
}

/// What is said of a program that is made of one other crate, which lies beside it or comes from a
/// git repository; by the rules of this one.
fn judged(name: &str, licence: &str, from_git: bool) -> (bool, String) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder =
        std::env::temp_dir().join(format!("time-shift-crates.{}.{name}", std::process::id()));
    let other = folder.join("other");
    package(&other, name, licence, "");
    let source = if from_git {
        let git = |arguments: &[&str]| assert!(run("git".as_ref(), arguments, &other).0);
        git(&["init", "-q"]);
        git(&["add", "."]);
        let who = ["-c", "user.name=t", "-c", "user.email=t@localhost"];
        git(&[who.as_slice(), &["commit", "-q", "-m", "one"]].concat());
        format!("git = \"file://{}\"", other.display())
    } else {
        "path = \"../other\"".to_owned()
    };
    let program = folder.join("program");
    let dependency = format!("{name} = {{ version = \"1.0.0\", {source} }}");
    package(&program, "program", "MIT", &dependency);
    let rules = here.join(".deny.toml");
    let arguments = [
        "--config",
        rules.to_str().unwrap(),
        "check",
        "licenses",
        "bans",
        "sources",
    ];
    let verdict = run(
        &here.join("target/lab/deny/bin/cargo-deny"),
        &arguments,
        &program,
    );
    fs::remove_dir_all(&folder).unwrap();
    verdict
}

#[test]
fn a_crate_that_should_not_be_there_is_noticed() {
    let (permitted, said) = judged("harmless", "MIT", false);
    assert!(permitted, "{said}");
    for (name, licence, from_git, fault) in [
        ("copyleft", "GPL-3.0-only", false, "licenses FAILED"),
        ("both", "MIT AND GPL-2.0-or-later", false, "licenses FAILED"),
        ("tokio", "MIT", false, "bans FAILED"),
        ("elsewhere", "MIT", true, "sources FAILED"),
    ] {
        let (permitted, said) = judged(name, licence, from_git);
        assert!(!permitted && said.contains(fault), "{name}: {said}");
    }
}

#[test]
fn the_copyright_file_has_each_linked_crate_with_its_licence() {
    let linked = linked_crates().unwrap();
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

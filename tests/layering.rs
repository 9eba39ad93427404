//! Keeps the program in layers: which module may use which, and what each may touch.
//!
//! The sources are read as text: comments and strings are left out, every path is resolved to the
//! module it names (`crate::`, `super::super::`, groups, `time_shift::` in the two programs). The
//! tables below are the design; `layering/self_tests.rs` shows that a violation is noticed.
// All of this is a test: a panic is how it fails.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used
)]

#[path = "layering/rules.rs"]
mod rules;
#[path = "layering/scan.rs"]
mod scan;
#[path = "layering/self_tests.rs"]
mod self_tests;
#[path = "layering/tokens.rs"]
mod tokens;

use std::path::Path;

use scan::Source;

/// Each module and the modules it may use. Every module stands below the ones it uses, so there
/// can be no cycle.
const MODULES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("strict", &["model"]),
    ("config", &["model", "strict"]),
    ("vmconfig", &["model"]),
    ("allowlist", &["model", "strict"]),
    ("revise", &["model", "strict", "allowlist"]),
    ("policy", &["model", "strict", "vmconfig", "allowlist"]),
    ("plan", &["model", "vmconfig", "allowlist", "policy"]),
    (
        "judge",
        &["model", "vmconfig", "allowlist", "policy", "plan"],
    ),
    ("verify", &["model"]),
    ("report", &["model"]),
    ("trace", &["model"]),
    ("system", &["model"]),
    ("audit", &["model", "policy", "system"]),
    ("state", &["model", "policy", "audit", "system"]),
    ("guest", &["model", "policy", "verify", "audit", "system"]),
    (
        "sources",
        &[
            "model",
            "strict",
            "config",
            "vmconfig",
            "allowlist",
            "policy",
            "system",
            "state",
        ],
    ),
    ("voice", &["model", "config", "audit"]),
    ("exec", &["model", "policy", "audit", "system"]),
    (
        "keeper",
        &[
            "model",
            "config",
            "vmconfig",
            "allowlist",
            "policy",
            "plan",
            "judge",
            "verify",
            "system",
            "audit",
            "state",
            "guest",
            "sources",
            "voice",
        ],
    ),
    ("cert", &["model", "system"]),
    ("token", &["model", "system"]),
    (
        "api",
        &[
            "model",
            "allowlist",
            "policy",
            "config",
            "system",
            "exec",
            "token",
        ],
    ),
    (
        "hook",
        &[
            "model",
            "strict",
            "config",
            "vmconfig",
            "allowlist",
            "policy",
            "plan",
            "judge",
            "verify",
            "report",
            "system",
            "audit",
            "state",
            "guest",
            "sources",
            "voice",
            "exec",
            "cert",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "strict",
            "config",
            "vmconfig",
            "allowlist",
            "revise",
            "policy",
            "plan",
            "judge",
            "verify",
            "report",
            "system",
            "audit",
            "state",
            "guest",
            "sources",
            "voice",
            "keeper",
            "exec",
            "cert",
            "token",
            "api",
            "trace",
        ],
    ),
];

/// Modules without files, network, environment, processes, clocks or output.
const PURE: &[&str] = &[
    "model",
    "strict",
    "config",
    "vmconfig",
    "allowlist",
    "revise",
    "policy",
    "plan",
    "judge",
    "verify",
    "report",
    "trace",
];

/// What pure modules may not name, outside of tests.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant",
    "std::os::unix::net",
    "rustix",
    "nix",
    "libc",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
    "dbg!",
];

/// Who may name something that is not for everybody, outside of tests.
enum Reach {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// Names that are not for everybody, and why.
const RESERVED: &[(&str, Reach, &str)] = &[
    (
        "clap",
        Reach::Only(&["cli"]),
        "the hook reads its two arguments without a library",
    ),
    (
        "toml_edit",
        Reach::Only(&["revise"]),
        "the hook reads the allowlist, and rewrites none",
    ),
    (
        "flate2",
        Reach::Only(&["cli"]),
        "the hook writes logs, and unpacks none",
    ),
    (
        "rustls",
        Reach::AllBut(&["hook", "system", "guest"]),
        "the hook is built without TLS",
    ),
    (
        "ureq",
        Reach::AllBut(&["hook", "system", "guest"]),
        "the hook is built without HTTP",
    ),
    (
        "std::thread",
        Reach::AllBut(&["hook", "guest", "audit", "state"]),
        "the hook is one thread: it forks, and it must end when it is told to",
    ),
    (
        "std::process::Command",
        Reach::Only(&["exec"]),
        "exec is the only module that may start a process",
    ),
];

/// The only module with unsafe code.
const UNSAFE: &str = "system";

fn sources() -> Vec<Source> {
    let sources = Source::tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(sources.len() > 5, "the sources were not found");
    sources
}

fn none(violations: Vec<String>) {
    assert!(violations.is_empty(), "\n{}\n", violations.join("\n"));
}

#[test]
fn each_module_uses_only_what_stands_below_it() {
    none(
        sources()
            .iter()
            .flat_map(|source| rules::layers(source, MODULES))
            .collect(),
    );
}

#[test]
fn the_table_has_neither_cycles_nor_unknown_names() {
    none(rules::table(MODULES));
}

#[test]
fn pure_modules_touch_nothing() {
    let sources = sources();
    let pure = sources
        .iter()
        .filter(|source| PURE.contains(&source.module.as_str()));
    let why = "a pure module gets what it needs as a value; take it in through a parameter";
    none(
        pure.flat_map(|source| rules::forbidden(source, IMPURE, why))
            .collect(),
    );
}

#[test]
fn reserved_names_stay_where_they_belong() {
    let mut violations = Vec::new();
    for source in &sources() {
        for (name, reach, why) in RESERVED {
            let may = match reach {
                Reach::Only(modules) => modules.contains(&source.module.as_str()),
                Reach::AllBut(modules) => !modules.contains(&source.module.as_str()),
            };
            if !may {
                violations.extend(rules::forbidden(source, &[name], why));
            }
        }
    }
    none(violations);
}

#[test]
fn unsafe_code_is_in_one_module_only() {
    none(
        sources()
            .iter()
            .flat_map(|source| rules::unsafe_code(source, UNSAFE))
            .collect(),
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    none(sources().iter().flat_map(rules::header).collect());
}

//! What the package says about the program: versions, man pages and units against the sources. E1.
//! `tests/deb` builds, installs and removes it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

#[path = "../debian/manuals.rs"]
#[allow(dead_code)]
mod manuals;

use std::collections::{BTreeMap, BTreeSet};

use time_shift::allowlist;
use time_shift::judge::WARNINGS;
use time_shift::model::DenyReason;
use time_shift::report::Code;

const ALLOWLIST: &str = include_str!("../etc/allowlist.toml");
const CONFIG: &str = include_str!("../etc/config.toml");
const ALLOWLIST_PAGE: &str = include_str!("../debian/man/time-shift-allowlist.5");
const CONFIG_PAGE: &str = include_str!("../debian/man/time-shift.toml.5");
const HOOK_PAGE: &str = include_str!("../debian/man/time-shift-hook.8");
const SECRETS_PAGE: &str = include_str!("../debian/man/time-shift-secrets.7");
const SECURITY_PAGE: &str = include_str!("../debian/man/time-shift-security.7");
const WORKER: &str = include_str!("../debian/time-shift-proxmox.time-shift@.service");
const SWEEP: &str = include_str!("../debian/time-shift-proxmox.time-shift-sweep.service");
const UNLOCK: &str = include_str!("../debian/time-shift-proxmox.time-shift-unlock.service");
const SNIPPET: &str = include_str!("../hooks/time-shift");
const MARK: &str = "# time-shift snippet, version ";

/// `[table]` and the keys of an installed file, its examples' included.
fn keys(text: &str) -> BTreeSet<&str> {
    let lines = text.lines().map(|line| line.trim_start_matches('#'));
    lines
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| match line.split_once(" = ") {
            Some((key, _)) => Some(key),
            None => line.starts_with('[').then_some(line),
        })
        .collect()
}

/// What a man page describes: each word that stands at the beginning of its tagged paragraphs, and
/// its sections.
fn described(page: &str) -> String {
    let plain = page.replace("\\-", "-").replace("\\(dq", "\"");
    let mut lines = plain.lines();
    let mut found = String::new();
    while let Some(line) = lines.next() {
        if line == ".TP" {
            let tag = lines.next().unwrap();
            found.push_str(tag.trim_start_matches(".BR ").trim_start_matches(".B "));
            found.push('\n');
        }
        if let Some(section) = line.strip_prefix(".SS ") {
            found.push_str(section);
            found.push('\n');
        }
    }
    found
}

#[track_caller]
fn describes(page: &str, file: &str) {
    let described = described(page);
    let words: BTreeSet<&str> = described
        .split(|c: char| c.is_whitespace() || c == ',' || c == '"')
        .collect();
    for key in keys(file) {
        let word = if key.starts_with("[profiles.") {
            "[profiles.NAME]"
        } else {
            key
        };
        assert!(words.contains(word), "the man page does not describe {key}");
    }
}

/// The default that an installed file shows for each key; a man page has to say the same.
#[test]
fn the_man_page_of_config_toml_has_every_key_with_its_default() {
    describes(CONFIG_PAGE, CONFIG);
    let described = described(CONFIG_PAGE);
    for line in CONFIG.lines().filter_map(|line| line.strip_prefix('#')) {
        if let (false, Some((key, default))) = (line.starts_with(' '), line.split_once(" = ")) {
            let tag = described
                .lines()
                .find(|tag| tag.split(' ').next() == Some(key))
                .unwrap();
            // What a host has to say itself has no default.
            match tag.split("(default \" ").nth(1) {
                Some(said) => assert_eq!(said.trim_end_matches([' ', ')']), default, "{key}"),
                None => assert!(
                    tag.contains("ed)") || tag.contains("al)") || tag.contains("(this or"),
                    "{tag}"
                ),
            }
        }
    }
}

#[test]
fn the_man_page_of_config_toml_has_the_keys_of_a_host_that_are_read_and_no_others() {
    let findings = time_shift::config::parse("[[api.host]]\nno-such-key = 1\n").unwrap_err();
    let known = findings
        .iter()
        .find_map(|finding| finding.text.split_once("may have: "));
    let known: BTreeSet<String> = known.unwrap().1.split(", ").map(str::to_owned).collect();
    assert_eq!(tagged(CONFIG_PAGE)["[[api.host]]"], known);
    let example = plain(CONFIG_PAGE);
    let example = example
        .split_once(".EX\n")
        .unwrap()
        .1
        .split_once(".EE\n")
        .unwrap()
        .0;
    let config = time_shift::config::parse(example).unwrap();
    assert_eq!(config.api.len(), 2);
}

#[test]
fn the_man_page_of_the_allowlist_has_every_key() {
    describes(ALLOWLIST_PAGE, ALLOWLIST);
}

/// A man page without its escapes.
fn plain(page: &str) -> String {
    page.replace("\\-", "-").replace("\\(dq", "\"")
}

/// What each `.SS` of a man page begins a tagged paragraph with, by the section's name.
fn tagged(page: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut section = None;
    let page = page.replace("\\(dq", "'").replace("\\-", "-");
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line.starts_with(".S") {
            section = line.strip_prefix(".SS ").map(str::to_owned);
        }
        if let (".TP", Some(section)) = (line, &section) {
            let tag = lines.next().unwrap();
            let (names, _) = tag.split_once("\" (").unwrap_or((tag, ""));
            let names = names.strip_prefix(".BR ").unwrap().split('"').step_by(2);
            let names = names.flat_map(str::split_whitespace).map(str::to_owned);
            found.entry(section.clone()).or_default().extend(names);
        }
    }
    found
}

/// The keys that a table may have, as its reader says them.
fn known(header: &str) -> BTreeSet<String> {
    let text = format!("version = 1\n{header}\nno-such-key = 1\n");
    let findings = allowlist::parse(&text).unwrap_err();
    let mut keys = findings
        .iter()
        .filter(|finding| finding.text.starts_with("unknown key `no-such-key`"))
        .filter_map(|finding| finding.text.split_once("may have: "));
    let (_, keys) = keys
        .next()
        .unwrap_or_else(|| panic!("{header}: {findings:?}"));
    keys.split(", ").map(str::to_owned).collect()
}

/// The other way round, too: what a reader does not know, its section must not describe.
#[test]
fn the_man_page_of_the_allowlist_has_the_keys_that_are_read_and_no_others() {
    let sections = tagged(ALLOWLIST_PAGE);
    let mut tables = known("");
    assert!(tables.remove("version") && ALLOWLIST_PAGE.contains(".BR version \" (required)\""));
    assert_eq!(sections.len(), tables.len(), "{sections:?} {tables:?}");
    for (section, described) in &sections {
        let table = section.trim_matches(['[', ']']).replace(".NAME", "");
        assert!(
            tables.contains(&table),
            "{section} is no table that is read"
        );
        assert_eq!(
            &known(&section.replace("NAME", "x")),
            described,
            "{section}"
        );
    }
}

#[test]
fn the_examples_of_the_man_page_load_and_show_every_key() {
    let page = plain(ALLOWLIST_PAGE);
    let examples: Vec<&str> = page
        .split(".EX\n")
        .skip(1)
        .map(|rest| rest.split_once(".EE\n").unwrap().0)
        .collect();
    assert!(examples.len() >= 2);
    let mut shown = BTreeSet::new();
    for example in &examples {
        let list = allowlist::parse(example).unwrap_or_else(|found| panic!("{found:?}\n{example}"));
        assert_eq!(list.warnings(), [], "{example}");
        let mut table = "";
        for line in example.lines() {
            match line.split_once(" = ") {
                Some((key, _)) => shown.insert((table, key)),
                None if line.starts_with('[') => {
                    table = line.trim_matches(['[', ']']).split('.').next().unwrap();
                    false
                }
                None => false,
            };
        }
    }
    for (section, keys) in &tagged(ALLOWLIST_PAGE) {
        let table = section.trim_matches(['[', ']']).replace(".NAME", "");
        for key in keys {
            let there = shown.contains(&(table.as_str(), key.as_str()));
            assert!(there, "no example shows {key} of {section}");
        }
    }
}

#[test]
fn the_generated_man_page_has_every_code() {
    let page = manuals::page(&time_shift::cli::command()).unwrap();
    let page = String::from_utf8(page).unwrap();
    let findings = Code::ALL.iter().map(|code| code.as_str());
    let denials = DenyReason::ALL.iter().map(|reason| reason.code());
    let warnings = WARNINGS.iter().map(|(code, _)| *code);
    for code in findings.chain(denials).chain(warnings) {
        assert!(page.contains(&format!(".TP\n\\fB{code}\\fR\n")), "{code}");
    }
}

#[test]
fn the_package_the_crate_and_the_changelog_have_one_version() {
    let version = env!("CARGO_PKG_VERSION");
    let package = include_str!("../debian/changelog");
    let changes = include_str!("../CHANGELOG.md");
    let first = package.split(['(', ')']).nth(1).unwrap();
    assert_eq!(first.split(['~', '+']).next().unwrap(), version);
    let heading = changes
        .lines()
        .find(|line| line.starts_with("## "))
        .unwrap();
    assert_eq!(heading.split(' ').nth(1), Some(version));
    for page in [ALLOWLIST_PAGE, CONFIG_PAGE, HOOK_PAGE, SECRETS_PAGE] {
        let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(
            title.contains(&format!("time-shift {version}\"")),
            "{title}"
        );
    }
}

/// What it says of the format and its numbers is what the program does.
#[test]
fn the_man_page_of_secrets_says_what_each_way_of_unlocking_protects_against() {
    let page = SECRETS_PAGE.replace("\\-", "-");
    for way in [
        "passphrase, typed",
        "keyring (",
        "TPM (",
        "host key (",
        "--passphrase-fd",
    ] {
        assert!(page.contains(way), "{way}");
    }
    assert!(page.contains("Root on a node can read what the node uses"));
    assert!(page.contains(&format!(
        "systemd credential\n.I {}",
        time_shift::token::CREDENTIAL
    )));
    for (word, _) in time_shift::token::Kind::WORDS {
        assert!(page.contains(word), "{word}");
    }
    assert!(UNLOCK.contains(&format!("={}:", time_shift::token::CREDENTIAL)));
}

#[test]
fn the_worker_and_the_sweep_are_hardened_alike() {
    let hardening = |unit: &'static str| unit.split_once("\nKillMode=").unwrap().1;
    assert_eq!(hardening(WORKER), hardening(SWEEP));
    // What unlocks the secrets has no business with guests; else it is the same.
    let settings = |unit: &'static str| -> BTreeSet<&str> {
        let lines = hardening(unit).lines();
        lines
            .filter(|line| line.contains('=') && !line.starts_with('#'))
            .filter(|line| {
                !line.contains("/run/qemu-server") && !line.contains("/etc/pve/time-shift")
            })
            .collect()
    };
    assert_eq!(settings(UNLOCK), settings(SWEEP));
}

#[test]
fn upgrades_find_copies_of_the_snippet_by_its_second_line() {
    let line = SNIPPET.lines().nth(1).unwrap();
    let rest = line.strip_prefix(MARK).unwrap();
    let (number, _) = rest.split_once(':').unwrap();
    assert!(number.parse::<u32>().is_ok(), "{line}");
    let script = include_str!("../debian/snippets.sh");
    assert!(
        script.contains(MARK),
        "the maintainer scripts look for something else"
    );
}

/// E6. Every control that is named says what is left, and none of the first ten is left out.
#[test]
fn the_page_on_security_says_what_is_left_with_each_control() {
    let (_, catalogues) = SECURITY_PAGE.split_once(".SH OWASP TOP 10").unwrap();
    let (catalogues, _) = catalogues.split_once(".SH FILES").unwrap();
    let controls: Vec<&str> = catalogues.split("\n.TP\n").skip(1).collect();
    assert!(controls.len() > 30, "{}", controls.len());
    for control in &controls {
        let name = control.lines().next().unwrap();
        let (done, left) = control
            .split_once("\n.br\n.I Left:\n")
            .unwrap_or_else(|| panic!("{name}: nothing is said about what is left"));
        assert!(done.lines().count() > 1, "{name}: nothing is said about it");
        assert!(!left.trim().is_empty(), "{name}");
    }
    for number in 1..=10 {
        let tag = format!(".B \"A{number:02} ");
        assert!(controls.iter().any(|one| one.starts_with(&tag)), "{tag}");
    }
    for catalogue in ["OWASP TOP 10", "CIS CONTROLS", "NIST SP 800-53"] {
        assert!(
            SECURITY_PAGE.contains(&format!(".SH {catalogue}\n")),
            "{catalogue}"
        );
    }
    assert!(catalogues.contains("database of advisories"));
}

#[test]
fn all_manual_pages_are_in_the_package_and_know_each_other() {
    let listed = include_str!("../debian/time-shift-proxmox.manpages");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/debian/man");
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let line = format!("debian/man/{name}");
        assert!(
            listed.lines().any(|one| one == line),
            "{line} is not installed"
        );
    }
    let page = manuals::page(&time_shift::cli::command()).unwrap();
    let page = String::from_utf8(page).unwrap().replace("\\-", "-");
    for line in listed.lines() {
        let name = line.rsplit('/').next().unwrap();
        let (name, section) = name.rsplit_once('.').unwrap();
        let reference = format!("\\fB{name}\\fR({section})");
        assert!(
            page.contains(&reference),
            "time-shift(8) does not name {reference}"
        );
    }
    for log in ["audit.log", "command-audit.log", "time-shift.log"] {
        let path = format!("/var/log/time-shift/{log}");
        for (name, text) in [
            ("time-shift(8)", &page),
            ("hook", &HOOK_PAGE.replace("\\-", "-")),
        ] {
            assert!(text.contains(&path), "{name} does not name {path}");
        }
    }
}

#[test]
fn who_keeps_the_package_is_said_the_same_everywhere() {
    let control = include_str!("../debian/control");
    let keeper = control
        .lines()
        .find_map(|line| line.strip_prefix("Maintainer: "))
        .unwrap();
    let changelog = include_str!("../debian/changelog");
    assert!(changelog.contains(&format!("\n -- {keeper}  ")));
    let copyright = include_str!("../debian/copyright");
    assert!(copyright.contains(&format!("\nUpstream-Contact: {keeper}\n")));
}

/// E3.
#[test]
fn every_command_shows_a_use_in_its_help() {
    fn examine(command: &clap::Command, path: &str, faults: &mut Vec<String>) {
        let path = format!("{path}{}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string);
        let group = command.get_subcommands().next().is_some();
        let shows = help.is_some_and(|help| help.contains(&format!("\n  {path}")));
        if !group && !shows {
            faults.push(path.clone());
        }
        let help = command.get_after_help().map(ToString::to_string);
        if !group && !help.is_some_and(|help| help.contains("Exit codes: 0 ")) {
            faults.push(format!("{path} (exit codes)"));
        }
        for below in command
            .get_subcommands()
            .filter(|below| below.get_name() != "help")
        {
            examine(below, &format!("{path} "), faults);
        }
    }
    let mut faults = Vec::new();
    examine(&time_shift::cli::command(), "", &mut faults);
    assert_eq!(
        faults,
        Vec::<String>::new(),
        "these show no example of themselves, or not what they end with"
    );
}

/// B5. Who writes a role finds each command among the verbs.
#[test]
fn the_page_of_the_allowlist_says_under_which_verb_each_command_is() {
    let (_, verbs) = ALLOWLIST_PAGE
        .split_once(".BR verbs \" (required)\"")
        .unwrap();
    let (verbs, _) = verbs.split_once("\n.SH ").unwrap();
    let verbs = verbs.replace("\\-", "-");
    let words: Vec<&str> = verbs
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    for command in time_shift::cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(words.contains(&name), "{name} is under no verb");
    }
}

/// E3. What an administrator can type is in the man page, each command under its own heading.
#[test]
fn the_man_page_has_every_command_with_all_its_options() {
    fn examine(command: &clap::Command, path: &str, page: &str, faults: &mut Vec<String>) {
        for below in command.get_subcommands() {
            if below.is_hide_set() || below.get_name() == "help" {
                continue;
            }
            let name = format!("{path}{}", below.get_name());
            let Some((_, section)) = page.split_once(&format!("\n.SS {name}\n")) else {
                faults.push(name);
                continue;
            };
            let (section, _) = section.split_once("\n.S").unwrap();
            let everywhere = |id: &str| matches!(id, "config" | "color" | "help" | "version");
            for argument in below.get_arguments() {
                let id = argument.get_id().as_str();
                let said = match argument.get_long() {
                    Some(long) => section.contains(&format!("\\fB--{long}\\fR")),
                    None => {
                        let names = argument.get_value_names().unwrap_or_default();
                        names.iter().all(|name| section.contains(name.as_str()))
                    }
                };
                if !said && !everywhere(id) && !argument.is_hide_set() {
                    faults.push(format!("{name} {id}"));
                }
            }
            examine(below, &format!("{name} "), page, faults);
        }
    }
    let mut command = time_shift::cli::command();
    command.build();
    let page = manuals::page(&command).unwrap();
    let page = String::from_utf8(page).unwrap().replace("\\-", "-");
    let mut faults = Vec::new();
    examine(&command, "", &page, &mut faults);
    assert_eq!(faults, Vec::<String>::new());
    let (head, _) = page.split_once(".SH COMMANDS\n").unwrap();
    for option in ["--config", "--color", "--help", "--version"] {
        assert!(head.contains(&format!("\\fB{option}\\fR")), "{option}");
    }
}

/// E3. What is asked or done can be read by a script, except where there is nothing to read.
#[test]
fn every_command_answers_in_json() {
    // A secret itself; what has formats of its own; what only systemd starts.
    let others = ["token show", "audit export", "worker"];
    fn examine(command: &clap::Command, path: &str, without: &mut Vec<String>) {
        for below in command.get_subcommands() {
            let name = format!("{path}{}", below.get_name());
            let group = below.get_subcommands().next().is_some();
            if below.get_arguments().all(|one| one.get_id() != "json") && !group {
                without.push(name.clone());
            }
            examine(below, &format!("{name} "), without);
        }
    }
    let mut without = Vec::new();
    examine(&time_shift::cli::command(), "", &mut without);
    without.sort();
    let mut others: Vec<String> = others.map(str::to_owned).to_vec();
    others.sort();
    assert_eq!(without, others);
}

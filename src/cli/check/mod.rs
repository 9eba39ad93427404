//! `time-shift check`: everything that can be known to be wrong before a VM starts.
//!
//! Belongs here: one file for each kind of thing that is looked at, each with a function that adds
//! findings.

mod files;
mod folders;
mod guests;
mod identity;
mod nobody;
mod snippets;
mod tags;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use self::snippets::Snippets;
use super::arguments::Check;
use super::audit::unfinished_lately;
use super::style::colors;
use super::{Exit, Failure, put, put_json};
use crate::config::Config;
use crate::model::{DenyReason, VmId};
use crate::report::{Code, Finding, Place, Severity, Tone};
use crate::sources::{AllowlistFile, counts, load_config};
use crate::system;

/// How far back intents without an outcome are looked for.
const UNFINISHED_DAYS: i64 = 7;

pub(super) fn run(config_path: &Path, options: &Check) -> Result<Exit, Failure> {
    let mut findings = match options.notes {
        true => with_notes(config_path)?,
        false => findings(config_path)?,
    };
    if options.strict {
        for finding in &mut findings {
            if finding.severity == Severity::Warning {
                finding.severity = Severity::Error;
            }
        }
    }
    if options.json {
        put_json(&findings)?;
    } else {
        for finding in &findings {
            put(&line(finding))?;
        }
        let (counts, is_clusters) = counting(config_path);
        if findings.is_empty() {
            let checked = "config.toml, allowlist and VM configs";
            put(&format!("{checked}: nothing found. {counts}\n"))?;
        } else if is_clusters {
            put(&format!("{counts}\n"))?;
        }
        let bare = [
            Code::VmsUnreadable,
            Code::Denied(DenyReason::AllowlistMissing),
        ];
        if findings.iter().any(|finding| bare.contains(&finding.code)) {
            put("`time-shift doctor` says step by step what a node needs.\n")?;
        }
    }
    let errors = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    Ok(if errors { Exit::Failed } else { Exit::Done })
}

/// Which allowlist that was and why, and whether it is the cluster's.
fn counting(config_path: &Path) -> (String, bool) {
    let Ok(config) = load_config(config_path) else {
        return (String::new(), false);
    };
    let (file, why) = counts(&config);
    let text = format!("{} counts: {why}.", file.path(&config).display());
    (text, file == AllowlistFile::Cluster)
}

/// A finding for people.
pub(super) fn line(finding: &Finding) -> String {
    let tone = match finding.severity {
        Severity::Error => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Note => Tone::Aside,
    };
    let text = finding.to_string();
    format!("{}\n", colors().paint(tone, &text))
}

/// All that is wrong.
pub(super) fn findings(config_path: &Path) -> Result<Vec<Finding>, Failure> {
    let mut found = with_notes(config_path)?;
    found.retain(|finding| finding.severity != Severity::Note);
    Ok(found)
}

fn with_notes(config_path: &Path) -> Result<Vec<Finding>, Failure> {
    let mut found = Vec::new();
    let Some(config) = files::config(config_path, &mut found) else {
        return Ok(found);
    };
    let now = system::now()?;
    let loaded = files::allowlist(&config, &mut found);
    let mut snippets = Snippets::new(&config, &mut found);
    guests::all(&config, loaded.as_ref(), now, &mut snippets, &mut found);
    snippets.findings(&mut found);
    if let Some(loaded) = &loaded {
        nobody::rules(&config, loaded, &mut found);
        tags::all(&config, loaded, &mut found);
        identity::all(&config, loaded, &mut found);
    }
    nobody::approvals(&config, &mut found);
    let more = snippets.files().chain([config_path]);
    folders::all(&config, more, &mut found);
    found.extend(super::token::findings(&config, now));
    found.extend(super::cert::changed_pins(&config));
    unfinished(&config, &mut found);
    Ok(found)
}

fn unfinished(config: &Config, found: &mut Vec<Finding>) {
    // Where the trail cannot be read, `audit verify` says why.
    for intent in unfinished_lately(config, UNFINISHED_DAYS).unwrap_or_default() {
        if let Some(vmid) = intent.vmid {
            found.push(Finding {
                severity: Severity::Warning,
                code: Code::Unfinished,
                place: Place::Vm { vmid },
                text: intent.sentence(),
            });
        }
    }
}

/// How many of many are named in a sentence.
const MOST: usize = 20;

/// The first of `all` names, and how many more there are.
fn listed(first: &[String], all: usize) -> String {
    let names = first.join(", ");
    match all.saturating_sub(first.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

fn numbers(vmids: &[VmId]) -> String {
    let first: Vec<String> = vmids.iter().take(MOST).map(VmId::to_string).collect();
    listed(&first, vmids.len())
}

/// Whether somebody else than root may write there, as a sentence that can go on.
fn writable(path: &Path) -> Option<String> {
    let data = fs::metadata(path).ok()?;
    let mode = data.mode() & 0o7777;
    // The group root has nobody else in it.
    let by_group = mode & 0o020 != 0 && data.gid() != 0;
    if data.uid() != 0 {
        Some(format!(
            "it belongs to user {}, not to root (chown root)",
            data.uid()
        ))
    } else if mode & 0o002 != 0 || by_group {
        Some(format!(
            "others than root may write to it (mode {mode:04o}; chmod go-w)"
        ))
    } else {
        None
    }
}

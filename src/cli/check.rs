//! `time-shift check`: everything that can be known to be wrong before a VM starts.
use std::path::{Path, PathBuf};

use super::arguments::Check;
use super::audit::unfinished_lately;
use super::{Exit, Failure, put, put_json};
use crate::config::Config;
use crate::judge::{Judgement, judge, warnings};
use crate::model::{Now, Tag, VmId};
use crate::policy::{Confirmation, Request};
use crate::report::{Finding, Place, Severity};
use crate::sources::{
    ConfigError, Guest, Loaded, find_guest, load_allowlist, load_config, registered_tags,
};
use crate::strict;
use crate::system;

/// How far back intents without an outcome are looked for.
const UNFINISHED_DAYS: i64 = 7;

pub(super) fn run(config_path: &Path, options: &Check) -> Result<Exit, Failure> {
    let findings = findings(config_path)?;
    if options.json {
        put_json(&findings)?;
    } else {
        for finding in &findings {
            put(&format!("{finding}\n"))?;
        }
        if findings.is_empty() {
            put("config.toml, allowlist and VM configs: nothing found.\n")?;
        }
    }
    let errors = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error);
    Ok(if errors { Exit::Failed } else { Exit::Done })
}

fn findings(config_path: &Path) -> Result<Vec<Finding>, Failure> {
    let config = match load_config(config_path) {
        Ok(config) => config,
        Err(ConfigError::File(error)) => {
            return Ok(vec![whole_file(config_path, &error.to_string())]);
        }
        Err(ConfigError::Invalid { path, findings }) => {
            return Ok(in_file(&path, &findings, Severity::Error));
        }
    };
    let mut found = Vec::new();
    let loaded = match load_allowlist(&config) {
        Ok(loaded) => {
            found.extend(in_file(
                &loaded.path,
                loaded.allowlist.warnings(),
                Severity::Warning,
            ));
            Some(loaded)
        }
        Err(not_loaded) if not_loaded.findings.is_empty() => {
            found.push(whole_file(&not_loaded.path, &not_loaded.deny.text));
            None
        }
        Err(not_loaded) => {
            found.extend(in_file(
                &not_loaded.path,
                &not_loaded.findings,
                Severity::Error,
            ));
            None
        }
    };
    let now = system::now()?;
    let tags = registered_tags(&config);
    let folder = config.paths.pve.join("qemu-server");
    match vmids(&folder) {
        Ok(vmids) => {
            for vmid in vmids {
                check_vm(&config, vmid, loaded.as_ref(), &tags, now, &mut found);
            }
        }
        Err(error) => found.push(whole_file(&folder, &error.to_string())),
    }
    found.extend(super::token::findings(&config, now));
    // Where the trail cannot be read, `audit verify` says why.
    for intent in unfinished_lately(&config, UNFINISHED_DAYS).unwrap_or_default() {
        if let Some(vmid) = intent.vmid {
            found.push(Finding {
                severity: Severity::Warning,
                place: Place::Vm { vmid },
                text: intent.sentence(),
            });
        }
    }
    Ok(found)
}

/// The VMs of this node.
fn vmids(folder: &Path) -> std::io::Result<Vec<VmId>> {
    let mut vmids = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".conf"));
        vmids.extend(stem.and_then(|stem| VmId::parse(stem.as_bytes()).ok()));
    }
    vmids.sort_unstable();
    Ok(vmids)
}

fn check_vm(
    config: &Config,
    vmid: VmId,
    loaded: Option<&Loaded>,
    tags: &[Tag],
    now: Now,
    found: &mut Vec<Finding>,
) {
    let mut add = |severity, text: String| {
        found.push(Finding {
            severity,
            place: Place::Vm { vmid },
            text,
        });
    };
    let facts = match find_guest(config, vmid, None) {
        Ok(Guest::Qemu(facts)) => facts,
        // Gone since the folder was read.
        Ok(Guest::Container | Guest::Nobody) => return,
        Err(error) => return add(Severity::Error, error.to_string()),
    };
    let Some(loaded) = loaded else {
        return;
    };
    let request = Request {
        vmid,
        registered_tags: tags.to_vec(),
        // That nobody has approved it yet is as it should be.
        confirmation: Confirmation::Assumed,
    };
    match judge(&request, &facts, &loaded.allowlist, now) {
        Judgement::NotConcerned => {}
        Judgement::Denied(deny) => add(
            Severity::Error,
            format!("its clock will be left alone: {deny}"),
        ),
        Judgement::Permitted(authorized) => {
            let profile = authorized.grant().profile();
            if facts.hookscript.is_none() {
                add(
                    Severity::Warning,
                    format!(
                        "it may have profile {profile}, but has no hookscript, so nothing will be done"
                    ),
                );
            }
            for warning in warnings(&facts, &authorized, now, system::host_clock_synchronised()) {
                add(Severity::Warning, format!("profile {profile}: {warning}"));
            }
        }
    }
}

fn whole_file(path: &Path, text: &str) -> Finding {
    let place = Place::File {
        file: path.to_owned(),
        line: 1,
        column: 1,
    };
    Finding {
        severity: Severity::Error,
        place,
        text: text.to_owned(),
    }
}

fn in_file(path: &Path, findings: &[strict::Finding], severity: Severity) -> Vec<Finding> {
    let place = |finding: &strict::Finding| Place::File {
        file: PathBuf::from(path),
        line: finding.line,
        column: finding.column,
    };
    findings
        .iter()
        .map(|finding| Finding {
            severity,
            place: place(finding),
            text: finding.text.clone(),
        })
        .collect()
}

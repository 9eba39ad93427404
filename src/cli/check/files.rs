//! What is wrong in config.toml and in the allowlist.
use std::path::Path;

use crate::config::Config;
use crate::model::DenyReason;
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{ConfigError, Loaded, load_allowlist, load_config};
use crate::strict;

/// config.toml, if it is of use.
pub(super) fn config(path: &Path, found: &mut Vec<Finding>) -> Option<Config> {
    let code = Code::Denied(DenyReason::ConfigInvalid);
    match load_config(path) {
        Ok(config) => return Some(config),
        Err(ConfigError::File(error)) => found.push(whole(path, code, &error.to_string())),
        Err(ConfigError::Invalid { path, findings }) => {
            found.extend(within(&path, &findings, Severity::Error, code));
        }
    }
    None
}

/// The allowlist, if it is of use.
pub(super) fn allowlist(config: &Config, found: &mut Vec<Finding>) -> Option<Loaded> {
    let not_loaded = match load_allowlist(config) {
        Ok(loaded) => {
            found.extend(within(
                &loaded.path,
                loaded.allowlist.warnings(),
                Severity::Warning,
                Code::AllowlistRemark,
            ));
            return Some(loaded);
        }
        Err(not_loaded) => not_loaded,
    };
    let code = Code::Denied(not_loaded.deny.reason);
    if not_loaded.findings.is_empty() {
        found.push(whole(&not_loaded.path, code, &not_loaded.deny.text));
    } else {
        let findings = &not_loaded.findings;
        found.extend(within(&not_loaded.path, findings, Severity::Error, code));
    }
    None
}

/// A file that is of no use as a whole.
pub(super) fn whole(path: &Path, code: Code, text: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        code,
        place: Place::File {
            file: path.to_owned(),
            line: 1,
            column: 1,
        },
        text: text.to_owned(),
    }
}

fn within(
    path: &Path,
    findings: &[strict::Finding],
    severity: Severity,
    code: Code,
) -> impl Iterator<Item = Finding> {
    findings.iter().map(move |finding| Finding {
        severity,
        code,
        place: Place::File {
            file: path.to_owned(),
            line: finding.line,
            column: finding.column,
        },
        text: finding.text.clone(),
    })
}

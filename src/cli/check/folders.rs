//! The folders on the way to files that decide or that are run: who may write to one, puts another
//! file in place.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::writable;
use crate::config::Config;
use crate::report::{Code, Finding, Place, Severity};

/// What the hookscript runs.
const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";

/// `more`: files beside those of config.toml.
pub(super) fn all<'a>(
    config: &'a Config,
    more: impl Iterator<Item = &'a Path>,
    found: &mut Vec<Finding>,
) {
    let paths = &config.paths;
    let hook = Path::new(HOOK);
    let own = [
        paths.allowlist.as_path(),
        paths.cluster_allowlist.as_path(),
        paths.state.as_path(),
        paths.data.as_path(),
        paths.log.as_path(),
        paths.program.as_path(),
        hook,
    ];
    let programs = [paths.program.as_path(), hook];
    let mut seen = BTreeSet::new();
    for path in own.into_iter().chain(more) {
        // The way as it is written, and the one that links make of it.
        let real = fs::canonicalize(path).unwrap_or_default();
        for step in path.ancestors().chain(real.ancestors()) {
            let program = programs.contains(&step);
            let counts = program || fs::symlink_metadata(step).is_ok_and(|data| data.is_dir());
            if !counts || !seen.insert(step.to_owned()) {
                continue;
            }
            if let Some(text) = writable(step) {
                let text = match program {
                    true => format!("{text}, and root runs it"),
                    false => format!("{text}, who could replace {}", path.display()),
                };
                found.push(Finding {
                    severity: Severity::Error,
                    code: Code::FolderWritable,
                    place: Place::Path {
                        file: step.to_owned(),
                    },
                    text,
                });
            }
        }
    }
}

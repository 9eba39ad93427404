//! Secrets that should be replaced: for `status`, for `check`, and once a day for the system's log.
use std::time::Duration;

use super::super::Failure;
use super::list::age_days;
use super::store;
use crate::audit::Severity;
use crate::config::Config;
use crate::model::Now;
use crate::report::{self, Code, Finding, Place};
use crate::system::{self, Access, Dir};
use crate::token::{Error, Info, Store};
use crate::voice::syslog;

/// A file whose time says when somebody was last reminded.
const REMINDED: &str = ".reminded";

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What is due, as sentences.
pub(super) fn due(store: &Store, now: Now) -> Result<Vec<(Info, String)>, Error> {
    let mut due = Vec::new();
    for name in store.names()? {
        let Ok(info) = store.info(&name) else {
            continue;
        };
        if now.real >= info.rotate_by {
            let text = format!(
                "secret {name} ({}) is {} days old; time-shift token rotate {name}",
                info.kind,
                age_days(&info, now)
            );
            due.push((info, text));
        }
    }
    Ok(due)
}

/// The same, and sealed files that are of no use, for `check`.
pub(in crate::cli) fn findings(config: &Config, now: Now) -> Vec<Finding> {
    let store = store(config);
    let finding = |name: &str, severity, code, text| Finding {
        severity,
        code,
        place: Place::File {
            file: store.folder().join(name),
            line: 1,
            column: 1,
        },
        text,
    };
    let mut found = Vec::new();
    let names = match store.names() {
        Ok(names) => names,
        Err(error) => {
            return vec![finding(
                "",
                report::Severity::Error,
                Code::SecretUnusable,
                error.to_string(),
            )];
        }
    };
    for name in names {
        if let Err(error) = store.info(&name) {
            found.push(finding(
                name.as_str(),
                report::Severity::Error,
                Code::SecretUnusable,
                error.to_string(),
            ));
        }
    }
    for (info, text) in due(&store, now).unwrap_or_default() {
        found.push(finding(
            info.name.as_str(),
            report::Severity::Warning,
            Code::SecretDue,
            text,
        ));
    }
    found
}

/// Says in the system's log what is due, once a day.
pub(in crate::cli) fn remind(config: &Config) -> Result<(), Failure> {
    let store = store(config);
    let now = system::now()?;
    let due = due(&store, now)?;
    if due.is_empty() {
        return Ok(());
    }
    let folder = Dir::open(&store.folder())?;
    let last = folder
        .open_file(REMINDED, Access::Read)
        .ok()
        .and_then(|file| file.changed());
    // A clock that was set back since then does not silence it for longer.
    let lately = last.is_some_and(|last| {
        let since = now.real.floor_seconds().abs_diff(last.floor_seconds());
        since < DAY.as_secs()
    });
    if lately {
        return Ok(());
    }
    folder.touch(REMINDED)?;
    if let Some(syslog) = syslog(config) {
        for (_, text) in due {
            syslog.send(Severity::LOG_WARNING, None, "rotation-due", &text);
        }
    }
    Ok(())
}

//! Intents without an outcome: a start that got no further, or a run that was killed in between.
use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::entries::is_older;
use super::lines::{Flow, each_line};
use crate::audit::{Log, open_logs};
use crate::cli::Failure;
use crate::config::Config;
use crate::model::{Printable, Timestamp, VmId};
use crate::system;
use crate::trace::Brief;

/// How long a start may take before its intent counts as unfinished. post-start comes right after
/// QEMU was launched, which may have to load a large VM.
const PATIENCE_SECONDS: i64 = 600;

/// The same for a change through the API, whose task may take its time.
pub(super) const LONGEST_PATIENCE_SECONDS: i64 = 3600;

/// How many are remembered at least.
const CAP: usize = 10_000;

/// An intent of which nothing more was written down.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::cli) struct Unfinished {
    /// The intent's name.
    pub(in crate::cli) intent: Printable,
    /// When it was written.
    pub(in crate::cli) time: Timestamp,
    /// The VM.
    pub(in crate::cli) vmid: Option<VmId>,
    /// Whether it is about a change through the API of Proxmox VE, not about a clock.
    pub(in crate::cli) by_api: bool,
}

impl Unfinished {
    /// What a person should know about it.
    pub(in crate::cli) fn sentence(&self) -> String {
        let what = match self.by_api {
            false => "the VM did not start, or the run was killed; look at the guest's clock",
            true => "the run was killed before the API answered; look at the tasks of the node",
        };
        format!(
            "unfinished: the intent of {} has no outcome: {what}",
            self.time
        )
    }
}

impl fmt::Display for Unfinished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let vmid = self.vmid.map_or_else(String::new, |vmid| vmid.to_string());
        write!(f, "VM {vmid}: {}", self.sentence())
    }
}

/// The intents since `since` that have no outcome at `now`, the oldest first; of very many the newest.
///
/// # Errors
/// Where the log folder is not usable.
pub(super) fn unfinished(
    config: &Config,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Unfinished>, Failure> {
    let mut open: Vec<Unfinished> = Vec::new();
    each_brief(config, &[Log::Audit], since, |brief| {
        let (by_api, patience) = match brief.event {
            "intent" => (false, PATIENCE_SECONDS),
            "api-intent" => (true, LONGEST_PATIENCE_SECONDS),
            _ => return,
        };
        let Some(intent) = brief.intent else {
            return;
        };
        let old = now.floor_seconds().saturating_sub(patience);
        let Ok(time) = Timestamp::parse(brief.time) else {
            return;
        };
        if time.floor_seconds() > old || since.is_some_and(|since| time < since) {
            return;
        }
        if open.len() >= CAP.saturating_mul(2) {
            open.drain(..CAP);
        }
        open.push(Unfinished {
            intent: Printable::from(intent),
            time,
            vmid: brief.vmid,
            by_api,
        });
    })?;
    let mut names: BTreeSet<String> = open.iter().map(|one| one.intent.to_string()).collect();
    if !names.is_empty() {
        each_brief(config, &[Log::Command, Log::General], since, |brief| {
            if let Some(intent) = brief.intent {
                names.remove(intent);
            }
        })?;
    }
    open.retain(|one| names.contains(one.intent.as_str()));
    Ok(open)
}

fn each_brief(
    config: &Config,
    logs: &[Log],
    since: Option<Timestamp>,
    mut each: impl FnMut(&Brief<'_>),
) -> Result<(), Failure> {
    let files = open_logs(&config.paths.log)?;
    let files = files.into_iter().filter(|files| logs.contains(&files.log));
    for file in files.flat_map(|files| files.files) {
        if is_older(&file, since) {
            continue;
        }
        // What cannot be read has been said by the proof.
        let _ = each_line(&file, |line, _| {
            if let Some(brief) = Brief::parse(line) {
                each(&brief);
            }
            Flow::Next
        });
    }
    Ok(())
}

/// The same for the last `days` days, for those who look regularly.
///
/// # Errors
/// As for [`unfinished`].
pub(in crate::cli) fn unfinished_lately(
    config: &Config,
    days: i64,
) -> Result<Vec<Unfinished>, Failure> {
    let now = system::now()?.real;
    let back = i128::from(days).saturating_mul(86_400_000_000_000);
    let since = Timestamp::from_nanos(now.as_nanos().saturating_sub(back))?;
    unfinished(config, Some(since), now)
}

//! Intents without an outcome: a start that got no further, or a run that was killed in between.
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::entries::each_entry;
use crate::audit::Log;
use crate::cli::Failure;
use crate::config::Config;
use crate::model::{Printable, Timestamp, VmId};
use crate::system;

/// How long a start may take before its intent counts as unfinished. post-start comes right after
/// QEMU was launched, which may have to load a large VM.
const PATIENCE_SECONDS: i64 = 600;

/// How many are remembered.
const CAP: usize = 10_000;

/// An intent of which nothing more was written down.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(in crate::cli) struct Unfinished {
    /// The intent's name.
    pub(in crate::cli) intent: String,
    /// When it was written.
    pub(in crate::cli) time: Timestamp,
    /// The VM.
    pub(in crate::cli) vmid: Option<VmId>,
    /// Its name.
    pub(in crate::cli) name: Option<Printable>,
}

impl Unfinished {
    /// What a person should know about it.
    pub(in crate::cli) fn sentence(&self) -> String {
        format!(
            "unfinished: the intent of {} has no outcome: the VM did not start, or the run was killed; \
             look at the guest's clock",
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

/// The intents since `since` that have no outcome at `now`, the oldest first.
///
/// # Errors
/// Where the log folder is not usable.
pub(super) fn unfinished(
    config: &Config,
    since: Option<Timestamp>,
    now: Timestamp,
) -> Result<Vec<Unfinished>, Failure> {
    let mut open: BTreeMap<String, Unfinished> = BTreeMap::new();
    each_entry(config, &[Log::Audit], since, |entry| {
        let young = now
            .floor_seconds()
            .saturating_sub(entry.time.floor_seconds())
            < PATIENCE_SECONDS;
        if entry.event.as_str() != "intent" || young || open.len() >= CAP {
            return;
        }
        if let Some(intent) = &entry.intent {
            let found = Unfinished {
                intent: intent.clone(),
                time: entry.time,
                vmid: entry.vmid,
                name: entry.name.clone(),
            };
            open.insert(intent.clone(), found);
        }
    })?;
    if !open.is_empty() {
        each_entry(config, &[Log::Command, Log::General], since, |entry| {
            if let Some(intent) = &entry.intent {
                open.remove(intent);
            }
        })?;
    }
    let mut open: Vec<Unfinished> = open.into_values().collect();
    open.sort_by_key(|intent| intent.time);
    Ok(open)
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

//! What has become unusual, said in the system's log once, by the sweep.
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::anomalies::unusual;
use crate::audit::{Severity, open_logs};
use crate::cli::Failure;
use crate::config::Config;
use crate::model::Timestamp;
use crate::system::{self, Deadline, Dir, FileErrorKind};
use crate::trace::Anomaly;
use crate::voice::syslog;

/// What has been said, in the folder of what outlives a reboot.
const SAID: &str = "anomalies-said";

/// Held while it is looked.
const LOCK: &str = "anomalies.lock";

/// Largest such file.
const LIMIT: usize = 2 * 1024 * 1024;

/// How far back is looked, and with how much before that it is compared.
const DAYS: i64 = 7;
const HISTORY_DAYS: i64 = 45;

/// How many records are looked at: the unit has little memory.
const CAP: usize = 100_000;

/// How many are said at a time, and remembered.
const AT_ONCE: usize = 20;
const REMEMBERED: usize = 1000;

/// It is looked again after this many times as long as looking took, and after an hour in any case: a
/// shift can become too long without a record.
const SHARE: u64 = 60;
const LONGEST_PAUSE_SECONDS: i64 = 3600;

/// What the last look left.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Said {
    /// When it was looked last, and not before when it is worth while to look again.
    looked: Option<Timestamp>,
    again: Option<Timestamp>,
    /// The logs' files and sizes then.
    trail: Vec<(u64, u64)>,
    /// What was said, by when.
    said: BTreeMap<String, Timestamp>,
}

/// Says what is new. Where it cannot be remembered, nothing is said: it would be each minute.
///
/// # Errors
/// [`Failure`]; the next sweep tries again.
pub(in crate::cli) fn tell_unusual(config: &Config) -> Result<(), Failure> {
    let Some(syslog) = syslog(config) else {
        return Ok(());
    };
    if Dir::open(&config.paths.log).is_err_and(|error| error.is_missing()) {
        // Nothing was ever written down.
        return Ok(());
    }
    let folder = Dir::open_or_make(&config.paths.data, 0o700)?;
    let _lock = match folder.lock(LOCK, Deadline::after(Duration::ZERO)) {
        // Another sweep says it.
        Err(error) if error.kind == FileErrorKind::Locked => return Ok(()),
        other => other?,
    };
    let mut said: Said = match folder.read(SAID, LIMIT) {
        // What is not ours is begun anew.
        Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_default(),
        Err(error) if error.is_missing() => Said::default(),
        Err(error) => return Err(error.into()),
    };
    let (begun, trail) = (system::now()?, sizes(config)?);
    if !said.is_due(begun.real, &trail) {
        return Ok(());
    }
    let back = |days: i64| {
        let nanos = i128::from(days).saturating_mul(86_400_000_000_000);
        Timestamp::from_nanos(begun.real.as_nanos().saturating_sub(nanos))
    };
    let (found, _) = unusual(config, Some(back(HISTORY_DAYS)?), back(DAYS)?, CAP)?;
    let new = said.add(found, begun.real);
    let took = system::now()?
        .boot
        .as_nanos()
        .saturating_sub(begun.boot.as_nanos());
    let pause = i128::from(took.saturating_mul(SHARE));
    said.looked = Some(begun.real);
    said.again = Some(Timestamp::from_nanos(
        begun.real.as_nanos().saturating_add(pause),
    )?);
    said.trail = trail;
    // Remembered before it is said: who is killed in between says nothing twice.
    folder.replace_durably(SAID, &serde_json::to_vec(&said)?, 0o600)?;
    let send = |anomaly: Option<&Anomaly>, text: &str| {
        let vmid = anomaly.and_then(|anomaly| anomaly.vmid);
        syslog.deliver(Severity::LOG_WARNING, vmid, "anomaly", text)
    };
    let mut unsaid = Vec::new();
    for anomaly in new.iter().take(AT_ONCE) {
        if !send(Some(anomaly), &sentence(anomaly)) {
            unsaid.push(key(anomaly));
        }
    }
    if let more @ 1.. = new.len().saturating_sub(AT_ONCE) {
        let text = format!("{more} more things are unusual; time-shift audit anomalies shows them");
        if !send(None, &text) {
            unsaid.extend(new.iter().skip(AT_ONCE).map(key));
        }
    }
    if !unsaid.is_empty() {
        // The next sweep says it.
        said.said.retain(|id, _| !unsaid.contains(id));
        said.looked = None;
        folder.replace_durably(SAID, &serde_json::to_vec(&said)?, 0o600)?;
    }
    Ok(())
}

/// One line, with the records that say so.
fn sentence(anomaly: &Anomaly) -> String {
    let vm = anomaly
        .vmid
        .map_or_else(String::new, |vmid| format!("VM {vmid}: "));
    let records: Vec<&str> = anomaly
        .evidence
        .iter()
        .filter_map(|evidence| evidence.split(' ').next())
        .collect();
    format!(
        "{vm}unusual ({}): {}; records {}",
        anomaly.kind.as_str(),
        anomaly.text,
        records.join(" ")
    )
}

/// The files that are written to, and how large they are.
fn sizes(config: &Config) -> Result<Vec<(u64, u64)>, Failure> {
    let current = open_logs(&config.paths.log)?;
    let current = current.iter().filter_map(|files| files.files.last());
    let opened = current.filter_map(|file| file.content.as_ref().ok());
    Ok(opened.map(|file| (file.inode(), file.size())).collect())
}

/// By what it is remembered: its id, which has the actor's name, however long that is.
fn key(anomaly: &Anomaly) -> String {
    anomaly.id.chars().take(300).collect()
}

impl Said {
    fn is_due(&self, now: Timestamp, trail: &[(u64, u64)]) -> bool {
        let (Some(looked), Some(again)) = (self.looked, self.again) else {
            return true;
        };
        let ago = now.floor_seconds().saturating_sub(looked.floor_seconds());
        // A clock that was put back since then does not silence it.
        match ago {
            ..0 => true,
            LONGEST_PAUSE_SECONDS.. => true,
            _ => self.trail != trail && now >= again,
        }
    }

    /// Remembers what was found. What is new comes back.
    fn add(&mut self, found: Vec<Anomaly>, now: Timestamp) -> Vec<Anomaly> {
        let oldest = now
            .floor_seconds()
            .saturating_sub(DAYS.saturating_mul(2 * 86_400));
        let still = |id: &String| found.iter().any(|anomaly| key(anomaly) == *id);
        self.said
            .retain(|id, at| at.floor_seconds() >= oldest || still(id));
        let is_new = |anomaly: &Anomaly| !self.said.contains_key(&key(anomaly));
        let new: Vec<Anomaly> = found.into_iter().filter(is_new).collect();
        for anomaly in &new {
            self.said.insert(key(anomaly), now);
        }
        while self.said.len() > REMEMBERED {
            let oldest = self.said.iter().min_by_key(|(_, at)| **at);
            let Some(id) = oldest.map(|(id, _)| id.clone()) else {
                break;
            };
            self.said.remove(&id);
        }
        new
    }
}

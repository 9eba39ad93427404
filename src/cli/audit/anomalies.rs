//! `time-shift audit anomalies`: what is unusual.
use super::entries::{Unread, each_entry};
use crate::audit::Log;
use crate::cli::arguments::audit::Anomalies;
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::Timestamp;
use crate::system;
use crate::trace::{Anomaly, Fact, anomalies};

/// How many records are looked at. Of more the newest.
const CAP: usize = 500_000;

pub(super) fn run(config: &Config, options: &Anomalies) -> Result<Exit, Failure> {
    let since = options.since.as_time()?;
    let (found, unread) = unusual(config, None, since, CAP)?;
    for remark in unread.files.iter().chain(&unread.lines) {
        complain(remark);
    }
    let exit = match unread.files.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    };
    if options.json {
        put_json(&found)?;
        return Ok(exit);
    }
    if found.is_empty() {
        put("nothing unusual\n")?;
    }
    for anomaly in found {
        let vm = anomaly
            .vmid
            .map_or_else(String::new, |vmid| format!(" VM {vmid}:"));
        let kind = anomaly.kind.as_str();
        put(&format!("{} {kind}:{vm} {}\n", anomaly.time, anomaly.text))?;
        for evidence in anomaly.evidence {
            put(&format!("    {evidence}\n"))?;
        }
    }
    Ok(exit)
}

/// What is unusual from `since` on, compared with what happened from `history` on, by at most `cap`
/// records; and what could not be looked at.
pub(super) fn unusual(
    config: &Config,
    history: Option<Timestamp>,
    since: Timestamp,
    cap: usize,
) -> Result<(Vec<Anomaly>, Unread), Failure> {
    let mut facts: Vec<Fact> = Vec::new();
    let mut left_out: usize = 0;
    let keep_newest = |facts: &mut Vec<Fact>| {
        facts.sort_by_key(Fact::time);
        let more = facts.len().saturating_sub(cap);
        facts.drain(..more);
        more
    };
    let mut unread = each_entry(config, &Log::ALL, history, |entry| {
        facts.extend(Fact::of(entry));
        if facts.len() >= cap.saturating_mul(2) {
            left_out = left_out.saturating_add(keep_newest(&mut facts));
        }
    })?;
    left_out = left_out.saturating_add(keep_newest(&mut facts));
    if left_out > 0 {
        unread.lines.push(format!(
            "only the newest {cap} records were looked at, and {left_out} were not"
        ));
    }
    Ok((anomalies(facts, since, system::now()?.real), unread))
}

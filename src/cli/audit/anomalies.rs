//! `time-shift audit anomalies`: what is unusual.
use super::entries::each_entry;
use crate::audit::Log;
use crate::cli::arguments::audit::Anomalies;
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::system;
use crate::trace::{Fact, anomalies};

/// How many records are looked at. More are said to be too many.
const CAP: usize = 500_000;

pub(super) fn run(config: &Config, options: &Anomalies) -> Result<Exit, Failure> {
    let since = options.since.as_time()?;
    let mut facts = Vec::new();
    let mut left_out: u64 = 0;
    each_entry(config, &Log::ALL, None, |entry| match Fact::of(entry) {
        Some(fact) if facts.len() < CAP => facts.push(fact),
        Some(_) => left_out = left_out.saturating_add(1),
        None => {}
    })?;
    if left_out > 0 {
        complain(&format!(
            "{left_out} records more than {CAP} were not looked at"
        ));
    }
    let found = anomalies(facts, since, system::now()?.real);
    if options.json {
        put_json(&found)?;
        return Ok(Exit::Done);
    }
    if found.is_empty() {
        put("nothing unusual\n")?;
    }
    for anomaly in found {
        let kind = serde_json::to_value(anomaly.kind)?;
        let vm = anomaly
            .vmid
            .map_or_else(String::new, |vmid| format!(" VM {vmid}:"));
        let kind = kind.as_str().unwrap_or_default();
        put(&format!("{} {kind}:{vm} {}\n", anomaly.time, anomaly.text))?;
        for evidence in anomaly.evidence {
            put(&format!("    {evidence}\n"))?;
        }
    }
    Ok(Exit::Done)
}

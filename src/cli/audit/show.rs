//! `time-shift audit show`: records for people, or as they are.
use std::io::IsTerminal;
use std::time::Duration;

use super::lines::{Flow, each_line};
use crate::audit::open_logs;
use crate::cli::arguments::audit::Show;
use crate::cli::{Exit, Failure, complain, put};
use crate::config::Config;
use crate::model::{Offset, Timestamp};
use crate::report::columns;
use crate::system::Deadline;
use crate::trace::{Entry, Filter};

/// How many records are sorted together. More are shown log by log.
const SORTED: usize = 200_000;

/// How often `--follow` looks.
const PERIOD: Duration = Duration::from_millis(500);

/// A record that is wanted, and its line as it is.
struct Found {
    entry: Entry,
    line: Option<String>,
}

pub(super) fn run(config: &Config, options: &Show) -> Result<Exit, Failure> {
    let filter = Filter {
        vmids: options.vmid.clone(),
        events: options.event.clone(),
        actor: options.actor.clone(),
        denied: options.denied,
        since: options.since.map(|since| since.as_time()).transpose()?,
        until: options.until.map(|until| until.as_time()).transpose()?,
    };
    let mut seen = [0_u64; 3];
    let mut found = Vec::new();
    collect(config, &filter, options.json, &mut seen, &mut found)?;
    print(&mut found, options.json, true)?;
    if !options.follow {
        return Ok(Exit::Done);
    }
    loop {
        Deadline::after(PERIOD).sleep(PERIOD);
        collect(config, &filter, options.json, &mut seen, &mut found)?;
        print(&mut found, options.json, false)?;
    }
}

/// Finds the records after those that were `seen`, by number and log.
fn collect(
    config: &Config,
    filter: &Filter,
    json: bool,
    seen: &mut [u64; 3],
    found: &mut Vec<Found>,
) -> Result<(), Failure> {
    let follow = seen.iter().any(|seq| *seq > 0);
    for (files, seen) in open_logs(&config.paths.log)?.into_iter().zip(seen) {
        // What is followed is in the current file, or was rotated away just now.
        let skip = files.files.len().saturating_sub(2);
        for file in files.files.into_iter().skip(if follow { skip } else { 0 }) {
            let name = file.name.clone();
            let mut odd: u64 = 0;
            let read = each_line(file, |line, whole| {
                match Entry::parse(files.log.file_name(), line) {
                    Some(entry) if entry.seq > *seen || !follow => {
                        *seen = entry.seq.max(*seen);
                        if filter.takes(&entry) {
                            let line = json.then(|| String::from_utf8_lossy(line).into_owned());
                            found.push(Found { entry, line });
                        }
                    }
                    Some(_) => {}
                    None => odd = odd.saturating_add(u64::from(whole)),
                }
                if found.len() >= SORTED && print(found, json, false).is_err() {
                    return Flow::Stop;
                }
                Flow::Next
            });
            if let Err(why) = read {
                complain(&why);
            }
            if odd > 0 && !follow {
                complain(&format!(
                    "{name}: {odd} lines are no records; see time-shift audit verify"
                ));
            }
        }
    }
    Ok(())
}

fn print(found: &mut Vec<Found>, json: bool, header: bool) -> Result<(), Failure> {
    found.sort_by_key(|found| found.entry.time);
    let found = std::mem::take(found);
    if json {
        let lines: String = found
            .into_iter()
            .filter_map(|found| found.line)
            .map(|line| line + "\n")
            .collect();
        return put(&lines);
    }
    let rows: Vec<Vec<String>> = found.iter().map(|found| row(&found.entry)).collect();
    if rows.is_empty() {
        return if header {
            put("no such records\n")
        } else {
            Ok(())
        };
    }
    let titles = ["TIME", "VMID", "NAME", "EVENT", "ACTOR", "WHAT"];
    let text = columns(&titles, &rows);
    let text = match text.split_once('\n') {
        Some((_, rest)) if !header => rest.to_owned(),
        Some((first, rest)) if std::io::stdout().is_terminal() => {
            format!("\u{1b}[1m{first}\u{1b}[0m\n{rest}")
        }
        _ => text,
    };
    put(&text)
}

fn row(entry: &Entry) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        entry.time.to_string(),
        or_none(entry.vmid.map(|vmid| vmid.to_string())),
        or_none(entry.name.as_ref().map(ToString::to_string)),
        entry.event.to_string(),
        entry.actor.to_string(),
        what(entry),
    ]
}

fn what(entry: &Entry) -> String {
    if let Some(text) = &entry.text {
        return text.to_string();
    }
    let mut parts = Vec::new();
    parts.extend(
        entry
            .profile
            .as_ref()
            .map(|profile| format!("profile {profile}")),
    );
    parts.extend(
        entry
            .guest_time
            .map(|time: Timestamp| format!("guest time {time}")),
    );
    let offset = entry.offset_ns.map(i128::from);
    let offset = offset.and_then(|nanos| Offset::from_nanos(nanos).ok());
    parts.extend(offset.map(|offset| format!("offset {offset}")));
    parts.join(", ")
}

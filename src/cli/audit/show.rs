//! `time-shift audit show`: records for people, or as they are.
use std::time::Duration;

use super::lines::{Flow, each_line};
use super::out::Out;
use crate::audit::open_logs;
use crate::cli::arguments::audit::Show;
use crate::cli::role::Access;
use crate::cli::style::running;
use crate::cli::{Exit, Failure};
use crate::config::Config;
use crate::model::{Offset, Timestamp};
use crate::report::Tone;
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

/// What is shown, and how far it came.
struct Shown<'a> {
    options: &'a Show,
    filter: Filter,
    /// The last number of each log.
    seen: [u64; 3],
    found: Vec<Found>,
    /// Whether the table has its header.
    begun: bool,
    /// Whether something could not be read.
    partly: bool,
    out: Out,
}

pub(super) fn run(config: &Config, access: Access, options: &Show) -> Result<Exit, Failure> {
    let filter = Filter {
        vmids: options.vmid.clone(),
        events: options.event.clone(),
        actor: options.actor.clone(),
        denied: options.denied,
        since: options.since.map(|since| since.as_time()).transpose()?,
        until: options.until.map(|until| until.as_time()).transpose()?,
    };
    let mut shown = Shown {
        options,
        filter,
        seen: [0; 3],
        found: Vec::new(),
        begun: false,
        partly: false,
        // A pager would wait for the end of what has none.
        out: Out::new(access, !options.no_pager && !options.follow),
    };
    let mut flow = shown.look(config)?;
    if flow == Flow::Next && !shown.begun && !options.json {
        flow = shown.out.put("no such records\n")?;
    }
    while options.follow && flow == Flow::Next {
        Deadline::after(PERIOD).sleep(PERIOD);
        flow = shown.look(config)?;
    }
    shown.out.finish()?;
    Ok(match shown.partly {
        true => Exit::Failed,
        false => Exit::Done,
    })
}

impl Shown<'_> {
    /// Shows the records after those that were seen, by number and log.
    fn look(&mut self, config: &Config) -> Result<Flow, Failure> {
        let follows = self.seen.iter().any(|seq| *seq > 0);
        for (number, files) in open_logs(&config.paths.log)?.into_iter().enumerate() {
            let log = files.log.file_name();
            // What is followed is in the current file, or was rotated away just now.
            let skip = files.files.len().saturating_sub(2);
            for file in files.files.into_iter().skip(if follows { skip } else { 0 }) {
                let name = file.name.clone();
                let (mut odd, mut end) = (0_u64, Ok(Flow::Next));
                let read = each_line(&file, |line, whole| {
                    match Entry::parse(log, line) {
                        Some(entry) => self.take(number, entry, line, follows),
                        None => odd = odd.saturating_add(u64::from(whole)),
                    }
                    if self.found.len() >= SORTED {
                        end = self.print();
                    }
                    match end {
                        Ok(flow) => flow,
                        Err(_) => Flow::Stop,
                    }
                });
                if end? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
                if let Err(why) = read {
                    self.out.remark(&why);
                    self.partly = true;
                }
                if odd > 0 && !follows {
                    self.out.remark(&format!(
                        "{name}: {odd} lines are no records; see time-shift audit verify"
                    ));
                }
            }
        }
        self.print()
    }

    fn take(&mut self, log: usize, entry: Entry, line: &[u8], follows: bool) {
        let Some(seen) = self.seen.get_mut(log) else {
            return;
        };
        if follows && entry.seq <= *seen {
            return;
        }
        *seen = entry.seq.max(*seen);
        if self.filter.takes(&entry) {
            let json = self.options.json;
            let line = json.then(|| String::from_utf8_lossy(line).into_owned());
            self.found.push(Found { entry, line });
        }
    }

    /// Puts out what was found, in the order of time.
    fn print(&mut self) -> Result<Flow, Failure> {
        let mut found = std::mem::take(&mut self.found);
        if found.is_empty() {
            return Ok(Flow::Next);
        }
        found.sort_by_key(|found| found.entry.time);
        let goes_on = std::mem::replace(&mut self.begun, true);
        if self.options.json {
            let lines = found.into_iter().filter_map(|found| found.line);
            return self
                .out
                .put(&lines.map(|line| line + "\n").collect::<String>());
        }
        let rows: Vec<_> = found.iter().map(|found| row(&found.entry)).collect();
        let titles = ["TIME", "VMID", "NAME", "EVENT", "ACTOR", "WHAT"];
        self.out.put(&running(&titles, &rows, goes_on))
    }
}

fn row(entry: &Entry) -> (Vec<String>, Option<Tone>) {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let second = i128::from(entry.time.floor_seconds()).saturating_mul(1_000_000_000);
    let row = vec![
        Timestamp::from_nanos(second).map_or_else(|_| entry.time.to_string(), |at| at.to_string()),
        or_none(entry.vmid.map(|vmid| vmid.to_string())),
        or_none(entry.name.as_ref().map(ToString::to_string)),
        entry.event.to_string(),
        entry.actor.to_string(),
        what(entry),
    ];
    let tone = match entry.severity() {
        7.. => Some(Tone::Bad),
        5..=6 => Some(Tone::Warning),
        0..=1 => Some(Tone::Aside),
        _ => None,
    };
    (row, tone)
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

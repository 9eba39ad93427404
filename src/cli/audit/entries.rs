//! The records of the trail as they can be read, in the order in which they were written.
use super::lines::{Flow, each_line};
use crate::audit::{Log, LogFile, open_logs};
use crate::cli::Failure;
use crate::config::Config;
use crate::model::Timestamp;
use crate::trace::Entry;

/// What could not be read, as sentences.
#[derive(Debug, Default)]
pub(super) struct Unread {
    /// Whole files, or the rest of one.
    pub(super) files: Vec<String>,
    /// Lines that are no records, by their number: `audit verify` tells what they are.
    pub(super) lines: Vec<String>,
}

/// Calls `each` for every record of these logs since `since`, log by log.
pub(super) fn each_entry(
    config: &Config,
    logs: &[Log],
    since: Option<Timestamp>,
    mut each: impl FnMut(&Entry),
) -> Result<Unread, Failure> {
    let mut unread = Unread::default();
    for files in open_logs(&config.paths.log)? {
        if !logs.contains(&files.log) {
            continue;
        }
        for file in files.files {
            if is_older(&file, since) {
                continue;
            }
            let name = file.name.clone();
            let mut odd: u64 = 0;
            let read = each_line(&file, |line, _| {
                match Entry::parse(files.log.file_name(), line) {
                    Some(entry) if since.is_none_or(|since| entry.time >= since) => each(&entry),
                    Some(_) => {}
                    None => odd = odd.saturating_add(1),
                }
                Flow::Next
            });
            unread.files.extend(read.err());
            if odd > 0 {
                unread.lines.push(format!(
                    "{name}: {odd} lines are no records; see time-shift audit verify"
                ));
            }
        }
    }
    Ok(unread)
}

/// How much earlier than a record the time of its file may be: the kernel takes that from its last
/// tick, and a clock may have been stepped a little.
const SLACK_SECONDS: i64 = 60;

/// Whether a file was last written before this, so that nothing in it is younger.
pub(super) fn is_older(file: &LogFile, since: Option<Timestamp>) -> bool {
    match (&file.content, since) {
        (Ok(content), Some(since)) => content.changed().is_some_and(|at| {
            at.floor_seconds().saturating_add(SLACK_SECONDS) < since.floor_seconds()
        }),
        _ => false,
    }
}

//! `time-shift audit export`: records for another system, each once.
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::entries::is_older;
use super::lines::{Flow, each_line};
use crate::audit::{Hash, Log, LogFile, Sealed, open_logs};
use crate::cli::arguments::audit::{Export, ExportFormat};
use crate::cli::{Exit, Failure, complain};
use crate::config::Config;
use crate::model::Timestamp;
use crate::system::{Deadline, Dir};
use crate::trace::{Entry, cef, ecs};

/// Largest cursor file that is read.
const LIMIT: usize = 64 * 1024;

/// How long to wait for another export with the same cursor.
const LOCK_LIMIT: Duration = Duration::from_secs(2);

/// How far the last export came in one log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Position {
    log: Log,
    seq: u64,
    hash: Hash,
    time: Timestamp,
}

/// What has been printed already.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Old {
    /// Nothing.
    Nothing,
    /// All before this file, and in it all to the record with this hash.
    UpTo(usize, Hash),
    /// All up to this number; the record itself is not there any more.
    Numbers(u64),
}

pub(super) fn run(config: &Config, options: &Export) -> Result<Exit, Failure> {
    let since = options.since.map(|since| since.as_time()).transpose()?;
    let Some(path) = &options.cursor else {
        let mut exit = Exit::Done;
        for log in Log::ALL {
            let printed = export(config, options.format, log, since, None)?;
            exit = if printed.whole { exit } else { Exit::Failed };
        }
        return Ok(exit);
    };
    let (folder, name) = place(path)?;
    let _lock = folder.lock(&format!(".{name}.lock"), Deadline::after(LOCK_LIMIT))?;
    let mut positions: Vec<Position> = match folder.read(name, LIMIT) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Failure(format!(
                "{} is no cursor ({error}); remove it",
                path.display()
            ))
        })?,
        Err(error) if error.is_missing() => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let mut exit = Exit::Done;
    for log in Log::ALL {
        let from = positions.iter().find(|position| position.log == log);
        let printed = export(config, options.format, log, since, from)?;
        exit = if printed.whole { exit } else { Exit::Failed };
        if let Some(reached) = printed.reached {
            positions.retain(|position| position.log != log);
            positions.push(reached);
            // Only what has been printed counts, and it counts at once.
            folder.replace_durably(name, &serde_json::to_vec(&positions)?, 0o600)?;
        }
    }
    Ok(exit)
}

fn place(path: &Path) -> Result<(Dir, &str), Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    match (path.parent(), name) {
        (Some(folder), Some(name)) if path.is_absolute() => Ok((Dir::open(folder)?, name)),
        _ => Err(Failure(
            "a cursor is a file with an absolute path".to_owned(),
        )),
    }
}

/// The files of one log, as they are now.
fn files_of(config: &Config, log: Log) -> Result<Vec<LogFile>, Failure> {
    let logs = open_logs(&config.paths.log)?.into_iter();
    Ok(logs
        .filter(|files| files.log == log)
        .flat_map(|files| files.files)
        .collect())
}

/// What was printed of a log.
struct Printed {
    /// The last record, if there was any.
    reached: Option<Position>,
    /// Whether that is all there is: what cannot be read now may be readable next time, and comes then.
    whole: bool,
}

/// Prints the records of a log after `from`, up to what cannot be read.
fn export(
    config: &Config,
    format: ExportFormat,
    log: Log,
    since: Option<Timestamp>,
    from: Option<&Position>,
) -> Result<Printed, Failure> {
    // Looked for in the same files that are then read, whatever is rotated meanwhile.
    let files = files_of(config, log)?;
    let old = match from {
        Some(from) => find(&files, from),
        None => Old::Nothing,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let mut reached = None;
    let mut whole = true;
    for (number, file) in files.into_iter().enumerate() {
        let mut after = match old {
            Old::UpTo(first, _) if number < first => continue,
            Old::UpTo(first, hash) if number == first => Some(hash),
            Old::Nothing if is_older(&file, since) => continue,
            _ => None,
        };
        let read = each_line(&file, |line, whole| {
            // A line without an end may still be being written.
            let Some(sealed) = Sealed::parse(line).filter(|_| whole) else {
                return Flow::Next;
            };
            if after.is_some() {
                after = after.filter(|last| *last != sealed.hash);
                return Flow::Next;
            }
            let is_old = matches!(old, Old::Numbers(last) if sealed.seq <= last);
            let entry = Entry::parse(log.file_name(), line).filter(|_| !is_old);
            let Some(entry) = entry.filter(|entry| since.is_none_or(|since| entry.time >= since))
            else {
                return Flow::Next;
            };
            match put(&mut out, format, &entry, line) {
                Ok(()) => {
                    reached = Some(Position {
                        log,
                        seq: sealed.seq,
                        hash: sealed.hash,
                        time: entry.time,
                    });
                    Flow::Next
                }
                Err(error) => {
                    failed = Some(error);
                    Flow::Stop
                }
            }
        });
        if let Err(why) = read {
            complain(&format!(
                "{why}; this log's later records wait until it can be read"
            ));
            whole = false;
        }
        if failed.is_some() || !whole {
            break;
        }
    }
    match failed.map_or_else(|| out.flush(), Err) {
        Ok(()) => Ok(Printed { reached, whole }),
        Err(error) => Err(error.into()),
    }
}

fn put(
    out: &mut impl Write,
    format: ExportFormat,
    entry: &Entry,
    line: &[u8],
) -> std::io::Result<()> {
    match format {
        ExportFormat::Json => out.write_all(line)?,
        ExportFormat::Cef => out.write_all(cef(entry, env!("CARGO_PKG_VERSION")).as_bytes())?,
        ExportFormat::Ecs => out.write_all(ecs(entry).to_string().as_bytes())?,
    }
    out.write_all(b"\n")
}

/// Finds the record at which the last export stopped, in the newest files first. By its hash and by no
/// time: a clock may have been wrong.
fn find(files: &[LogFile], from: &Position) -> Old {
    let (mut before, mut beyond, mut another) = (false, false, false);
    for (number, file) in files.iter().enumerate().rev() {
        let mut there = false;
        // What cannot be read is said by who reads it next.
        let _ = each_line(file, |line, _| {
            if let Some(sealed) = Sealed::parse(line) {
                there |= sealed.hash == from.hash;
                another |= sealed.seq == from.seq && sealed.hash != from.hash;
                before |= sealed.seq < from.seq;
                beyond |= sealed.seq > from.seq;
            }
            match there {
                true => Flow::Stop,
                false => Flow::Next,
            }
        });
        if there {
            return Old::UpTo(number, from.hash);
        }
    }
    // A chain that was begun anew has smaller numbers: then all of it is new. So it is where all that was
    // printed has been rotated away since.
    match before && beyond && !another {
        true => Old::Numbers(from.seq),
        false => Old::Nothing,
    }
}

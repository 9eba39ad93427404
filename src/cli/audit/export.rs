//! `time-shift audit export`: records for another system, each once.
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::lines::{Flow, each_line};
use crate::audit::{Log, open_logs};
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
    hash: String,
    time: Timestamp,
}

pub(super) fn run(config: &Config, options: &Export) -> Result<Exit, Failure> {
    let since = options.since.map(|since| since.as_time()).transpose()?;
    let Some(path) = &options.cursor else {
        for log in Log::ALL {
            export(config, options.format, log, since, None)?;
        }
        return Ok(Exit::Done);
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
    for log in Log::ALL {
        let from = positions
            .iter()
            .find(|position| position.log == log)
            .cloned();
        if let Some(reached) = export(config, options.format, log, since, from)? {
            positions.retain(|position| position.log != log);
            positions.push(reached);
            // Only what has been printed counts, and it counts at once.
            folder.replace_durably(name, &serde_json::to_vec(&positions)?, 0o600)?;
        }
    }
    Ok(Exit::Done)
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

/// Prints the records of a log after `from`. How far that is comes back, if there were any.
fn export(
    config: &Config,
    format: ExportFormat,
    log: Log,
    since: Option<Timestamp>,
    from: Option<Position>,
) -> Result<Option<Position>, Failure> {
    // A chain that was begun anew has smaller numbers: then all of it is new.
    let from = match from {
        Some(from) if is_of_this_chain(config, &from)? => Some(from),
        _ => None,
    };
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut failed = None;
    let mut reached = None;
    each(
        config,
        log,
        from.as_ref().map(|from| from.time),
        |entry, line| {
            let old = from.as_ref().is_some_and(|from| entry.seq <= from.seq)
                || since.is_some_and(|since| entry.time < since);
            if old || failed.is_some() {
                return;
            }
            let written = match format {
                ExportFormat::Json => out.write_all(line),
                ExportFormat::Cef => {
                    out.write_all(cef(entry, env!("CARGO_PKG_VERSION")).as_bytes())
                }
                ExportFormat::Ecs => out.write_all(ecs(entry).to_string().as_bytes()),
            };
            match written.and_then(|()| out.write_all(b"\n")) {
                Ok(()) => {
                    reached = Some(Position {
                        log,
                        seq: entry.seq,
                        hash: entry.hash.to_string(),
                        time: entry.time,
                    });
                }
                Err(error) => failed = Some(error),
            }
        },
    )?;
    match failed.map_or_else(|| out.flush(), Err) {
        Ok(()) => Ok(reached),
        Err(error) => Err(error.into()),
    }
}

/// Whether the record at which an export stopped is still there, or was rotated away since.
fn is_of_this_chain(config: &Config, from: &Position) -> Result<bool, Failure> {
    let (mut there, mut another, mut beyond) = (false, false, false);
    each(config, from.log, Some(from.time), |entry, _| {
        let same = entry.hash.as_str() == from.hash;
        there |= entry.seq == from.seq && same;
        another |= entry.seq == from.seq && !same;
        beyond |= entry.seq > from.seq;
    })?;
    Ok(there || (beyond && !another))
}

/// Calls `what` for every record of the files of a log that were written to since `since`.
fn each(
    config: &Config,
    log: Log,
    since: Option<Timestamp>,
    mut what: impl FnMut(&Entry, &[u8]),
) -> Result<(), Failure> {
    let logs = open_logs(&config.paths.log)?;
    for file in logs
        .into_iter()
        .filter(|files| files.log == log)
        .flat_map(|files| files.files)
    {
        if super::entries::is_older(&file, since) {
            continue;
        }
        let read = each_line(file, |line, whole| {
            // A line without an end may still be being written.
            if let (Some(entry), true) = (Entry::parse(log.file_name(), line), whole) {
                what(&entry, line);
            }
            Flow::Next
        });
        if let Err(why) = read {
            complain(&why);
        }
    }
    Ok(())
}

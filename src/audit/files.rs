//! The files of the trail for who reads them: the current ones and those that were rotated away.
use std::path::Path;
use std::time::Duration;

use super::chain::lock;
use super::error::AuditError;
use super::event::Log;
use super::head::Heads;
use super::key;
use super::seal::{Hash, Sealer};
use crate::system::{Access, Dir, FileError, FileErrorKind, Lock, OpenFile};

/// How long a reader waits for the writers.
const LOCK_LIMIT: Duration = Duration::from_secs(10);

/// How often files may be moved while they are opened.
const MOVES: usize = 10;

/// One file of a log.
#[derive(Debug)]
pub struct LogFile {
    /// Its name in the log folder.
    pub name: String,
    /// What is in it, or why that cannot be read.
    pub content: Result<OpenFile, FileError>,
}

/// One log, from its oldest file to the current one.
#[derive(Debug)]
pub struct LogFiles {
    /// Which.
    pub log: Log,
    /// Its files. Compressed ones end in `.gz`.
    pub files: Vec<LogFile>,
    /// The number and hash of its last record; `None` where that is not known, or was not asked for.
    pub head: Option<(u64, Hash)>,
}

impl LogFile {
    /// Whether it has to be unpacked.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.name
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extension == "gz")
    }
}

/// Opens all files of the trail, as they are at one moment between two records.
///
/// # Errors
/// [`AuditError`] where the folder is not usable. A file that is not is in the list with its error.
pub fn open_logs(log: &Path) -> Result<Vec<LogFiles>, AuditError> {
    let folder = Dir::open(log)?;
    let _lock = lock_for_reading(&folder)?;
    Log::ALL.iter().map(|log| open_log(&folder, *log)).collect()
}

/// None where nobody writes because nobody can.
fn lock_for_reading(folder: &Dir) -> Result<Option<Lock>, AuditError> {
    match lock(folder, LOCK_LIMIT) {
        Err(AuditError::File(FileError {
            kind: FileErrorKind::ReadOnly,
            ..
        })) => Ok(None),
        other => other.map(Some),
    }
}

/// The same, with the key and where the chains stand.
///
/// # Errors
/// [`AuditError`] as for [`open_logs`], and where the key is not usable.
pub fn open_logs_for_proof(log: &Path, data: &Path) -> Result<(Sealer, Vec<LogFiles>), AuditError> {
    let folder = Dir::open(log)?;
    let data = Dir::open(data)?;
    let _lock = lock_for_reading(&folder)?;
    let Some(sealer) = key::load(&data)? else {
        return Err(key::missing(&data));
    };
    let heads = match Heads::open(&data, Access::Read) {
        Ok(heads) => Some(heads),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let mut logs = Vec::new();
    for log in Log::ALL {
        let mut files = open_log(&folder, log)?;
        let head = heads.as_ref().and_then(|heads| heads.head(&sealer, log));
        files.head = head.map(|head| (head.seq, head.last));
        logs.push(files);
    }
    Ok((sealer, logs))
}

/// The files of a log. logrotate takes no lock: it is looked until nothing was moved meanwhile.
fn open_log(folder: &Dir, log: Log) -> Result<LogFiles, AuditError> {
    let mut files = open_named(folder, log)?;
    for _ in 0..MOVES {
        let again = open_named(folder, log)?;
        if again.same_as(&files) {
            break;
        }
        files = again;
    }
    Ok(files)
}

impl LogFiles {
    fn same_as(&self, other: &LogFiles) -> bool {
        let files = |logs: &LogFiles| -> Vec<(String, Option<u64>)> {
            let files = logs.files.iter();
            files
                .map(|file| {
                    (
                        file.name.clone(),
                        file.content.as_ref().ok().map(OpenFile::inode),
                    )
                })
                .collect()
        };
        files(self) == files(other)
    }
}

fn open_named(folder: &Dir, log: Log) -> Result<LogFiles, AuditError> {
    let mut names: Vec<(Age, String)> = folder
        .names()?
        .into_iter()
        .filter_map(|name| Some((age(&name, log)?, name)))
        .collect();
    names.sort();
    // Where both are there, one is being packed into the other.
    let is_there = |name: &str| names.iter().any(|(_, other)| other == name);
    let packed_too = |name: &str| name.strip_suffix(".gz").is_some_and(is_there);
    let names: Vec<_> = names
        .iter()
        .filter(|(_, name)| !packed_too(name))
        .map(|(_, name)| name.clone())
        .collect();
    let open = |name: String| LogFile {
        content: folder.open_file(&name, Access::Read),
        name,
    };
    Ok(LogFiles {
        log,
        files: names.into_iter().map(open).collect(),
        head: None,
    })
}

/// Sorts files from the oldest to the newest: those with a date in their name, those with a number
/// (the highest is the oldest), those that logrotate moved out of the way when it wanted to `create` its own,
/// the current one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Dated(String),
    Numbered(std::cmp::Reverse<u32>),
    MovedAway(String),
    Current,
}

/// Which file of the log has this name, if one has.
pub(super) fn age(name: &str, log: Log) -> Option<Age> {
    let rest = name.strip_prefix(log.file_name())?;
    if rest.is_empty() {
        return Some(Age::Current);
    }
    let rest = rest.strip_suffix(".gz").unwrap_or(rest);
    if let Some(number) = rest.strip_prefix('.') {
        return Some(Age::Numbered(std::cmp::Reverse(number.parse().ok()?)));
    }
    let date = rest.strip_prefix('-')?;
    let (date, moved) = match date.strip_suffix(".backup") {
        Some(date) => (date, true),
        None => (date, false),
    };
    let is_date = date
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'-');
    let age = match moved {
        true => Age::MovedAway,
        false => Age::Dated,
    };
    is_date.then(|| age(date.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_from_the_oldest_to_the_current_one() {
        let mut names = vec![
            "audit.log",
            "audit.log.1",
            "audit.log.10.gz",
            "audit.log.2.gz",
            "audit.log-20261123.gz",
            "audit.log-20261124",
            "audit.log-2026112714.backup",
        ];
        names.sort_by_key(|name| age(name, Log::Audit));
        assert_eq!(
            names,
            [
                "audit.log-20261123.gz",
                "audit.log-20261124",
                "audit.log.10.gz",
                "audit.log.2.gz",
                "audit.log.1",
                "audit.log-2026112714.backup",
                "audit.log"
            ]
        );
        for other in [
            "audit.log.torn",
            "audit.log.bak",
            "command-audit.log",
            "audit.log~",
            ".audit.log.lock",
        ] {
            assert!(age(other, Log::Audit).is_none(), "{other}");
        }
    }
}

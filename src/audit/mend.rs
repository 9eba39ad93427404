//! Where a chain really ends, when its file is not as the head says: after a crash, a rotation, or
//! somebody's hand.
use super::error::AuditError;
use super::event::{Cause, Log};
use super::files::{Age, age};
use super::head::Head;
use super::seal::{Hash, LINE_LIMIT, Sealed, Sealer};
use crate::system::{Access, Dir, OpenFile};

/// How far back from its end a file is looked at.
const WINDOW: u64 = 1024 * 1024;

/// How much of a file has its last record.
const LAST: u64 = 64 * 1024;

/// Largest file of torn lines. What is torn beyond that stays where it is, as a line of its own.
const TORN_LIMIT: u64 = 1024 * 1024;

/// Where the next record goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct End {
    /// The number of the last record.
    pub(super) seq: u64,
    /// Its hash.
    pub(super) last: Hash,
    /// What has to be said first.
    pub(super) cause: Option<Cause>,
}

/// What was found at the end of a file.
struct Tail {
    /// The last record and its hash.
    last: Option<(u64, Hash)>,
    /// Whether there is something after it that is no record of the chain.
    foreign: bool,
    /// The end of the last whole line.
    whole: u64,
    /// What is after that.
    torn: Vec<u8>,
}

/// Finds where the chain of `file` ends. What a crash left of a line is moved to NAME.torn.
pub(super) fn find_end(
    folder: &Dir,
    sealer: &Sealer,
    log: Log,
    file: &mut OpenFile,
    head: Option<Head>,
) -> Result<End, AuditError> {
    let Some(head) = head else {
        return without_head(folder, sealer, log, file);
    };
    let mut end = End {
        seq: head.seq,
        last: head.last,
        cause: None,
    };
    if file.inode() != head.inode && head.seq > 0 {
        finish_rotated(folder, sealer, log, &head, &mut end)?;
        // A head that came back from a backup knows nothing of what was rotated since.
        match newest_rotated(folder, sealer, log)? {
            Some((seq, last)) if seq > end.seq => {
                end = End {
                    seq,
                    last,
                    cause: Some(Cause::HeadLost),
                };
            }
            _ => {}
        }
        if file.size() == 0 {
            return Ok(end);
        }
    }
    let ahead = file.size().checked_sub(head.size);
    let same = file.inode() == head.inode;
    let tail = if same && ahead.is_some_and(|more| more <= WINDOW) {
        tail(sealer, log, file, head.size, Some((end.seq, end.last)))?
    } else {
        tail(sealer, log, file, file.size().saturating_sub(WINDOW), None)?
    };
    let torn = set_aside(folder, log, file, &tail)?;
    end.cause = end.cause.or(torn);
    match tail.last {
        Some((seq, last)) if seq >= end.seq => (end.seq, end.last) = (seq, last),
        _ if same && ahead.is_some() => {}
        _ if head.seq == 0 => {}
        _ => end.cause = Some(Cause::Cut),
    }
    if tail.foreign {
        end.cause = Some(Cause::Foreign);
    }
    Ok(end)
}

fn without_head(
    folder: &Dir,
    sealer: &Sealer,
    log: Log,
    file: &mut OpenFile,
) -> Result<End, AuditError> {
    let tail = tail(sealer, log, file, file.size().saturating_sub(WINDOW), None)?;
    set_aside(folder, log, file, &tail)?;
    let last = match tail.last {
        // Nothing was written since the last rotation.
        None => newest_rotated(folder, sealer, log)?,
        last => last,
    };
    let (seq, last) = last.unwrap_or((0, Hash::ZERO));
    // Before the first record there is nothing that could be lost.
    let fresh = file.size() == 0 && tail.torn.is_empty() && rotated(folder, log)?.is_empty();
    let cause = (!fresh).then_some(Cause::HeadLost);
    Ok(End { seq, last, cause })
}

/// The last record of the file that was rotated away may have come after the head was written.
fn finish_rotated(
    folder: &Dir,
    sealer: &Sealer,
    log: Log,
    head: &Head,
    end: &mut End,
) -> Result<(), AuditError> {
    for name in rotated(folder, log)? {
        let Ok(rotated) = folder.open_file(&name, Access::Read) else {
            continue;
        };
        let more = rotated.size().saturating_sub(head.size);
        if rotated.inode() == head.inode && more > 0 && more <= WINDOW {
            let tail = tail(sealer, log, &rotated, head.size, Some((end.seq, end.last)))?;
            if let Some((seq, last)) = tail.last {
                (end.seq, end.last) = (seq, last);
            }
            return Ok(());
        }
    }
    Ok(())
}

/// The last record of the newest file that was rotated away, and is not packed.
fn newest_rotated(
    folder: &Dir,
    sealer: &Sealer,
    log: Log,
) -> Result<Option<(u64, Hash)>, AuditError> {
    let names = folder.names()?;
    let plain = names.iter().filter(|name| !name.ends_with(".gz"));
    let aged = plain.filter_map(|name| Some((age(name, log)?, name)));
    let newest = aged.filter(|(age, _)| *age != Age::Current).max();
    let Some((_, name)) = newest else {
        return Ok(None);
    };
    match folder.open_file(name, Access::Read) {
        Ok(file) => {
            let from = file.size().saturating_sub(LAST);
            Ok(tail(sealer, log, &file, from, None)?.last)
        }
        // Whatever it is, it is no file of the trail, or none any more.
        Err(_) => Ok(None),
    }
}

/// The names of the files of a log that were rotated away.
fn rotated(folder: &Dir, log: Log) -> Result<Vec<String>, AuditError> {
    let mut names = folder.names()?;
    names.retain(|name| {
        let rest = name.strip_prefix(log.file_name());
        rest.is_some_and(|rest| !rest.is_empty() && rest != ".torn")
    });
    Ok(names)
}

/// Reads `file` from `from`. With `chain`, only what continues it counts as a record; without, every
/// record does, and the line that `from` may have cut is left out.
fn tail(
    sealer: &Sealer,
    log: Log,
    file: &OpenFile,
    from: u64,
    chain: Option<(u64, Hash)>,
) -> Result<Tail, AuditError> {
    let length = file.size().saturating_sub(from).min(WINDOW);
    let mut bytes = vec![0_u8; usize::try_from(length).unwrap_or(0)];
    let count = file.read_at(&mut bytes, from)?;
    bytes.truncate(count);
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at.saturating_add(1));
    let torn = bytes.split_off(whole);
    let mut found = Tail {
        last: chain,
        foreign: false,
        whole: from.saturating_add(u64::try_from(whole).unwrap_or(0)),
        torn,
    };
    let cut = chain.is_none() && from > 0;
    for line in bytes
        .split_inclusive(|byte| *byte == b'\n')
        .skip(usize::from(cut))
    {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let record = Sealed::parse(line).filter(|record| {
            let follows = match (chain, found.last) {
                (Some(_), Some((seq, last))) => {
                    seq.checked_add(1) == Some(record.seq) && record.prev == last
                }
                _ => true,
            };
            follows && sealer.accepts(log.file_name(), record)
        });
        match record {
            Some(record) => {
                found.last = Some((record.seq, record.hash));
                // In a window, only what comes after the last record matters.
                found.foreign = chain.is_some() && found.foreign;
            }
            None => found.foreign = true,
        }
    }
    Ok(found)
}

/// Keeps what is left of a line, and takes it out of the file.
fn set_aside(
    folder: &Dir,
    log: Log,
    file: &mut OpenFile,
    tail: &Tail,
) -> Result<Option<Cause>, AuditError> {
    if tail.torn.is_empty() {
        return Ok(None);
    }
    let mut kept = folder.open_file(&format!("{}.torn", log.file_name()), Access::Append(0o640))?;
    if tail.torn.len() > LINE_LIMIT || kept.size() > TORN_LIMIT {
        file.append(b"\n")?;
        return Ok(Some(Cause::Foreign));
    }
    let mut torn = tail.torn.clone();
    torn.push(b'\n');
    kept.append(&torn)?;
    file.truncate(tail.whole)?;
    Ok(Some(Cause::Torn))
}

//! Appending to a log under the lock that all writers share, each record chained to the one before.
use std::time::Duration;

use super::error::AuditError;
use super::event::{Cause, Log};
use super::head::{Head, Heads, Lost};
use super::key;
use super::mend::{End, find_end};
use super::seal::{Hash, Sealer};
use crate::system::{Access, Deadline, Dir, Lock, OpenFile};

/// How long to wait for the lock. One record takes well under a millisecond.
const LOCK_LIMIT: Duration = Duration::from_secs(5);

/// The lock's file in the log folder. A lock on a log itself could be held by whoever may read it.
const LOCK: &str = ".audit.log.lock";

/// How long to wait for it to note that a seal did not arrive: a start is not held up for that.
const UNSEALED_LIMIT: Duration = Duration::from_millis(50);

/// No seal was made in it.
const NO_HOUR: i64 = -1;

/// What a record is chained to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Link {
    /// Its number.
    pub(super) seq: u64,
    /// Whether it is the first of its file.
    pub(super) first: bool,
    /// What is to be said about the chain; then this is not the record that was asked for.
    pub(super) mended: Option<Cause>,
}

/// What is to be said in another place, so that cutting off the end of a file shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Seal {
    pub(super) log: Log,
    pub(super) seq: u64,
    pub(super) hash: Hash,
}

/// What is to be told elsewhere after a record was appended.
pub(super) struct Appended {
    pub(super) seal: Option<Seal>,
    pub(super) lost: Lost,
}

/// Which record, and how.
pub(super) struct Order {
    pub(super) log: Log,
    /// Whether to wait until it is on the disk.
    pub(super) durable: bool,
    /// The hour since 1970: the first record of each is sealed elsewhere.
    pub(super) hour: i64,
}

/// Takes the lock that all writers share.
pub(super) fn lock(folder: &Dir, limit: Duration) -> Result<Lock, AuditError> {
    Ok(folder.lock(LOCK, Deadline::after(limit))?)
}

/// Appends the record that `make` makes, and before it one that says so if the chain had to be mended.
pub(super) fn append(
    folder: &Dir,
    data: &Dir,
    order: &Order,
    make: impl Fn(&Link) -> Result<Vec<u8>, AuditError>,
) -> Result<Appended, AuditError> {
    let log = order.log;
    let lock = lock(folder, LOCK_LIMIT)?;
    let (sealer, heads) = open(data)?;
    let mut file = folder.open_file(log.file_name(), Access::Append(0o640))?;
    let known = heads.head(&sealer, log);
    let end = match known {
        Some(head) if head.inode == file.inode() && head.size == file.size() => End {
            seq: head.seq,
            last: head.last,
            cause: None,
        },
        _ => find_end(folder, &sealer, log, &mut file, known)?,
    };
    let is_new = file.size() == 0;
    let mut head = known.unwrap_or_else(|| Head::new(log));
    let due = head.hour != order.hour || head.inode != file.inode();
    (head.seq, head.last) = (end.seq, end.last);
    if end.cause.is_some() {
        add(&sealer, &mut file, &mut head, end.cause, &make)?;
    }
    add(&sealer, &mut file, &mut head, None, &make)?;
    let seal = due.then(|| head.seal(order.hour));
    heads.put(&sealer, &head)?;
    // Whoever takes the count out is who tells it.
    let lost = heads.lost();
    if lost.count > 0 {
        heads.put_lost(Lost::default())?;
    }
    // Others may write while this one waits for the disk.
    drop(lock);
    if order.durable {
        file.sync()?;
    }
    if order.durable && is_new {
        // A file is only as durable as its name.
        folder.sync()?;
    }
    Ok(Appended { seal, lost })
}

/// A seal did not arrive elsewhere: it is due again.
pub(super) fn not_sealed(folder: &Dir, data: &Dir, seal: &Seal) -> Result<(), AuditError> {
    let _lock = lock(folder, UNSEALED_LIMIT)?;
    let (sealer, heads) = open(data)?;
    match heads.head(&sealer, seal.log) {
        Some(mut head) if head.sealed == seal.seq => {
            (head.hour, head.sealed) = (NO_HOUR, seal.seq.saturating_sub(1));
            heads.put(&sealer, &head)
        }
        // Another one has been made since.
        _ => Ok(()),
    }
}

/// What has not been sealed elsewhere for an hour though there is something new. It counts as sealed.
pub(super) fn seals_due(folder: &Dir, data: &Dir, hour: i64) -> Result<Vec<Seal>, AuditError> {
    let _lock = lock(folder, LOCK_LIMIT)?;
    let heads = match Heads::open(data, Access::Change) {
        Ok(heads) => heads,
        // Nothing was ever written down.
        Err(error) if error.is_missing() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let sealer = key::load(data)?.ok_or_else(|| key::gone(data))?;
    let mut seals = Vec::new();
    for log in Log::ALL {
        let Some(mut head) = heads.head(&sealer, log) else {
            continue;
        };
        if head.hour != hour && head.seq != head.sealed {
            seals.push(head.seal(hour));
            heads.put(&sealer, &head)?;
        }
    }
    Ok(seals)
}

impl Head {
    /// It is sealed elsewhere in this hour.
    fn seal(&mut self, hour: i64) -> Seal {
        (self.hour, self.sealed) = (hour, self.seq);
        Seal {
            log: self.log(),
            seq: self.seq,
            hash: self.last,
        }
    }
}

fn add(
    sealer: &Sealer,
    file: &mut OpenFile,
    head: &mut Head,
    mended: Option<Cause>,
    make: &impl Fn(&Link) -> Result<Vec<u8>, AuditError>,
) -> Result<(), AuditError> {
    let seq = head.seq.saturating_add(1);
    let link = Link {
        seq,
        first: file.size() == 0,
        mended,
    };
    let mut line = make(&link)?;
    let hash = sealer.seal(head.log().file_name(), &mut line, head.last);
    file.append(&line)?;
    head.seq = seq;
    head.last = hash;
    head.size = file.size();
    head.inode = file.inode();
    Ok(())
}

/// The key and the heads; made on first use. The lock must be held.
fn open(data: &Dir) -> Result<(Sealer, Heads), AuditError> {
    let heads = match Heads::open(data, Access::Change) {
        Ok(heads) => Some(heads),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let sealer = match (key::load(data)?, &heads) {
        (Some(sealer), _) => sealer,
        (None, None) => key::make(data)?,
        (None, Some(_)) => return Err(key::gone(data)),
    };
    match heads {
        Some(heads) => Ok((sealer, heads)),
        None => {
            Heads::make(data)?;
            Ok((sealer, Heads::open(data, Access::Change)?))
        }
    }
}

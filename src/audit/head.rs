//! Where each chain stands, kept apart from the logs: `/var/lib/time-shift/audit-head.json`.
//!
//! One line of 512 bytes for each log, and one for what syslog did not take. A line is written over
//! in place, in one write within one block of the disk, after its record: so a head may be behind its
//! file after a crash, by whole records, but ahead of it only if records are gone.
use serde::{Deserialize, Serialize};

use super::error::AuditError;
use super::event::Log;
use super::seal::{Hash, Sealed, Sealer};
use crate::model::Timestamp;
use crate::system::{Access, Dir, FileError, OpenFile};

/// The file's name in the data folder.
pub(super) const FILE: &str = "audit-head.json";

const LINE: usize = 512;
const LINES: usize = 4;

/// Where one chain stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Head {
    /// The number of the last record; 0 before the first.
    pub(super) seq: u64,
    log: Log,
    /// Its hash.
    pub(super) last: Hash,
    /// How long the file was after it.
    pub(super) size: u64,
    /// The file's number in its file system.
    pub(super) inode: u64,
    /// The hour of the last seal in syslog, since 1970.
    pub(super) hour: i64,
    /// The number of the record that was sealed there.
    #[serde(default)]
    pub(super) sealed: u64,
}

/// What the system's log did not take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Lost {
    /// How many messages.
    #[serde(rename = "syslog-lost")]
    pub(super) count: u64,
    /// When the first was lost.
    pub(super) since: Option<Timestamp>,
}

/// The open file, with all its lines.
pub(super) struct Heads {
    file: OpenFile,
    content: [u8; LINE * LINES],
}

impl Head {
    /// Before the first record.
    pub(super) fn new(log: Log) -> Head {
        Head {
            seq: 0,
            log,
            last: Hash::ZERO,
            size: 0,
            inode: 0,
            hour: 0,
            sealed: 0,
        }
    }

    /// The log whose chain it is.
    pub(super) fn log(&self) -> Log {
        self.log
    }
}

impl Heads {
    /// Makes the file, which knows nothing about any chain yet.
    pub(super) fn make(data: &Dir) -> Result<(), AuditError> {
        let content = padded(b"{}").repeat(LINES);
        data.replace_durably(FILE, &content, 0o600)?;
        Ok(data.sync()?)
    }

    /// Opens and reads the file.
    pub(super) fn open(data: &Dir, access: Access) -> Result<Heads, FileError> {
        let file = data.open_file(FILE, access)?;
        let mut content = [b' '; LINE * LINES];
        file.read_at(&mut content, 0)?;
        Ok(Heads { file, content })
    }

    fn line(&self, number: usize) -> &[u8] {
        let line = self.content.chunks_exact(LINE).nth(number);
        line.unwrap_or_default().trim_ascii_end()
    }

    /// Where a chain stands. `None` where that line is damaged.
    pub(super) fn head(&self, sealer: &Sealer, log: Log) -> Option<Head> {
        let line = self.line(log as usize);
        let sealed = Sealed::parse(line).filter(|line| sealer.accepts(FILE, line))?;
        let head: Head = serde_json::from_slice(line).ok()?;
        (head.log == log && head.seq == sealed.seq).then_some(head)
    }

    /// Writes down where a chain stands. Not forced to the disk.
    pub(super) fn put(&self, sealer: &Sealer, head: &Head) -> Result<(), AuditError> {
        let offset = (head.log as u64).saturating_mul(LINE as u64);
        Ok(self.file.write_at(&line(sealer, head)?, offset)?)
    }

    /// What the system's log did not take and nobody has been told.
    pub(super) fn lost(&self) -> Lost {
        serde_json::from_slice(self.line(Log::ALL.len())).unwrap_or_default()
    }

    /// Writes that down.
    pub(super) fn put_lost(&self, lost: Lost) -> Result<(), AuditError> {
        let text = serde_json::to_vec(&lost).map_err(not_json)?;
        let offset = (Log::ALL.len() as u64).saturating_mul(LINE as u64);
        Ok(self.file.write_at(&padded(&text), offset)?)
    }
}

pub(super) fn not_json(error: serde_json::Error) -> AuditError {
    AuditError::Host(error.to_string())
}

fn line(sealer: &Sealer, head: &Head) -> Result<[u8; LINE], AuditError> {
    let mut text = serde_json::to_vec(head).map_err(not_json)?;
    sealer.seal(FILE, &mut text, Hash::ZERO);
    Ok(padded(text.trim_ascii_end()))
}

/// With blanks and a line's end. What is too long, which nothing is, is damaged so.
fn padded(text: &[u8]) -> [u8; LINE] {
    let mut line = [b' '; LINE];
    for (place, byte) in line.iter_mut().zip(text) {
        *place = *byte;
    }
    if let Some(last) = line.last_mut() {
        *last = b'\n';
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_head_fits_its_line() {
        let sealer = Sealer::new(&[7; 32]);
        let head = Head {
            seq: u64::MAX,
            log: Log::Command,
            last: Hash::ZERO,
            size: u64::MAX,
            inode: u64::MAX,
            hour: i64::MIN,
            sealed: u64::MAX,
        };
        let line = line(&sealer, &head).unwrap();
        assert_eq!((line[LINE - 2], line[LINE - 1]), (b' ', b'\n'));
        let text = line.trim_ascii_end();
        assert_eq!(serde_json::from_slice::<Head>(text).unwrap(), head);
        assert!(sealer.accepts(FILE, &Sealed::parse(text).unwrap()));
    }
}

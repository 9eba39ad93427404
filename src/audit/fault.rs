//! What is wrong with the trail, and where.
use std::fmt;

use serde::Serialize;

/// How a file of the trail is not as it was written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A line is not as it was written, or stands in the place of another.
    Changed,
    /// Lines are gone.
    Removed,
    /// A line was not written by this program, or stands there again.
    Inserted,
    /// A line stands in another place.
    Reordered,
    /// Lines are gone from the end of a file.
    Truncated,
    /// The last line has no end.
    Torn,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 6] = [
        Kind::Changed,
        Kind::Removed,
        Kind::Inserted,
        Kind::Reordered,
        Kind::Truncated,
        Kind::Torn,
    ];

    /// What it means, for people.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Kind::Changed => "A line is not as it was written, or stands in the place of another.",
            Kind::Removed => "Lines are gone.",
            Kind::Inserted => "A line was not written by this program, or stands there again.",
            Kind::Reordered => "A line stands in another place than it was written to.",
            Kind::Truncated => "Lines are gone from the end of a file.",
            Kind::Torn => "The last line has no end: a crash, or it was cut.",
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Changed => "changed",
            Kind::Removed => "removed",
            Kind::Inserted => "inserted",
            Kind::Reordered => "reordered",
            Kind::Truncated => "truncated",
            Kind::Torn => "torn",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fault {
    /// The file's name in the log folder.
    pub file: String,
    /// The line, from 1; where lines are gone, the one before which they stood. 0: the whole file.
    pub line: u64,
    /// How many lines, from that one on.
    pub lines: u64,
    /// In which way.
    pub kind: Kind,
    /// The numbers of the first and last record this is about, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records: Option<(u64, u64)>,
    /// What a person should know.
    pub text: &'static str,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind.as_str();
        write!(f, "{}:{}: {kind}: {}", self.file, self.line, self.text)?;
        if self.lines > 1 && !matches!(self.kind, Kind::Removed | Kind::Truncated) {
            write!(f, ", {} lines", self.lines)?;
        }
        match self.records {
            Some((first, last)) if first == last => write!(f, " (record {first})"),
            Some((first, last)) => write!(f, " (records {first} to {last})"),
            None => Ok(()),
        }
    }
}

/// The faults of a chain. However many there are, they take bounded memory.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) list: Vec<Fault>,
    pub(super) more: u64,
}

impl Faults {
    /// How many faults are kept apart.
    const CAP: usize = 1000;

    /// Adds one, to the last where it goes on from that.
    pub(super) fn add(&mut self, fault: Fault) {
        if let Some(last) = self.list.last_mut() {
            let goes_on = last.kind == fault.kind
                && last.file == fault.file
                && last.text == fault.text
                && last.line.checked_add(last.lines) == Some(fault.line);
            let records = match (last.records, fault.records) {
                (None, None) => Some(None),
                (Some((first, end)), Some((next, to))) if end.checked_add(1) == Some(next) => {
                    Some(Some((first, to)))
                }
                _ => None,
            };
            if let (true, Some(records)) = (goes_on, records) {
                last.lines = last.lines.saturating_add(fault.lines);
                last.records = records;
                return;
            }
        }
        if self.list.len() < Faults::CAP {
            self.list.push(fault);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }
}

//! Checks a chain line by line, over all the files of a log from the oldest to the newest.
use serde::Serialize;

use super::event::{Cause, Log};
use super::fault::{Fault, Faults, Kind};
use super::gaps::{Gap, Gaps, Place};
use super::seal::{Hash, Sealed, Sealer};

/// How many lines that are no records are remembered at a time.
const REMEMBERED: usize = 100_000;

/// What is known about a chain.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// The log.
    pub log: Log,
    /// How many records are as they were written.
    pub records: u64,
    /// The number of the first and last of them.
    pub range: Option<(u64, u64)>,
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// How many more things are wrong.
    pub more: u64,
    /// What is not wrong and should be known.
    pub notes: Vec<String>,
}

/// Checks one chain.
pub struct Proof<'a> {
    sealer: &'a Sealer,
    log: Log,
    at: Place,
    before: Place,
    first: Option<u64>,
    opened_late: bool,
    /// Whether there was a file yet.
    opened: bool,
    /// Records so far in this file.
    in_file: u64,
    end: Option<(u64, Hash)>,
    records: u64,
    odd: Vec<Place>,
    odd_more: u64,
    gaps: Gaps,
    faults: Faults,
    notes: Vec<String>,
    witnesses: Vec<(u64, Hash)>,
}

impl<'a> Proof<'a> {
    /// A check of the chain of `log`, of which nothing is known yet. `witnesses` are records, by number
    /// and hash, that another place has kept.
    #[must_use]
    pub fn new(sealer: &'a Sealer, log: Log, witnesses: Vec<(u64, Hash)>) -> Proof<'a> {
        let nowhere = Place {
            file: log.file_name().into(),
            line: 0,
        };
        Proof {
            sealer,
            log,
            at: nowhere.clone(),
            before: nowhere,
            first: None,
            opened_late: false,
            opened: false,
            in_file: 0,
            end: None,
            records: 0,
            odd: Vec::new(),
            odd_more: 0,
            gaps: Gaps::default(),
            faults: Faults::default(),
            notes: Vec::new(),
            witnesses,
        }
    }

    /// Goes on with the next file.
    pub fn file(&mut self, name: &str) {
        self.leave_file();
        self.opened = true;
        let file = name.into();
        self.before = std::mem::replace(&mut self.at, Place { file, line: 0 });
        self.in_file = 0;
    }

    /// A file is made with its first record and rotated away with all of them, so one that has another after it
    /// and holds nothing was emptied. The records after it cannot show that where it is the oldest.
    fn leave_file(&mut self) {
        let told = |fault: &Fault| fault.file == self.at.file.as_ref();
        if self.opened && self.at.line == 0 && !self.faults.list.last().is_some_and(told) {
            let text = "the file has no record in it, and none is rotated away without";
            self.fault(&self.at.clone(), 1, Kind::Truncated, None, text);
        }
    }

    /// The rest of the file cannot be read.
    pub fn unreadable(&mut self, text: &'static str) {
        self.fault(&self.at.clone(), 1, Kind::Changed, None, text);
    }

    /// The next line, without its end; `whole` if it had one.
    pub fn line(&mut self, line: &[u8], whole: bool) {
        self.at.line = self.at.line.saturating_add(1);
        let sealed =
            Sealed::parse(line).filter(|sealed| self.sealer.accepts(self.log.file_name(), sealed));
        if !whole {
            let text = "the last line has no end: a crash, or it was cut";
            self.fault(&self.at.clone(), 1, Kind::Torn, None, text);
        }
        match sealed {
            Some(sealed) => self.record(&sealed),
            None if !whole => {}
            None if self.odd.len() < REMEMBERED => self.odd.push(self.at.clone()),
            None => self.odd_more = self.odd_more.saturating_add(1),
        }
    }

    fn record(&mut self, sealed: &Sealed<'_>) {
        if let Some((_, hash)) = self.witnesses.iter().find(|(seq, _)| *seq == sealed.seq) {
            if *hash != sealed.hash {
                let text = "it is not the record whose seal was given";
                self.fault_here(Kind::Changed, sealed.seq, text);
            }
            self.witnesses.retain(|(seq, _)| *seq != sealed.seq);
        }
        let Some((end, last)) = self.end else {
            self.begin(sealed);
            return;
        };
        if sealed.seq <= end {
            self.late(sealed.seq);
            return;
        }
        let next = end.saturating_add(1);
        let follows = sealed.seq == next && sealed.prev == last;
        if sealed.seq == next && !follows && self.odd.is_empty() {
            let text = "it does not follow the line before";
            self.fault_here(Kind::Changed, sealed.seq, text);
        }
        let next = self.blame_odd(next, sealed.seq);
        if next < sealed.seq {
            let (place, kind) = match (self.at.line, sealed.first) {
                (1, true) => (self.before.clone(), Kind::Truncated),
                _ if sealed.mended == Some(b"cut") => (self.at.clone(), Kind::Truncated),
                _ => (self.at.clone(), Kind::Removed),
            };
            let last = sealed.seq.saturating_sub(1);
            self.gap(next, Gap { last, place, kind });
        } else {
            self.place(sealed);
            self.mended(sealed);
        }
        self.accept(sealed);
    }

    /// A record knows whether it was the first of its file.
    fn place(&mut self, sealed: &Sealed<'_>) {
        let text = match (sealed.first, self.in_file) {
            (true, 1..) => "it was the first record of a file",
            (false, 0) if self.at.line == 1 => "it was not the first record of a file",
            _ => return,
        };
        self.fault_here(Kind::Reordered, sealed.seq, text);
    }

    /// The first record there is.
    fn begin(&mut self, sealed: &Sealed<'_>) {
        let untouched = self.odd.is_empty();
        self.blame_odd(1, u64::MAX);
        if !sealed.first && untouched && self.at.line == 1 {
            let last = sealed.seq.saturating_sub(1);
            let (place, kind) = (self.at.clone(), Kind::Removed);
            self.gap(1, Gap { last, place, kind });
            self.opened_late = true;
        } else if sealed.seq > 1 {
            let note = format!(
                "begins with record {}; what was before is in files that are not here any more",
                sealed.seq
            );
            self.notes.push(note);
        }
        self.first = Some(sealed.seq);
        self.mended(sealed);
        self.accept(sealed);
    }

    fn accept(&mut self, sealed: &Sealed<'_>) {
        self.records = self.records.saturating_add(1);
        self.in_file = self.in_file.saturating_add(1);
        self.end = Some((sealed.seq, sealed.hash));
    }

    fn mended(&mut self, sealed: &Sealed<'_>) {
        let is = |cause: Cause| sealed.mended == Some(cause.code().as_bytes());
        if is(Cause::Torn) && self.notes.len() < 100 {
            let Place { file, line } = &self.at;
            let note = format!(
                "{file}:{line}: a crash had cut the line before; it was kept aside in {}.torn",
                self.log.file_name()
            );
            self.notes.push(note);
        }
        for cause in [Cause::Cut, Cause::HeadLost] {
            if is(cause) {
                self.fault_here(Kind::Truncated, sealed.seq, cause.sentence());
            }
        }
    }

    /// A record that should have come before, or has.
    fn late(&mut self, seq: u64) {
        if !self.gaps.fill(seq) {
            self.fault_here(Kind::Inserted, seq, "a record that stands elsewhere too");
            return;
        }
        self.records = self.records.saturating_add(1);
        self.fault_here(Kind::Reordered, seq, "a record that belongs elsewhere");
    }

    /// Lines that are no records take the places of the ones that are missing from `next` up to
    /// `end`; what is over was inserted. The first that is still missing comes back.
    fn blame_odd(&mut self, mut next: u64, end: u64) -> u64 {
        for place in std::mem::take(&mut self.odd) {
            if next < end {
                // Without a record before them nobody knows their numbers.
                let record = (end < u64::MAX).then_some((next, next));
                let text = "not as it was written";
                self.fault(&place, 1, Kind::Changed, record, text);
                next = next.saturating_add(1);
            } else {
                self.fault(&place, 1, Kind::Inserted, None, "no record of this program");
            }
        }
        self.faults.more = self.faults.more.saturating_add(self.odd_more);
        next = next.saturating_add(self.odd_more).min(end);
        self.odd_more = 0;
        next
    }

    fn gap(&mut self, first: u64, gap: Gap) {
        if !self.gaps.add(first, gap) {
            self.faults.more = self.faults.more.saturating_add(1);
        }
    }

    fn fault_here(&mut self, kind: Kind, seq: u64, text: &'static str) {
        self.fault(&self.at.clone(), 1, kind, Some((seq, seq)), text);
    }

    fn fault(
        &mut self,
        place: &Place,
        lines: u64,
        kind: Kind,
        records: Option<(u64, u64)>,
        text: &'static str,
    ) {
        self.faults.add(Fault {
            file: place.file.to_string(),
            line: place.line,
            lines,
            kind,
            records,
            text,
        });
    }

    /// The end of the newest file. `head` is the number and hash of the last record that was written;
    /// `None` where that is not known.
    #[must_use]
    pub fn end(mut self, head: Option<(u64, Hash)>) -> Report {
        let (end, last) = self.end.unwrap_or_default();
        let next = end.saturating_add(1);
        match head {
            Some((seq, _)) if seq > end => {
                let next = self.blame_odd(next, seq.saturating_add(1));
                if next <= seq {
                    let (place, kind) = (self.at.clone(), Kind::Truncated);
                    let last = seq;
                    self.gap(next, Gap { last, place, kind });
                }
            }
            Some((seq, hash)) if seq == end && hash != last => {
                let text = "it is not the last record that was written";
                self.fault_here(Kind::Changed, seq, text);
            }
            Some((seq, _)) if seq < end => {
                let more = end.saturating_sub(seq);
                let note = format!("{more} records are newer than audit-head.json: a crash");
                self.notes.push(note);
            }
            None if end > 0 => {
                let text =
                    "whether this is the end is not known: audit-head.json is missing or damaged";
                self.fault(&self.at.clone(), 0, Kind::Truncated, None, text);
            }
            _ => {}
        }
        self.blame_odd(next, next);
        for (first, gap) in self.gaps.take() {
            let lines = gap.last.saturating_sub(first).saturating_add(1);
            // How many there were before the first file there is, nobody knows.
            let opening = self.opened_late && self.first.is_some_and(|first| gap.last < first);
            let records = (!opening).then_some((first, gap.last));
            let text = match gap.kind {
                Kind::Truncated => "records are missing at the end",
                _ if opening => "the file began with other records",
                _ => "records are missing before this line",
            };
            self.fault(&gap.place, lines, gap.kind, records, text);
        }
        for (seq, _) in std::mem::take(&mut self.witnesses) {
            let text = "a record whose seal was given is not there";
            self.fault(&self.at.clone(), 0, Kind::Removed, Some((seq, seq)), text);
        }
        Report {
            log: self.log,
            records: self.records,
            range: self.first.map(|first| (first, end)),
            faults: self.faults.list,
            more: self.faults.more,
            notes: self.notes,
        }
    }
}

//! The VMIDs of the rules: how they are written, that no two rules share one, and who has which.
use super::rule::Rule;
use crate::model::{VmId, VmIdError};
use crate::strict::{Mark, Reader, Value, quoted};

/// VMIDs that a rule covers, first and last included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) first: VmId,
    pub(super) last: VmId,
    /// Number of the rule in the file, from 0.
    pub(super) rule: usize,
    pub(super) mark: Mark,
}

impl Range {
    fn text(&self) -> String {
        if self.first == self.last {
            self.first.to_string()
        } else {
            format!("{}-{}", self.first, self.last)
        }
    }
}

/// Reads an entry of `vmids`: an integer, or `"LOW-HIGH"`.
pub(super) fn read(value: &Value<'_>) -> Option<(VmId, VmId)> {
    const WANT: &str = "a VMID like 100 or a range like \"200-299\"";
    if value.is_integer() {
        // As it is written: no sign, no hexadecimal digits, no underscores.
        return match VmId::parse(value.source().as_bytes()) {
            Ok(vmid) => Some((vmid, vmid)),
            Err(error) => value.refuse(format!("{}: {error}", quoted(value.source()))),
        };
    }
    let text = value.string(WANT, 64)?;
    let Some((first, last)) = text.split_once('-') else {
        return match VmId::parse(text.as_bytes()) {
            Ok(vmid) => value.refuse(format!(
                "write {vmid} without quotes; only a range is a string"
            )),
            Err(VmIdError) => value.refuse(format!("{} must be {WANT}", quoted(text))),
        };
    };
    match (VmId::parse(first.as_bytes()), VmId::parse(last.as_bytes())) {
        (Ok(first), Ok(last)) if first <= last => Some((first, last)),
        (Ok(first), Ok(last)) => value.refuse(format!(
            "{} is reversed; write \"{last}-{first}\"",
            quoted(text)
        )),
        _ => value.refuse(format!(
            "{} is no range; it is written \"LOW-HIGH\", and {VmIdError}",
            quoted(text)
        )),
    }
}

/// Sorts the ranges and reports those that hold a VMID twice.
pub(super) fn check(reader: &Reader<'_>, ranges: &mut [Range]) {
    ranges.sort_by_key(|range| (range.first, range.last, range.mark));
    // The range so far that reaches furthest: the one a later range can collide with.
    let mut widest: Option<&Range> = None;
    for range in ranges.iter() {
        if let Some(other) = widest.filter(|other| range.first <= other.last) {
            report_overlap(reader, range, other);
        }
        if widest.is_none_or(|other| range.last > other.last) {
            widest = Some(range);
        }
    }
}

/// Which rule holds a VMID: ranges in order, none touching another.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Index(Vec<(VmId, VmId, usize)>);

impl Index {
    /// Of ranges that have been checked.
    pub(super) fn new(ranges: &[Range]) -> Index {
        let sorted = ranges.iter();
        Index(
            sorted
                .map(|range| (range.first, range.last, range.rule))
                .collect(),
        )
    }

    /// For the first rule alone.
    pub(super) fn of_first(rule: Option<&Rule>) -> Index {
        let ranges = rule.map(|rule| rule.ranges.as_slice()).unwrap_or_default();
        let mut sorted: Vec<_> = ranges
            .iter()
            .map(|(first, last)| (*first, *last, 0))
            .collect();
        // A rule's own list may be in any order.
        sorted.sort_unstable();
        Index(sorted)
    }

    /// The number of the rule that holds `vmid`.
    pub(super) fn find(&self, vmid: VmId) -> Option<usize> {
        let next = self.0.partition_point(|(first, _, _)| *first <= vmid);
        let (_, last, rule) = self.0.get(next.checked_sub(1)?)?;
        (vmid <= *last).then_some(*rule)
    }
}

/// Says at the one that stands later in the file that the other was there first.
fn report_overlap(reader: &Reader<'_>, one: &Range, other: &Range) {
    let (earlier, later) = if one.mark < other.mark {
        (one, other)
    } else {
        (other, one)
    };
    let whose = if one.rule == other.rule {
        "this rule"
    } else {
        "another rule"
    };
    reader.error(
        later.mark,
        format!(
            "VMIDs {} are covered twice: {whose} has {} in line {}",
            later.text(),
            earlier.text(),
            reader.line(earlier.mark)
        ),
    );
}

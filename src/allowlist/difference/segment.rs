//! Which VMIDs have the same rule before and after.
use std::collections::{BTreeMap, BTreeSet};

use crate::allowlist::{Allowlist, Rule};
use crate::model::VmId;

/// A VM's rules, before and after.
pub(super) type Pair<'a> = (Option<&'a Rule>, Option<&'a Rule>);
type Ranges = Vec<(VmId, VmId)>;

/// The VMIDs that some rule covers, by their rules before and after.
pub(super) fn segments<'a>(
    old: &'a Allowlist,
    new: &'a Allowlist,
) -> impl Iterator<Item = (Pair<'a>, Ranges)> {
    let mut starts = BTreeSet::new();
    for rule in old.rules.iter().chain(&new.rules) {
        for (first, last) in &rule.ranges {
            starts.insert(first.get());
            starts.insert(last.get().saturating_add(1));
        }
    }
    let mut found: BTreeMap<(Option<usize>, Option<usize>), Ranges> = BTreeMap::new();
    let ends = starts.iter().skip(1);
    for (first, next) in starts.iter().zip(ends) {
        let last = VmId::try_from(next.saturating_sub(1));
        let (Ok(first), Ok(last)) = (VmId::try_from(*first), last) else {
            continue;
        };
        let numbers = (old.index.find(first), new.index.find(first));
        if numbers != (None, None) {
            found.entry(numbers).or_default().push((first, last));
        }
    }
    found.into_iter().map(|((was, is), ranges)| {
        let was = was.and_then(|number| old.rules.get(number));
        let is = is.and_then(|number| new.rules.get(number));
        ((was, is), ranges)
    })
}

/// The same ranges in order, those that touch as one.
pub(super) fn joined(mut ranges: Ranges) -> Ranges {
    ranges.sort_unstable();
    let mut joined: Ranges = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if end.get().saturating_add(1) == first.get() => *end = last,
            _ => joined.push((first, last)),
        }
    }
    joined
}

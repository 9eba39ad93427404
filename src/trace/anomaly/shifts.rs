//! The rules about a VM's shifts: when, how long, how many. Each against the VM's own past.
use super::fact::{Fact, What};
use super::rules::{DAY, HOUR, MINUTE, anomaly, day_of, grouped};
use super::stats::limit;
use super::{Anomaly, Kind};
use crate::model::Timestamp;

/// A shift more than 2 hours of the day (UTC) from all of the VM's earlier ones, of which there are at
/// least 20.
pub(super) fn hours(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    const ENOUGH: usize = 20;
    let hour = |fact: &Fact| fact.seconds().rem_euclid(DAY).div_euclid(HOUR);
    let mut found = Vec::new();
    for group in grouped(facts, &[What::Intent], |fact| fact.vmid).values() {
        let mut seen = [0_usize; 24];
        for (before, fact) in group.iter().enumerate() {
            let near = |other: i64| {
                let apart = other.saturating_sub(hour(fact)).rem_euclid(24);
                apart <= 2 || apart >= 22
            };
            let known = (0_i64..)
                .zip(seen)
                .any(|(other, count)| count > 0 && near(other));
            if fact.time >= since && before >= ENOUGH && !known {
                let text = format!(
                    "a shift at {} o'clock UTC; none of the {before} before was within two hours of that",
                    hour(fact)
                );
                found.extend(anomaly(Kind::UnusualHour, &[fact], text));
            }
            let count = usize::try_from(hour(fact))
                .ok()
                .and_then(|at| seen.get_mut(at));
            if let Some(count) = count {
                *count = count.saturating_add(1);
            }
        }
    }
    found
}

/// A shift in force longer than is usual for the VM, by at least 8 earlier ones, and than an hour.
pub(super) fn lengths(facts: &[Fact], since: Timestamp, now: Timestamp) -> Vec<Anomaly> {
    const ENOUGH: usize = 8;
    let mut found = Vec::new();
    for group in grouped(facts, &[What::Set, What::Ended], |fact| fact.vmid).values() {
        let mut lengths: Vec<i64> = Vec::new();
        let mut begun: Option<&Fact> = None;
        let mut look = |begun: &Fact, end: Option<&Fact>, lengths: &[i64]| {
            let until = end.map_or(now, |end| end.time);
            let length = until.floor_seconds().saturating_sub(begun.seconds());
            if until < since || lengths.len() < ENOUGH || length <= HOUR {
                return length;
            }
            // A VM has few shifts that long, so this is not done for each of very many.
            let usual = limit(&mut lengths.to_vec(), HOUR);
            if length > usual {
                let text = format!(
                    "a shift {} in force for {}; up to {} is usual for this VM",
                    if end.is_some() { "was" } else { "is" },
                    span(length),
                    span(usual)
                );
                let facts: Vec<&Fact> = std::iter::once(begun).chain(end).collect();
                found.extend(anomaly(Kind::OverlongShift, &facts, text));
            }
            length
        };
        for fact in group {
            match (fact.event, begun) {
                // Set again: the shift goes on.
                (What::Set, Some(_)) => {}
                (What::Set, None) => begun = Some(fact),
                (_, Some(first)) => {
                    let length = look(first, Some(fact), &lengths);
                    lengths.push(length);
                    begun = None;
                }
                (_, None) => {}
            }
        }
        if let Some(first) = begun {
            look(first, None, &lengths);
        }
    }
    found
}

fn span(seconds: i64) -> String {
    let hours = seconds.div_euclid(HOUR);
    match hours {
        48.. => format!("{} days", hours.div_euclid(24)),
        2.. => format!("{hours} hours"),
        _ => format!("{} minutes", seconds.div_euclid(MINUTE)),
    }
}

/// More shifts of a VM on one day (UTC) than is usual, by at least 8 earlier days that had any.
pub(super) fn rates(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    const ENOUGH: usize = 8;
    let mut found = Vec::new();
    for group in grouped(facts, &[What::Intent], |fact| fact.vmid).values() {
        let mut earlier: Vec<i64> = Vec::new();
        for day in group.chunk_by(|one, next| day_of(one) == day_of(next)) {
            let count = i64::try_from(day.len()).unwrap_or(i64::MAX);
            let usual = limit(&mut earlier, 5);
            let begun = usize::try_from(usual).ok().and_then(|usual| day.get(usual));
            let is_recent = day.last().is_some_and(|last| last.time >= since);
            if let (true, true, Some(begun)) = (is_recent, earlier.len() >= ENOUGH, begun) {
                let text =
                    format!("{count} shifts on one day (UTC); up to {usual} are usual for this VM");
                let anomaly = anomaly(Kind::UnusualRate, day, text);
                found.extend(anomaly.map(|anomaly| anomaly.begun_with(begun)));
            }
            earlier.push(count);
        }
    }
    found
}

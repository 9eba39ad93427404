//! The rules. Every number in them is said in the anomaly's text.
use std::collections::BTreeMap;

use super::fact::{Fact, What};
use super::stats::limit;
use super::{Anomaly, Kind};
use crate::model::{Printable, Timestamp, VmId};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 86_400;

/// How many records an anomaly names at most.
const EVIDENCE: usize = 20;

/// An anomaly about the last of some facts.
fn anomaly(kind: Kind, facts: &[&Fact], text: String) -> Option<Anomaly> {
    let last = facts.last()?;
    let skip = facts.len().saturating_sub(EVIDENCE);
    Some(Anomaly {
        kind,
        time: last.time,
        vmid: last.vmid,
        actor: Some(last.actor.clone()),
        text,
        evidence: facts
            .iter()
            .skip(skip)
            .map(|fact| fact.evidence())
            .collect(),
    })
}

/// The facts of one kind, by what `key` says they belong to, in order.
fn grouped<'a, K: Ord>(
    facts: &'a [Fact],
    kinds: &[What],
    key: impl Fn(&Fact) -> Option<K>,
) -> BTreeMap<K, Vec<&'a Fact>> {
    let mut groups: BTreeMap<K, Vec<&'a Fact>> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| kinds.contains(&fact.event)) {
        if let Some(key) = key(fact) {
            groups.entry(key).or_default().push(fact);
        }
    }
    groups
}

/// The facts of each run in which at least `count` come within `window` seconds, from `since` on.
fn bursts<'a>(
    facts: &[&'a Fact],
    count: usize,
    window: i64,
    since: Timestamp,
) -> Vec<Vec<&'a Fact>> {
    let mut bursts: Vec<Vec<&Fact>> = Vec::new();
    let mut run: Vec<&Fact> = Vec::new();
    for fact in facts.iter().filter(|fact| fact.time >= since) {
        let first_in = fact.seconds().saturating_sub(window);
        let recent = run
            .iter()
            .filter(|other| other.seconds() >= first_in)
            .count();
        if recent == 0 {
            bursts.push(std::mem::take(&mut run));
        }
        run.push(fact);
    }
    bursts.push(run);
    bursts.retain(|run| {
        run.windows(count.max(1))
            .any(|some| match (some.first(), some.last()) {
                (Some(first), Some(last)) => {
                    last.seconds().saturating_sub(first.seconds()) <= window
                }
                _ => false,
            })
    });
    bursts
}

/// How many facts there were on each day before `since` that had any.
fn per_day(facts: &[&Fact], since: Timestamp) -> Vec<i64> {
    let mut days: BTreeMap<i64, i64> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.time < since) {
        let day = days.entry(fact.seconds().div_euclid(DAY)).or_default();
        *day = day.saturating_add(1);
    }
    days.into_values().collect()
}

/// At least 5 denials of a VM, or of an actor, within an hour, and more than is usual in a day.
pub(super) fn denials(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut look = |groups: Vec<Vec<&Fact>>, whose: &str| {
        for group in groups {
            let usual = limit(&mut per_day(&group, since), 5);
            for burst in bursts(&group, usize::try_from(usual).unwrap_or(5), HOUR, since) {
                let text = format!(
                    "{} denials {whose} with less than an hour between them; up to {usual} a day are usual",
                    burst.len()
                );
                found.extend(anomaly(Kind::RepeatedDenials, &burst, text));
            }
        }
    };
    let by_vm = grouped(facts, &[What::Denied], |fact| fact.vmid);
    look(by_vm.into_values().collect(), "of this VM");
    // What the node does by itself has no actor to speak of.
    let by_actor = grouped(facts, &[What::Denied], |fact| {
        (fact.actor.as_str() != "system").then(|| fact.actor.clone())
    });
    let several = |group: &Vec<&Fact>| {
        let first: Option<VmId> = group.first().and_then(|fact| fact.vmid);
        group.iter().any(|fact| fact.vmid != first)
    };
    look(
        by_actor.into_values().filter(several).collect(),
        "of this actor",
    );
    found
}

/// At least 3 failed logins of an actor within 10 minutes.
pub(super) fn failed_logins(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    let by_actor: BTreeMap<Printable, Vec<&Fact>> =
        grouped(facts, &[What::LoginFailed], |fact| Some(fact.actor.clone()));
    let bursts = by_actor
        .values()
        .flat_map(|group| bursts(group, 3, 10 * MINUTE, since));
    bursts
        .filter_map(|burst| {
            let text = format!("{} failed logins, 3 or more within 10 minutes", burst.len());
            anomaly(Kind::FailedLogins, &burst, text)
        })
        .collect()
}

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
            let usual = limit(&mut lengths.to_vec(), HOUR);
            if until >= since && lengths.len() >= ENOUGH && length > usual {
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

/// A clock that was put back at least 3 times within an hour.
pub(super) fn fights(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    let by_vm = grouped(facts, &[What::Undone], |fact| fact.vmid);
    let bursts = by_vm
        .values()
        .flat_map(|group| bursts(group, 3, HOUR, since));
    bursts
        .filter_map(|burst| {
            let text = format!(
                "the clock was put back {} times, 3 or more within an hour: something in the guest sets it",
                burst.len()
            );
            anomaly(Kind::ClockFight, &burst, text)
        })
        .collect()
}

/// A shift within 10 minutes of a change of the configuration.
pub(super) fn changes(facts: &[Fact], since: Timestamp) -> Vec<Anomaly> {
    let mut found = Vec::new();
    let mut change: Option<&Fact> = None;
    for fact in facts {
        match fact.event {
            What::ConfigChanged => change = Some(fact),
            What::Intent if fact.time >= since => {
                let Some(changed) = change.take() else {
                    continue;
                };
                let apart = fact.seconds().saturating_sub(changed.seconds());
                if apart <= 10 * MINUTE {
                    let text = format!("a shift {apart} s after the configuration was changed");
                    found.extend(anomaly(Kind::ConfigThenShift, &[changed, fact], text));
                }
            }
            _ => {}
        }
    }
    found
}

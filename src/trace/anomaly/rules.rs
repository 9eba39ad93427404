//! The rules. Every number in them is said in the anomaly's text.
use std::collections::BTreeMap;

use super::fact::{Fact, What};
use super::stats::limit;
use super::{Anomaly, Kind};
use crate::model::{Printable, Timestamp, VmId};

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;

/// How many records an anomaly names at most.
const EVIDENCE: usize = 20;

/// An anomaly about some facts, of a VM if all of them are.
pub(super) fn anomaly(kind: Kind, facts: &[&Fact], text: String) -> Option<Anomaly> {
    let (first, last) = (facts.first()?, facts.last()?);
    let skip = facts.len().saturating_sub(EVIDENCE);
    let vmid = last.vmid.filter(|vmid| {
        let mut others = facts.iter().filter_map(|fact| fact.vmid);
        others.all(|other| other == *vmid)
    });
    let anomaly = Anomaly {
        id: String::new(),
        kind,
        time: last.time,
        vmid,
        actor: Some(last.actor.clone()),
        text,
        evidence: facts
            .iter()
            .skip(skip)
            .map(|fact| fact.evidence())
            .collect(),
    };
    Some(anomaly.begun_with(first))
}

impl Anomaly {
    /// The same, named after another first record.
    pub(super) fn begun_with(self, first: &Fact) -> Anomaly {
        let whose = match (self.vmid, &self.actor) {
            (Some(vmid), _) => vmid.to_string(),
            (None, actor) => actor.as_ref().map_or_else(String::new, ToString::to_string),
        };
        let id = format!("{}/{whose}/{}", self.kind.as_str(), first.time);
        Anomaly { id, ..self }
    }
}

/// The facts of one kind, by what `key` says they belong to, in order.
pub(super) fn grouped<'a, K: Ord>(
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
        if run.last().is_none_or(|last| last.seconds() < first_in) {
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

/// The day (UTC), since 1970.
pub(super) fn day_of(fact: &Fact) -> i64 {
    fact.seconds().div_euclid(DAY)
}

/// How many facts there were on each day before `since` that had any.
fn per_day(facts: &[&Fact], since: Timestamp) -> Vec<i64> {
    let mut days: BTreeMap<i64, i64> = BTreeMap::new();
    for fact in facts.iter().filter(|fact| fact.time < since) {
        let day = days.entry(day_of(fact)).or_default();
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
    // Those of one VM have been looked at; what is about no VM has not.
    let several = |group: &Vec<&Fact>| {
        let first: Option<VmId> = group.first().and_then(|fact| fact.vmid);
        first.is_none() || group.iter().any(|fact| fact.vmid != first)
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

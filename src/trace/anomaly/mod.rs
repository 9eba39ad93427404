//! What is unusual in the trail, and why: rules about counts and times, each against the VM's own past.
//!
//! Nothing here blocks anything. A rule speaks only where there is enough history to know what is
//! usual; each says which records made it speak.

mod fact;
mod rules;
mod shifts;
mod stats;

#[cfg(test)]
mod tests;

use serde::Serialize;

pub use fact::Fact;

use crate::model::{Printable, Timestamp, VmId};

/// What is unusual.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Many denials of one VM or actor.
    RepeatedDenials,
    /// Many failed logins.
    FailedLogins,
    /// A shift at an hour at which this VM never had one.
    UnusualHour,
    /// A shift that is or was in force much longer than this VM's are.
    OverlongShift,
    /// A clock that was put back and set again several times.
    ClockFight,
    /// More shifts of a VM within a day than it ever has.
    UnusualRate,
    /// A shift within minutes of a change of the configuration.
    ConfigThenShift,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 7] = [
        Kind::RepeatedDenials,
        Kind::FailedLogins,
        Kind::UnusualHour,
        Kind::OverlongShift,
        Kind::ClockFight,
        Kind::UnusualRate,
        Kind::ConfigThenShift,
    ];

    /// What it means, for people.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Kind::RepeatedDenials => "Many denials of one VM or one actor within an hour.",
            Kind::FailedLogins => "Many failed logins of one actor within minutes.",
            Kind::UnusualHour => "A shift at an hour at which this VM never had one.",
            Kind::OverlongShift => {
                "A shift that is or was in force much longer than this VM's are."
            }
            Kind::ClockFight => {
                "A clock that was put back and set again several times within an hour."
            }
            Kind::UnusualRate => "More shifts of a VM within a day than it ever has.",
            Kind::ConfigThenShift => "A shift within minutes of a change of the configuration.",
        }
    }

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::RepeatedDenials => "repeated-denials",
            Kind::FailedLogins => "failed-logins",
            Kind::UnusualHour => "unusual-hour",
            Kind::OverlongShift => "overlong-shift",
            Kind::ClockFight => "clock-fight",
            Kind::UnusualRate => "unusual-rate",
            Kind::ConfigThenShift => "config-then-shift",
        }
    }
}

/// One thing that is unusual.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Anomaly {
    /// Stays the same while more records come to it: KIND/WHOSE/TIME, of the first of them.
    pub id: String,
    /// What.
    pub kind: Kind,
    /// When it was at its end.
    pub time: Timestamp,
    /// The VM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid: Option<VmId>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<Printable>,
    /// Why it is unusual.
    pub text: String,
    /// The records: LOG:SEQ TIME EVENT ACTOR.
    pub evidence: Vec<String>,
}

/// What is unusual from `since` on, at `now`. What is older is what it is compared with.
#[must_use]
pub fn anomalies(mut facts: Vec<Fact>, since: Timestamp, now: Timestamp) -> Vec<Anomaly> {
    facts.sort_by_key(|fact| fact.time);
    let mut found = rules::denials(&facts, since);
    found.extend(rules::failed_logins(&facts, since));
    found.extend(shifts::hours(&facts, since));
    found.extend(shifts::lengths(&facts, since, now));
    found.extend(rules::fights(&facts, since));
    found.extend(shifts::rates(&facts, since));
    found.extend(rules::changes(&facts, since));
    found.sort_by_key(|anomaly| anomaly.time);
    found
}

//! A profile of the allowlist: what is done to a guest's clock, and how well.
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::command::CommandName;
use super::references::{References, names};
use crate::model::{
    ClockTarget, OnTrouble, Printable, ProfileName, Stage, Stages, Timestamp, Validity,
};
use crate::strict::{Mark, Table, Value, nearest};

/// What happens to the time service in the guest while its clock is shifted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeService {
    /// It is left alone.
    #[default]
    Keep,
    /// It is stopped, and started again when the real time comes back.
    Stop,
}

/// What is done about a clock that something in the guest has set otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUndo {
    /// It is reported.
    Report,
    /// It is reported and set again, a few times an hour at most.
    #[default]
    Set,
}

/// A profile.
#[derive(Clone, PartialEq, Debug)]
pub struct Profile {
    /// For people.
    pub description: Option<Printable>,
    /// The time that the guest shall have.
    pub target: ClockTarget,
    /// The real time at which the guest shows `target`; its clock runs on from there.
    pub anchor: Option<Timestamp>,
    /// How long before the end of a certificate's validity the date is, where `target` is one; at most
    /// ten years.
    pub margin: Duration,
    /// How the clock is set.
    pub stages: Stages,
    /// Whether the RTC's second starts when the guest's does.
    pub align: bool,
    /// How much error is good enough; more than zero, at most an hour.
    pub tolerance: Duration,
    /// What happens to the guest's time service.
    pub time_service: TimeService,
    /// How long after a start the clock is looked at every few seconds; at most 30 days.
    pub hold: Duration,
    /// How long a running guest may take to its agent; from a second to a day.
    pub agent_wait: Duration,
    /// What is done about a clock that was put back.
    pub on_undo: OnUndo,
    /// After how long the guest gets its real time back; more than zero, at most 365 days.
    pub restore_after: Option<Duration>,
    /// What pre-start does when policy says no.
    pub on_denied: OnTrouble,
    /// What pre-start does when something fails.
    pub on_failure: OnTrouble,
    /// The commands that may be run in the guest; their `undo` may be too.
    pub guest_commands: Vec<CommandName>,
    /// Where the profile starts in the file.
    pub line: usize,
}

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const SECOND: Duration = Duration::from_secs(1);
const MINUTES_5: Duration = Duration::from_secs(300);
const MINUTES_10: Duration = Duration::from_secs(600);
const TOLERANCE: Duration = Duration::from_millis(250);
const TIME: &str = "a time in quotes, like \"2016-06-15T12:00:00Z\"";
const TARGET: &str = "a string, like \"2016-06-15T12:00:00Z\", \"-10y\", \"now\" or \"cert:HOST\"";

/// The profiles that could be read, and where they start.
pub(super) type Profiles = BTreeMap<ProfileName, (Profile, Mark)>;

/// Reads the `profiles` table.
pub(super) fn read_all(table: &mut Table<'_>, references: &mut References) -> Profiles {
    let mut profiles = BTreeMap::new();
    for value in table.entries() {
        let Ok(name) = ProfileName::parse(value.name()).map_err(|error| {
            value.refuse::<()>(error);
        }) else {
            continue;
        };
        references.profiles.insert(name.clone());
        if let Some(profile) = value.table("a profile", |table| read(table, references)) {
            profiles.insert(name, profile);
        }
    }
    profiles
}

fn read(table: &mut Table<'_>, references: &mut References) -> Option<(Profile, Mark)> {
    let description = table.optional("description", |value| {
        Some(Printable::from(value.string(
            "a string of at most 200 characters",
            Printable::CAP,
        )?))
    });
    let target = table.required("target", |value| value.parsed(TARGET, ClockTarget::parse));
    let anchor = table.optional("anchor", |value| read_anchor(&value, target.as_ref()));
    let margin = table.or("margin", Validity::MARGIN, |value| {
        read_margin(&value, target.as_ref())
    });
    let stages = table.or(
        "stages",
        Stages {
            rtc: true,
            agent: true,
        },
        |value| read_stages(&value),
    );
    let align = table.or("align", false, |value| value.boolean());
    let tolerance = table.or("tolerance", TOLERANCE, |value| {
        value.duration(Duration::from_nanos(1)..=HOUR, "more than 0 and at most 1h")
    });
    let time_service = table.or("time-service", TimeService::Keep, |value| {
        value.choice(&[("keep", TimeService::Keep), ("stop", TimeService::Stop)])
    });
    let hold = table.or("hold", MINUTES_10, |value| {
        value.duration(Duration::ZERO..=DAY.saturating_mul(30), "at most 30d")
    });
    let agent_wait = table.or("agent-wait", MINUTES_5, |value| {
        value.duration(SECOND..=DAY, "from 1s to 1d")
    });
    let on_undo = table.or("on-undo", OnUndo::Set, |value| {
        value.choice(&[("report", OnUndo::Report), ("set", OnUndo::Set)])
    });
    let restore_after = table.optional("restore-after", |value| {
        let range = Duration::from_nanos(1)..=DAY.saturating_mul(365);
        value.duration(range, "more than 0 and at most 365d")
    });
    let on_denied = table.or("on-denied", OnTrouble::Start, |value| {
        value.choice(OnTrouble::WORDS)
    });
    let on_failure = table.or("on-failure", OnTrouble::Start, |value| {
        value.choice(OnTrouble::WORDS)
    });
    let guest_commands = table.or("guest-commands", Vec::new(), |value| {
        let commands = names(
            &value,
            "a list of names of [[guest-command]] tables",
            |value| value.parsed("the name of a [[guest-command]]", CommandName::parse),
        )?;
        references.wanted_commands.extend(commands.iter().cloned());
        Some(commands.into_iter().map(|(name, _)| name).collect())
    });
    let profile = Profile {
        description,
        target: target?,
        anchor,
        margin,
        stages,
        align,
        tolerance,
        time_service,
        hold,
        agent_wait,
        on_undo,
        restore_after,
        on_denied,
        on_failure,
        guest_commands,
        line: table.reader().line(table.mark()),
    };
    Some((profile, table.mark()))
}

fn read_anchor(value: &Value<'_>, target: Option<&ClockTarget>) -> Option<Timestamp> {
    let anchor = value.parsed(TIME, Timestamp::parse)?;
    match target {
        Some(ClockTarget::Now | ClockTarget::Shifted(_)) => value.say(
            " makes sense only with a fixed time or a certificate as `target`: a target that \
             follows the host's clock runs on by itself",
        ),
        _ => Some(anchor),
    }
}

fn read_margin(value: &Value<'_>, target: Option<&ClockTarget>) -> Option<Duration> {
    let margin = value.duration(Duration::ZERO..=DAY.saturating_mul(3_650), "at most 3650d")?;
    match target {
        None | Some(ClockTarget::Certificate(_)) => Some(margin),
        Some(_) => value.say(" makes sense only with a certificate as `target`"),
    }
}

/// Reads a list of stages: at least one, each once.
pub(super) fn read_stages(value: &Value<'_>) -> Option<Stages> {
    let mut stages = Stages {
        rtc: false,
        agent: false,
    };
    value.list("a list of \"rtc\" and \"agent\"", false, |value| {
        let stage = value.choice(&[("rtc", Stage::Rtc), ("agent", Stage::Agent)])?;
        let wanted = match stage {
            Stage::Rtc => &mut stages.rtc,
            Stage::Agent => &mut stages.agent,
        };
        if std::mem::replace(wanted, true) {
            return value.refuse(format!("\"{}\" is listed twice", stage.as_str()));
        }
        Some(())
    })?;
    Some(stages)
}

/// That there is no profile of this name, which there are, and the one that was probably meant.
#[must_use]
pub fn no_profile<'a>(
    name: &ProfileName,
    known: impl IntoIterator<Item = &'a ProfileName>,
) -> String {
    let known: Vec<&str> = known.into_iter().map(ProfileName::as_str).collect();
    let there = match known.is_empty() {
        true => "none".to_owned(),
        false => known.join(", "),
    };
    let meant = nearest(name.as_str(), known.iter().copied());
    let meant = meant.map_or_else(String::new, |near| format!("; did you mean {near}?"));
    format!("the allowlist has no profile {name}; it has {there}{meant}")
}

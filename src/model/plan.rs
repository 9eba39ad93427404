//! What shall happen to a guest's clock.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{BootInstant, Now, Offset, Shift, TimeError, Timestamp};

/// One way to set a guest's clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// The emulated RTC, right after QEMU was launched.
    Rtc,
    /// The guest agent, after the guest has booted.
    Agent,
}

impl Stage {
    /// The word used in files and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Rtc => "rtc",
            Stage::Agent => "agent",
        }
    }
}

/// Which of the stages a profile wants; at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Stages {
    /// Set the RTC.
    pub rtc: bool,
    /// Set the clock through the guest agent.
    pub agent: bool,
}

impl Stages {
    /// The stages in the order in which they happen.
    pub fn iter(self) -> impl Iterator<Item = Stage> {
        let rtc = self.rtc.then_some(Stage::Rtc);
        let agent = self.agent.then_some(Stage::Agent);
        rtc.into_iter().chain(agent)
    }
}

/// What the guest takes its RTC's fields for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtcZone {
    /// UTC, as Linux guests do.
    Utc,
    /// The host's local time with the daylight saving of the date it shows, as Windows does.
    Local,
}

/// How the guest's time follows from the host's.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "course")]
pub enum Course {
    /// The guest shows `target` at `start` and runs on from there, whatever the host's clock does
    /// meanwhile.
    FromStart {
        /// What the guest shows first.
        target: Timestamp,
        /// When it shows that.
        start: BootInstant,
    },
    /// A constant distance from the host's clock (`anchor`, `now`).
    Constant {
        /// Guest minus host.
        offset: Offset,
    },
    /// A calendar span from the host's clock.
    Shifted {
        /// ISO 8601 with its sign.
        #[serde(with = "shift_text")]
        shift: Shift,
    },
}

/// A decided and calculated intention. It does nothing until `policy` has authorised it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClockPlan {
    /// Where the guest's time comes from.
    pub course: Course,
    /// How it gets there.
    pub stages: Stages,
    /// Whether the RTC's second starts when the guest's does; holds the start up to a second.
    pub align: bool,
    /// How much error is good enough.
    pub tolerance: Duration,
    /// What the guest takes its RTC for.
    pub zone: RtcZone,
}

impl Course {
    /// The time the guest shall show at `now`.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] where the calendar ends.
    pub fn guest_time(&self, now: Now) -> Result<Timestamp, TimeError> {
        match self {
            Course::FromStart { target, start } => {
                let passed = i128::try_from(now.boot.since(*start).as_nanos())
                    .map_err(|_| TimeError::OutOfRange)?;
                target.plus(Offset::from_nanos(passed)?)
            }
            Course::Constant { offset } => now.real.plus(*offset),
            Course::Shifted { shift } => shift.from(now.real),
        }
    }

    /// Guest minus host at `now`.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond about 292 years.
    pub fn offset(&self, now: Now) -> Result<Offset, TimeError> {
        self.guest_time(now)?.since(now.real)
    }
}

/// A `Shift` as its own text.
mod shift_text {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Shift;

    pub(super) fn serialize<S: Serializer>(
        shift: &Shift,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(shift)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Shift, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Shift::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(real: &str, boot_seconds: u64) -> Now {
        Now {
            real: Timestamp::parse(real).unwrap(),
            boot: BootInstant::from_nanos(boot_seconds * 1_000_000_000),
        }
    }

    #[test]
    fn a_fixed_target_runs_on_by_the_boot_clock_when_the_host_steps() {
        let target = Timestamp::parse("2016-06-15").unwrap();
        let course = Course::FromStart {
            target,
            start: BootInstant::from_nanos(100_000_000_000),
        };
        // The host's clock went back by an hour meanwhile: the guest's goes on by ten seconds.
        let later = course.guest_time(now("2026-11-24T11:00:00Z", 110)).unwrap();
        assert_eq!(later.to_string(), "2016-06-15T12:00:10Z");
    }

    #[test]
    fn a_shift_follows_the_host() {
        let course = Course::Shifted {
            shift: Shift::parse("-10y").unwrap(),
        };
        let guest = course.guest_time(now("2026-11-24T11:00:00Z", 1)).unwrap();
        assert_eq!(guest.to_string(), "2016-11-24T11:00:00Z");
    }

    #[test]
    fn a_plan_survives_its_file() {
        for course in [
            Course::Shifted {
                shift: Shift::parse("-3y 6mo").unwrap(),
            },
            Course::Constant {
                offset: Offset::from_nanos(-5).unwrap(),
            },
            Course::FromStart {
                target: Timestamp::parse("2016-06-15T12:00:00.25Z").unwrap(),
                start: BootInstant::from_nanos(7),
            },
        ] {
            let plan = ClockPlan {
                course,
                stages: Stages {
                    rtc: true,
                    agent: false,
                },
                align: false,
                tolerance: Duration::from_millis(250),
                zone: RtcZone::Local,
            };
            let text = serde_json::to_string(&plan).unwrap();
            assert_eq!(serde_json::from_str::<ClockPlan>(&text).unwrap(), plan);
        }
    }
}

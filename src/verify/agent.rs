//! The guest's system clock as its agent shows it: known to half of the shortest round trip.
use std::time::Duration;

use super::Window;
use crate::model::{Course, Now, Offset, TimeError, Timestamp};

/// What is aimed at where the profile tolerates more: what is left of a set that met nothing unusual.
pub(super) const AIM: Duration = Duration::from_millis(1);

/// How far a clock may have drifted between two looks around a set that did nothing.
const UNCHANGED: Duration = Duration::from_millis(20);

/// One answer to `guest-get-time`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentSample {
    /// What the guest showed.
    pub shown: Timestamp,
    /// From asking to the answer: the guest read its clock in between.
    pub asked: Window,
}

/// A guest's clock, compared with what it should show.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AgentClock {
    /// What the guest showed.
    pub shown: Timestamp,
    /// The host's clocks at that moment.
    pub at: Now,
    /// Measured minus intended: positive, the guest is ahead of what it should show.
    pub error: Offset,
    /// How well `error` is known, either way: half of the round trip.
    pub uncertainty: Duration,
    /// The shortest round trip.
    pub round_trip: Duration,
}

impl AgentClock {
    /// Whether the clock is as right as the profile wants it, or as can be told.
    #[must_use]
    pub fn is_within(&self, tolerance: Duration) -> bool {
        self.error.distance() <= tolerance.max(self.uncertainty)
    }

    /// Whether another set could make it better.
    #[must_use]
    pub fn is_best(&self, tolerance: Duration) -> bool {
        self.is_within(tolerance.min(AIM))
    }

    /// Guest minus host.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond about 292 years.
    pub fn offset(&self) -> Result<Offset, TimeError> {
        self.shown.since(self.at.real)
    }
}

/// Takes the sample with the shortest round trip. All are set against `basis`, both of the host's
/// clocks at one moment before the first of them, so that a step in between mixes nothing.
///
/// # Errors
/// [`TimeError::OutOfRange`] where the calendar ends, or without a sample.
pub fn agent(
    samples: &[AgentSample],
    basis: Now,
    course: &Course,
) -> Result<AgentClock, TimeError> {
    let length = |sample: &AgentSample| sample.asked.to.since(sample.asked.from);
    let best = samples
        .iter()
        .min_by_key(|sample| length(sample))
        .ok_or(TimeError::OutOfRange)?;
    let at = basis.later(best.asked.middle().since(basis.boot))?;
    Ok(AgentClock {
        shown: best.shown,
        at,
        error: best.shown.since(course.guest_time(at)?)?,
        uncertainty: best.asked.uncertainty(),
        round_trip: length(best),
    })
}

/// Whether a clock that was to be set goes on as it did before.
#[must_use]
pub fn is_unchanged(before: &AgentClock, after: &AgentClock) -> bool {
    let moved = i128::from(after.error.as_nanos())
        .checked_sub(before.error.as_nanos().into())
        .map_or(u128::MAX, i128::unsigned_abs);
    let known = before.uncertainty.saturating_add(after.uncertainty);
    moved <= known.saturating_add(UNCHANGED).as_nanos()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::BootInstant;

    const MS: i64 = 1_000_000;

    fn basis() -> Now {
        Now {
            real: Timestamp::parse("2026-11-24T12:00:00Z").unwrap(),
            boot: BootInstant::from_nanos(50_000_000_000),
        }
    }

    /// Ten years back, by the second.
    fn course() -> Course {
        Course::Constant {
            offset: Offset::from_nanos(-315_360_000_000_000_000).unwrap(),
        }
    }

    /// A sample that was asked for `after` the basis, took `round_trip` and shows `error` in its
    /// middle; all in nanoseconds.
    fn sample(after: u64, round_trip: u64, error: i64) -> AgentSample {
        let boot = |nanos: u64| BootInstant::from_nanos(basis().boot.as_nanos() + nanos);
        let middle = basis()
            .later(Duration::from_nanos(after + round_trip / 2))
            .unwrap();
        let shown = course().guest_time(middle).unwrap();
        AgentSample {
            shown: shown.plus(offset(error)).unwrap(),
            asked: Window {
                from: boot(after),
                to: boot(after + round_trip),
            },
        }
    }

    fn offset(nanos: i64) -> Offset {
        Offset::from_nanos(nanos.into()).unwrap()
    }

    fn clock(round_trip: u64, error: i64) -> AgentClock {
        agent(&[sample(0, round_trip, error)], basis(), &course()).unwrap()
    }

    #[test]
    fn the_shortest_round_trip_counts() {
        let samples = [
            sample(0, 7_000_000, 3 * MS),
            sample(8_000_000, 400_000, MS / 2),
            sample(9_000_000, 900_000, -MS),
        ];
        let seen = agent(&samples, basis(), &course()).unwrap();
        assert_eq!(seen.error, offset(MS / 2));
        assert_eq!(seen.uncertainty, Duration::from_micros(200));
        assert_eq!(seen.round_trip, Duration::from_micros(400));
        assert_eq!(seen.at, basis().later(Duration::from_micros(8200)).unwrap());
        assert_eq!(agent(&[], basis(), &course()), Err(TimeError::OutOfRange));
    }

    #[test]
    fn a_clock_is_right_within_the_tolerance_or_what_can_be_told() {
        let tolerance = Duration::from_millis(250);
        assert!(clock(400_000, 250 * MS).is_within(tolerance));
        assert!(!clock(400_000, 251 * MS).is_within(tolerance));
        assert!(clock(600_000_000, -300 * MS).is_within(tolerance));
        assert!(!clock(400_000, 2 * MS).is_best(tolerance));
        assert!(clock(400_000, -MS).is_best(tolerance));
        // A tolerance below what is aimed at counts too.
        assert!(!clock(400_000, MS).is_best(Duration::from_micros(500)));
    }

    #[test]
    fn a_set_that_did_nothing_shows() {
        let before = clock(400_000, 86_400_000 * MS);
        assert!(is_unchanged(&before, &clock(400_000, 86_400_010 * MS)));
        assert!(!is_unchanged(&before, &clock(400_000, 86_401_000 * MS)));
        assert!(!is_unchanged(&before, &clock(400_000, 0)));
    }

    proptest! {
        /// However the way there and the way back share the round trip, the real error lies within
        /// the uncertainty.
        #[test]
        fn the_error_is_known_to_half_the_round_trip(
            there in 0_u64..2_000_000_000, back in 0_u64..2_000_000_000, error in -1_000_000_000_i64..1_000_000_000,
        ) {
            let read_at = basis().later(Duration::from_nanos(there)).unwrap();
            let shown = course().guest_time(read_at).unwrap().plus(offset(error)).unwrap();
            let mut sample = sample(0, there + back, 0);
            sample.shown = shown;
            let seen = agent(&[sample], basis(), &course()).unwrap();
            let off = seen.error.as_nanos().abs_diff(error);
            prop_assert!(u128::from(off) <= seen.uncertainty.as_nanos() + 1);
        }

        #[test]
        fn no_clock_makes_it_panic(shown in any::<i64>(), from in any::<u64>(), to in any::<u64>()) {
            let sample = AgentSample {
                shown: Timestamp::from_nanos(shown.into()).unwrap(),
                asked: Window { from: BootInstant::from_nanos(from), to: BootInstant::from_nanos(to) },
            };
            if let Ok(seen) = agent(&[sample], basis(), &course()) {
                let _ = (seen.offset(), is_unchanged(&seen, &clock(0, i64::MIN / 4)));
            }
        }
    }
}

//! The guest's system clock as its agent shows it: known to half of the shortest round trip.
use std::time::Duration;

use super::Window;
use crate::model::{Course, Now, Offset, TimeError, Timestamp};

/// What is aimed at where the profile tolerates more: what is left of a set that met nothing unusual.
const AIM: Duration = Duration::from_millis(1);

/// Longest lead that a request is given. The way to an agent takes less; an error beyond is not the
/// way's: something in the guest sets the clock too.
const LEAD_LIMIT: Duration = Duration::from_secs(2);

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

/// How far the first request has to be ahead of its time: one way of the round trip.
///
/// # Errors
/// [`TimeError::OutOfRange`] never with a round trip that fits a deadline.
pub fn first_lead(seen: &AgentClock) -> Result<Offset, TimeError> {
    let way = seen.uncertainty.min(LEAD_LIMIT);
    Offset::from_nanos(i128::try_from(way.as_nanos()).map_err(|_| TimeError::OutOfRange)?)
}

/// The lead of the next request, after one with `lead` left the clock as `seen`; `None` where it is
/// no better to send another: the clock is right, or was no worse (`previous`) the time before.
///
/// # Errors
/// [`TimeError::OutOfRange`] beyond about 292 years.
pub fn next_lead(
    lead: Offset,
    seen: &AgentClock,
    previous: Option<Offset>,
    tolerance: Duration,
) -> Result<Option<Offset>, TimeError> {
    let no_better = previous.is_some_and(|before| seen.error.distance() >= before.distance());
    if seen.is_best(tolerance) || no_better {
        return Ok(None);
    }
    let next = i128::from(lead.as_nanos())
        .checked_sub(seen.error.as_nanos().into())
        .ok_or(TimeError::OutOfRange)?;
    match Offset::from_nanos(next) {
        Ok(next) if next.distance() <= LEAD_LIMIT => Ok(Some(next)),
        _ => Ok(Some(first_lead(seen)?)),
    }
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
    fn the_next_request_is_ahead_by_what_the_last_one_left() {
        let tolerance = Duration::from_millis(250);
        let next = |error: i64, previous: Option<i64>| {
            next_lead(
                offset(MS / 5),
                &clock(400_000, error),
                previous.map(offset),
                tolerance,
            )
            .unwrap()
        };
        assert_eq!(first_lead(&clock(400_000, 0)), Ok(offset(MS / 5)));
        assert_eq!(next(-3 * MS, None), Some(offset(MS / 5 + 3 * MS)));
        assert_eq!(next(3 * MS, Some(-5 * MS)), Some(offset(MS / 5 - 3 * MS)));
        assert_eq!(next(MS / 2, None), None);
        assert_eq!(next(3 * MS, Some(-3 * MS)), None);
        // An hour off is not the way's doing: the same again.
        assert_eq!(next(3_600_000 * MS, None), Some(offset(MS / 5)));
        assert_eq!(next(i64::MIN / 2, None), Some(offset(MS / 5)));
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

        /// A way that always takes the same is compensated by the second request.
        #[test]
        fn a_constant_delay_is_gone_after_one_correction(
            delay in 0_i64..1_000_000_000, round_trip in 0_u64..4_000_000,
        ) {
            let lead = first_lead(&clock(round_trip, 0)).unwrap();
            let left = lead.as_nanos() - delay;
            let seen = clock(round_trip, left);
            if let Some(next) = next_lead(lead, &seen, None, Duration::from_millis(250)).unwrap() {
                prop_assert_eq!(next.as_nanos() - delay, 0);
            } else {
                prop_assert!(seen.is_best(Duration::from_millis(250)));
            }
        }

        #[test]
        fn no_clock_makes_it_panic(shown in any::<i64>(), from in any::<u64>(), to in any::<u64>(), lead in any::<i64>()) {
            let sample = AgentSample {
                shown: Timestamp::from_nanos(shown.into()).unwrap(),
                asked: Window { from: BootInstant::from_nanos(from), to: BootInstant::from_nanos(to) },
            };
            if let Ok(seen) = agent(&[sample], basis(), &course()) {
                let _ = (next_lead(offset(lead), &seen, None, Duration::ZERO), first_lead(&seen), seen.offset());
                let _ = is_unchanged(&seen, &clock(0, i64::MIN / 4));
            }
        }
    }
}

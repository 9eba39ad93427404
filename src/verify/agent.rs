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

/// One request to set the clock, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// How far it was ahead of its time.
    pub lead: Offset,
    /// What it left, measured minus intended.
    pub error: Offset,
}

impl Attempt {
    /// What the way to the guest's clock really took, in nanoseconds.
    fn way(self) -> i128 {
        i128::from(self.lead.as_nanos()).saturating_sub(self.error.as_nanos().into())
    }
}

/// The lead of the next request, after `attempts` of which the last left the clock as `seen`; `None`
/// where no other would make it better.
///
/// Most requests that come late were held up by chance (a guest's processor that was not running just
/// then), which a longer lead would only turn into coming early: so they are repeated with the `first`
/// lead. What two in a row took alike is the way's own, and is the next one's lead.
///
/// # Errors
/// [`TimeError::OutOfRange`] never.
pub fn next_lead(
    first: Offset,
    attempts: &[Attempt],
    seen: &AgentClock,
    tolerance: Duration,
) -> Result<Option<Offset>, TimeError> {
    if seen.is_best(tolerance) {
        return Ok(None);
    }
    let [.., before, last] = attempts else {
        return Ok(Some(first));
    };
    let (before, last) = (before.way(), last.way());
    let (shorter, longer) = (
        before.unsigned_abs().min(last.unsigned_abs()),
        before.unsigned_abs().max(last.unsigned_abs()),
    );
    if shorter > LEAD_LIMIT.as_nanos() {
        // No way takes as long: the clock is not set, or something in the guest sets it too.
        return Ok(None);
    }
    let alike = AIM.as_nanos().max(longer / 4);
    if before.saturating_sub(last).unsigned_abs() > alike {
        return Ok(Some(first));
    }
    let ways = [before, last];
    let own = ways.into_iter().min_by_key(|way| way.unsigned_abs());
    Offset::from_nanos(own.unwrap_or_default()).map(Some)
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

    /// The next lead after requests with these leads and what they left, in microseconds.
    fn next(attempts: &[(i64, i64)]) -> Option<i64> {
        let attempts: Vec<Attempt> = attempts
            .iter()
            .map(|(lead, error)| Attempt {
                lead: offset(lead * 1000),
                error: offset(error * 1000),
            })
            .collect();
        let left = attempts.last().unwrap().error.as_nanos();
        let tolerance = Duration::from_millis(250);
        let next = next_lead(offset(MS / 5), &attempts, &clock(400_000, left), tolerance);
        next.unwrap().map(|lead| lead.as_nanos() / 1000)
    }

    #[test]
    fn a_request_that_chance_held_up_is_repeated_as_it_was() {
        assert_eq!(first_lead(&clock(400_000, 0)), Ok(offset(MS / 5)));
        assert_eq!(next(&[(200, -600)]), None);
        assert_eq!(next(&[(200, -3_700)]), Some(200));
        assert_eq!(next(&[(200, -3_700), (200, -9_000)]), Some(200));
        assert_eq!(next(&[(200, -3_700), (200, -500)]), None);
    }

    #[test]
    fn what_two_requests_took_alike_is_the_next_ones_lead() {
        assert_eq!(next(&[(200, -30_000), (200, -31_000)]), Some(30_200));
        assert_eq!(next(&[(200, -3_700), (200, -3_100)]), Some(3_300));
        assert_eq!(next(&[(200, 30_000), (200, 30_000)]), Some(-29_800));
        // And where that was too much, by chance, it is as it was at first.
        let third = [(200, -3_700), (200, -3_100), (3_300, 3_000)];
        assert_eq!(next(&third), Some(200));
    }

    #[test]
    fn a_clock_that_does_not_take_it_is_not_set_again_and_again() {
        let year = 31_536_000_000_000;
        assert_eq!(next(&[(200, year)]), Some(200));
        assert_eq!(next(&[(200, year), (200, year)]), None);
        assert_eq!(next(&[(200, year), (200, -2_000)]), Some(200));
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

        /// A way that always takes the same is made up for by the third request.
        #[test]
        fn a_constant_delay_is_gone_after_two_attempts(
            delay in 0_i64..1_000_000_000, round_trip in 0_u64..4_000_000,
        ) {
            let first = first_lead(&clock(round_trip, 0)).unwrap();
            let mut attempts = Vec::new();
            let (mut lead, mut left) = (Some(first), 0);
            while let Some(ahead) = lead {
                prop_assert!(attempts.len() < 3);
                left = ahead.as_nanos() - delay;
                attempts.push(Attempt { lead: ahead, error: offset(left) });
                let seen = clock(round_trip, left);
                lead = next_lead(first, &attempts, &seen, Duration::from_millis(250)).unwrap();
            }
            prop_assert!(left.abs() <= MS.max(i64::try_from(round_trip / 2).unwrap()));
        }

        #[test]
        fn no_clock_makes_it_panic(shown in any::<i64>(), from in any::<u64>(), to in any::<u64>(), lead in any::<i64>()) {
            let sample = AgentSample {
                shown: Timestamp::from_nanos(shown.into()).unwrap(),
                asked: Window { from: BootInstant::from_nanos(from), to: BootInstant::from_nanos(to) },
            };
            if let Ok(seen) = agent(&[sample], basis(), &course()) {
                let attempt = Attempt { lead: offset(lead), error: seen.error };
                let attempts = [Attempt { lead: offset(i64::MIN), error: offset(i64::MAX) }, attempt];
                let _ = next_lead(offset(lead), &attempts, &seen, Duration::ZERO);
                let _ = (first_lead(&seen), seen.offset());
                let _ = is_unchanged(&seen, &clock(0, i64::MIN / 4));
            }
        }
    }
}

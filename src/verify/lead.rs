//! How far ahead of its time a request to set a clock is sent, since the way there takes some.
use std::time::Duration;

use super::agent::{AIM, AgentClock};
use crate::model::{Offset, TimeError};

/// Longest lead that a request is given. The way to an agent takes less; an error beyond is not the
/// way's: something in the guest sets the clock too.
const LEAD_LIMIT: Duration = Duration::from_secs(2);

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{BootInstant, Now, Timestamp};

    const MS: i64 = 1_000_000;

    fn offset(nanos: i64) -> Offset {
        Offset::from_nanos(nanos.into()).unwrap()
    }

    fn clock(round_trip: u64, error: i64) -> AgentClock {
        let shown = Timestamp::parse("2016-06-15T12:00:00Z").unwrap();
        AgentClock {
            shown,
            at: Now {
                real: shown,
                boot: BootInstant::from_nanos(0),
            },
            error: offset(error),
            uncertainty: Duration::from_nanos(round_trip / 2),
            round_trip: Duration::from_nanos(round_trip),
        }
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

    proptest! {
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
        fn no_attempts_make_it_panic(
            leads in proptest::collection::vec(any::<(i64, i64)>(), 0..5), round_trip in any::<u64>(),
        ) {
            let attempts: Vec<Attempt> = leads
                .iter()
                .map(|(lead, error)| Attempt { lead: offset(*lead), error: offset(*error) })
                .collect();
            let seen = clock(round_trip, attempts.last().map_or(MS * 5, |last| last.error.as_nanos()));
            let first = first_lead(&seen).unwrap();
            let next = next_lead(first, &attempts, &seen, Duration::ZERO).unwrap();
            prop_assert!(next.is_none_or(|lead| lead.distance() <= LEAD_LIMIT));
        }
    }
}

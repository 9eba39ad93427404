//! How long a certificate is valid, and which date within that a guest gets.
use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::civil::{DateTime, date};
use serde::{Deserialize, Serialize};

use super::time::{TimeError, Timestamp};

/// A whole second of the calendar in UTC, from year 0 to 9999: what a certificate can name. Its last
/// two, 9999-12-31 (RFC 5280, 4.1.2.5: "no well-defined expiration date"), lie beyond a [`Timestamp`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CalendarSecond(i64);

impl CalendarSecond {
    /// From seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond the years 0 to 9999.
    pub fn from_seconds(seconds: i64) -> Result<CalendarSecond, TimeError> {
        let civil = civil(seconds).ok_or(TimeError::OutOfRange)?;
        match civil.year() {
            0..=9999 => Ok(CalendarSecond(seconds)),
            _ => Err(TimeError::OutOfRange),
        }
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0
    }

    /// The second in which `time` lies.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] before year 0.
    pub fn of(time: Timestamp) -> Result<CalendarSecond, TimeError> {
        CalendarSecond::from_seconds(time.floor_seconds())
    }

    /// The first second that does not begin before `time`.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] before year 0.
    pub fn not_before(time: Timestamp) -> Result<CalendarSecond, TimeError> {
        let whole = time.as_nanos().rem_euclid(1_000_000_000) == 0;
        let seconds = time.floor_seconds();
        CalendarSecond::from_seconds(match whole {
            true => seconds,
            false => seconds.saturating_add(1),
        })
    }

    /// Its beginning.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] in the last hours of year 9999.
    pub fn timestamp(self) -> Result<Timestamp, TimeError> {
        Timestamp::from_nanos(i128::from(self.0).saturating_mul(1_000_000_000))
    }
}

fn civil(seconds: i64) -> Option<DateTime> {
    let epoch = date(1970, 1, 1).at(0, 0, 0, 0);
    epoch.checked_add(SignedDuration::from_secs(seconds)).ok()
}

impl fmt::Display for CalendarSecond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match civil(self.0) {
            Some(civil) => write!(f, "{civil}Z"),
            None => write!(f, "{} s after 1970", self.0),
        }
    }
}

impl TryFrom<String> for CalendarSecond {
    type Error = TimeError;
    fn try_from(text: String) -> Result<CalendarSecond, TimeError> {
        let civil = text.strip_suffix('Z').ok_or(TimeError::NoTime)?;
        let civil: DateTime = civil.parse().map_err(|_| TimeError::NoTime)?;
        let since = civil.duration_since(date(1970, 1, 1).at(0, 0, 0, 0));
        let second = CalendarSecond::from_seconds(since.as_secs())?;
        match second.to_string() == text {
            true => Ok(second),
            false => Err(TimeError::NoTime),
        }
    }
}

impl From<CalendarSecond> for String {
    fn from(second: CalendarSecond) -> String {
        second.to_string()
    }
}

/// From when to when something is valid; both seconds count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Validity {
    /// The first second.
    pub not_before: CalendarSecond,
    /// The last.
    pub not_after: CalendarSecond,
}

/// How a validity stands to a point in time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is valid.
    Valid,
    /// It is over.
    Expired,
    /// It has not begun.
    NotYet,
    /// It ends before it begins.
    Never,
}

impl Validity {
    /// How far a guest's date is kept from the end where nothing else is said: 30 days.
    pub const MARGIN: Duration = Duration::from_secs(30 * 86_400);

    /// Whether there is a second in it.
    #[must_use]
    pub fn is_possible(&self) -> bool {
        self.not_before <= self.not_after
    }

    /// The part that it has in common with another; not possible where there is none.
    #[must_use]
    pub fn and(self, other: Validity) -> Validity {
        Validity {
            not_before: self.not_before.max(other.not_before),
            not_after: self.not_after.min(other.not_after),
        }
    }

    /// How it stands to `now`.
    #[must_use]
    pub fn standing(&self, now: CalendarSecond) -> Standing {
        if !self.is_possible() {
            Standing::Never
        } else if now < self.not_before {
            Standing::NotYet
        } else if now > self.not_after {
            Standing::Expired
        } else {
            Standing::Valid
        }
    }

    /// The date for a guest: `margin` before the last second, or the middle where it is not as long as
    /// that. None where no second is in it.
    #[must_use]
    pub fn date(&self, margin: Duration) -> Option<CalendarSecond> {
        if !self.is_possible() {
            return None;
        }
        let (first, last) = (self.not_before.0, self.not_after.0);
        let length = last.saturating_sub(first);
        let margin = i64::try_from(margin.as_secs()).unwrap_or(i64::MAX);
        let back = match margin > length {
            true => length / 2,
            false => margin,
        };
        Some(CalendarSecond(last.saturating_sub(back)))
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.not_before, self.not_after)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn second(text: &str) -> CalendarSecond {
        CalendarSecond::try_from(text.to_owned()).unwrap()
    }

    fn window(from: &str, to: &str) -> Validity {
        Validity {
            not_before: second(from),
            not_after: second(to),
        }
    }

    fn date_of(from: &str, to: &str) -> Option<String> {
        let date = window(from, to).date(Validity::MARGIN);
        date.map(|date| date.to_string())
    }

    #[test]
    fn the_date_is_a_month_before_the_end() {
        assert_eq!(
            date_of("2014-01-01T00:00:00Z", "2017-07-15T12:00:00Z").unwrap(),
            "2017-06-15T12:00:00Z"
        );
        // Exactly as long as the margin: its first second.
        assert_eq!(
            date_of("2016-06-01T00:00:00Z", "2016-07-01T00:00:00Z").unwrap(),
            "2016-06-01T00:00:00Z"
        );
        // Shorter: the middle.
        assert_eq!(
            date_of("2016-06-01T00:00:00Z", "2016-06-11T00:00:00Z").unwrap(),
            "2016-06-06T00:00:00Z"
        );
        assert_eq!(
            date_of("2016-06-01T00:00:00Z", "2016-06-01T00:00:00Z").unwrap(),
            "2016-06-01T00:00:00Z"
        );
        assert_eq!(
            date_of("2016-06-01T00:00:01Z", "2016-06-01T00:00:00Z"),
            None
        );
        assert_eq!(
            date_of("2014-01-01T00:00:00Z", "9999-12-31T23:59:59Z").unwrap(),
            "9999-12-01T23:59:59Z"
        );
    }

    #[test]
    fn the_ends_of_the_calendar_are_kept() {
        let last = second("9999-12-31T23:59:59Z");
        assert_eq!(last.timestamp(), Err(TimeError::OutOfRange));
        assert!(CalendarSecond::from_seconds(last.seconds() + 1).is_err());
        let first = second("0000-01-01T00:00:00Z");
        assert!(CalendarSecond::from_seconds(first.seconds() - 1).is_err());
        for bad in [
            "",
            "2016-06-15",
            "2016-06-15T12:00:00",
            "2016-06-15T12:00:00.5Z",
            "2016-06-15T12:00:60Z",
        ] {
            assert!(CalendarSecond::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_standing_counts_both_ends() {
        let window = window("2016-01-01T00:00:00Z", "2016-12-31T23:59:59Z");
        for (now, standing) in [
            ("2015-12-31T23:59:59Z", Standing::NotYet),
            ("2016-01-01T00:00:00Z", Standing::Valid),
            ("2016-12-31T23:59:59Z", Standing::Valid),
            ("2017-01-01T00:00:00Z", Standing::Expired),
        ] {
            assert_eq!(window.standing(second(now)), standing, "{now}");
        }
    }

    #[test]
    fn bounds_with_fractions_become_seconds_within_them() {
        let time = Timestamp::parse("2037-12-31T23:59:59.999999999Z").unwrap();
        assert_eq!(
            CalendarSecond::of(time).unwrap(),
            second("2037-12-31T23:59:59Z")
        );
        assert_eq!(
            CalendarSecond::not_before(time).unwrap(),
            second("2038-01-01T00:00:00Z")
        );
    }

    const YEARS: std::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;

    proptest! {
        #[test]
        fn a_second_survives_being_written(seconds in YEARS) {
            let second = CalendarSecond::from_seconds(seconds).unwrap();
            prop_assert_eq!(CalendarSecond::try_from(second.to_string()).unwrap(), second);
        }

        #[test]
        fn a_date_lies_within_and_as_far_from_the_end_as_can_be(
            first in YEARS, last in YEARS, margin in 0_u64..400_000_000_000
        ) {
            let window = Validity { not_before: CalendarSecond(first), not_after: CalendarSecond(last) };
            let date = window.date(Duration::from_secs(margin));
            prop_assert_eq!(date.is_some(), first <= last);
            if let Some(date) = date {
                prop_assert_eq!(window.standing(date), Standing::Valid);
                let left = last - date.seconds();
                prop_assert!(left == margin as i64 || (left < margin as i64 && left == (last - first) / 2));
            }
        }

        #[test]
        fn a_common_part_lies_in_both(a in YEARS, b in YEARS, c in YEARS, d in YEARS) {
            let make = |x: i64, y: i64| Validity { not_before: CalendarSecond(x.min(y)), not_after: CalendarSecond(x.max(y)) };
            let (one, other) = (make(a, b), make(c, d));
            prop_assert_eq!(one.and(other), other.and(one));
            match one.and(other).date(Validity::MARGIN) {
                Some(date) => {
                    prop_assert_eq!(one.standing(date), Standing::Valid);
                    prop_assert_eq!(other.standing(date), Standing::Valid);
                }
                None => prop_assert!(one.not_after < other.not_before || other.not_after < one.not_before),
            }
        }
    }
}

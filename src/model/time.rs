//! Points in time.
use std::fmt;

use jiff::Span;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::offset::Offset;
use super::text::{DayPart, parse_time};

/// Why a time, a duration or a sum of them is not usable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeError {
    /// The text is no RFC 3339 time and no date.
    NoTime,
    /// The text is no duration.
    NoDuration,
    /// The text is no calendar span.
    NoSpan,
    /// The result lies outside what can be represented.
    OutOfRange,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TimeError::NoTime => {
                "a time is written like \"2016-06-15T12:00:00Z\" (RFC 3339) or as a date like \"2016-06-15\""
            }
            TimeError::NoDuration => {
                "a duration is written like \"250ms\", \"10m\", \"8h\" or \"2d 12h\", without a sign"
            }
            TimeError::NoSpan => {
                "a calendar span is written like \"20y\", \"6mo\", \"2w\" or \"90d\", without a sign"
            }
            TimeError::OutOfRange => "the result lies outside the years this program can calculate with",
        })
    }
}

impl std::error::Error for TimeError {}

/// A point in time, to the nanosecond; years -9999 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// From nanoseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond the years -9999 to 9999.
    pub fn from_nanos(nanos: i128) -> Result<Timestamp, TimeError> {
        match jiff::Timestamp::from_nanosecond(nanos) {
            Ok(time) => Ok(Timestamp(time)),
            Err(_) => Err(TimeError::OutOfRange),
        }
    }

    /// Nanoseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn as_nanos(self) -> i128 {
        self.0.as_nanosecond()
    }

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    #[must_use]
    pub fn floor_seconds(self) -> i64 {
        i64::try_from(self.as_nanos().div_euclid(1_000_000_000)).unwrap_or(i64::MAX)
    }

    pub(super) fn from_jiff(time: jiff::Timestamp) -> Timestamp {
        Timestamp(time)
    }

    /// The same point in time for the library that knows calendars.
    #[must_use]
    pub fn jiff(self) -> jiff::Timestamp {
        self.0
    }

    /// The distance from `earlier` to `self`.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] where it is more than about 292 years.
    pub fn since(self, earlier: Timestamp) -> Result<Offset, TimeError> {
        let nanos = self
            .as_nanos()
            .checked_sub(earlier.as_nanos())
            .ok_or(TimeError::OutOfRange)?;
        Offset::from_nanos(nanos)
    }

    /// The point in time `offset` later.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond the years -9999 to 9999.
    pub fn plus(self, offset: Offset) -> Result<Timestamp, TimeError> {
        let nanos = self
            .as_nanos()
            .checked_add(i128::from(offset.as_nanos()))
            .ok_or(TimeError::OutOfRange)?;
        Timestamp::from_nanos(nanos)
    }

    /// Moves by a calendar span, counted in UTC: a month later than 31 January is the last day of
    /// February.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond the years -9999 to 9999.
    pub(super) fn plus_span(self, span: Span) -> Result<Timestamp, TimeError> {
        let moved = self.0.to_zoned_datetime(TimeZone::UTC).checked_add(span);
        match moved {
            Ok(time) => Ok(Timestamp(time.timestamp())),
            Err(_) => Err(TimeError::OutOfRange),
        }
    }

    /// Reads a time as RFC 3339 writes it (section 5.6, with `T`, seconds and an offset), or a
    /// plain date, which means noon UTC of that day.
    ///
    /// # Errors
    /// [`TimeError::NoTime`]. A leap second (`:60`) is refused: no clock here can show one.
    pub fn parse(text: &str) -> Result<Timestamp, TimeError> {
        parse_time(text, DayPart::Noon)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC, cut to whole seconds: for people. Files hold nanoseconds.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_second(self.floor_seconds()) {
            Ok(whole) => whole.fmt(f),
            Err(_) => self.0.fmt(f),
        }
    }
}

impl Serialize for Timestamp {
    /// RFC 3339 in UTC with all the digits there are.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Timestamp::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn offsets_are_guest_minus_host_and_never_wrap() {
        let offset = at("2016-06-15").since(at("2016-06-16")).unwrap();
        assert_eq!(offset.as_nanos(), -86_400_000_000_000);
        assert_eq!(at("2016-06-16").plus(offset), Ok(at("2016-06-15")));
        assert_eq!(
            at("9999-01-01").since(at("2016-01-01")),
            Err(TimeError::OutOfRange)
        );
        assert_eq!(
            at("9999-12-30").plus(Offset::from_nanos(i64::MAX.into()).unwrap()),
            Err(TimeError::OutOfRange)
        );
    }

    proptest! {
        #[test]
        fn a_time_survives_being_written_and_read(nanos in -2_000_000_000_000_000_000_i128..9_000_000_000_000_000_000) {
            let time = Timestamp::from_nanos(nanos).unwrap();
            let text = serde_json::to_string(&time).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), time);
        }

        #[test]
        fn offset_undoes_since(a in any::<i32>(), b in any::<i32>()) {
            let a = Timestamp::from_nanos(i128::from(a) * 1_000_000_000).unwrap();
            let b = Timestamp::from_nanos(i128::from(b) * 1_000_000_000).unwrap();
            prop_assert_eq!(a.plus(b.since(a).unwrap()).unwrap(), b);
        }
    }
}

//! Calendar spans: how far a target is from now, and how far it may be.
use std::fmt;

use jiff::Span;
use serde::{Deserialize, Serialize};

use super::text::{TEXT_CAP, parse_unsigned_span};
use super::time::{TimeError, Timestamp};

/// A signed calendar span: negative = into the past. Counted in UTC.
#[derive(Clone, Copy, Debug)]
pub struct Shift(Span);

/// How far a guest's time may be from the host's at most, either way; a calendar span.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ShiftBound(Span);

impl Shift {
    /// Reads a span as jiff does (ISO 8601, or units like `y mo w d h m s`), with its sign first.
    ///
    /// # Errors
    /// [`TimeError::NoDuration`] without a sign, with two, or where it is no span.
    pub fn parse(text: &str) -> Result<Shift, TimeError> {
        if text.len() > TEXT_CAP {
            return Err(TimeError::NoDuration);
        }
        let (negative, size) = match text.strip_prefix('-') {
            Some(size) => (true, size),
            None => (false, text.strip_prefix('+').ok_or(TimeError::NoDuration)?),
        };
        let span = parse_unsigned_span(size)?;
        Ok(Shift(if negative { span.negate() } else { span }))
    }

    /// `time` moved by the span.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond the years -9999 to 9999.
    pub fn from(self, time: Timestamp) -> Result<Timestamp, TimeError> {
        time.plus_span(self.0)
    }
}

impl PartialEq for Shift {
    fn eq(&self, other: &Shift) -> bool {
        self.0.fieldwise() == other.0.fieldwise()
    }
}

impl fmt::Display for Shift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // ISO 8601 with the sign first, which `parse` reads again.
        let sign = if self.0.signum() < 0 { '-' } else { '+' };
        write!(f, "{sign}{}", self.0.abs())
    }
}

impl ShiftBound {
    /// Reads a span without a sign, like `20y` or `90d`.
    ///
    /// # Errors
    /// [`TimeError::NoSpan`].
    pub fn parse(text: &str) -> Result<ShiftBound, TimeError> {
        parse_unsigned_span(text)
            .map(ShiftBound)
            .map_err(|_| TimeError::NoSpan)
    }

    /// Whether it allows no distance at all.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether `guest` is no further from `host` than this. What lies beyond the calendar does not
    /// bound anything.
    #[must_use]
    pub fn holds(self, host: Timestamp, guest: Timestamp) -> bool {
        let after_first = host
            .plus_span(self.0.negate())
            .map_or(true, |first| guest >= first);
        let before_last = host.plus_span(self.0).map_or(true, |last| guest <= last);
        after_first && before_last
    }
}

impl PartialEq for ShiftBound {
    fn eq(&self, other: &ShiftBound) -> bool {
        self.0.fieldwise() == other.0.fieldwise()
    }
}

impl fmt::Display for ShiftBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for ShiftBound {
    type Error = TimeError;
    fn try_from(text: String) -> Result<ShiftBound, TimeError> {
        ShiftBound::parse(&text)
    }
}

impl From<ShiftBound> for String {
    fn from(bound: ShiftBound) -> String {
        bound.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(text: &str, from: &str) -> String {
        let shift = Shift::parse(text).unwrap();
        shift
            .from(Timestamp::parse(from).unwrap())
            .unwrap()
            .to_string()
    }

    #[test]
    fn spans_are_read_as_jiff_reads_them_with_their_sign() {
        assert_eq!(moved("-10y", "2026-11-24"), "2016-11-24T12:00:00Z");
        assert_eq!(moved("-P3Y6M", "2026-11-24"), "2023-05-24T12:00:00Z");
        assert_eq!(moved("+90d 4h", "2026-11-24"), "2027-02-22T16:00:00Z");
    }

    #[test]
    fn a_year_before_a_leap_day_is_the_last_of_february() {
        assert_eq!(moved("-1y", "2024-02-29"), "2023-02-28T12:00:00Z");
    }

    #[test]
    fn a_bound_holds_both_ways_and_includes_its_edges() {
        let bound = ShiftBound::parse("20y").unwrap();
        let now = Timestamp::parse("2026-11-24").unwrap();
        for (guest, holds) in [
            ("2006-11-24", true),
            ("2006-11-24T11:59:59Z", false),
            ("2046-11-24", true),
            ("2046-11-24T12:00:01Z", false),
        ] {
            assert_eq!(
                bound.holds(now, Timestamp::parse(guest).unwrap()),
                holds,
                "{guest}"
            );
        }
    }
}

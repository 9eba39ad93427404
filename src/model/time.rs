//! Points in time, the distance between two clocks, and the texts they are written as.
use std::fmt;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};
use serde::{Deserialize, Serialize};

/// Longest text that is looked at as a date, a time or a duration, in bytes.
pub(super) const TEXT_CAP: usize = 64;

/// Why a time, a duration or a sum of them is not usable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimeError {
    /// The text is no RFC 3339 time and no date.
    NoTime,
    /// The text is no duration.
    NoDuration,
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
            TimeError::OutOfRange => "the result lies outside the years this program can calculate with",
        })
    }
}

impl std::error::Error for TimeError {}

/// A point in time, to the nanosecond; years -9999 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Timestamp(jiff::Timestamp);

/// How far a guest's clock is from its host's: guest minus host, positive = the guest is ahead.
/// Nanoseconds, at most about 292 years either way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(i64);

/// A reading of the host's `CLOCK_BOOTTIME`, in nanoseconds since it booted. It never steps.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BootInstant(u64);

/// The host's two clocks, read together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// `CLOCK_REALTIME`.
    pub real: Timestamp,
    /// `CLOCK_BOOTTIME`.
    pub boot: BootInstant,
}

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
            .checked_add(i128::from(offset.0))
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

impl Offset {
    /// No offset: the guest shows the host's time.
    pub const ZERO: Offset = Offset(0);

    /// From nanoseconds.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond about 292 years.
    pub fn from_nanos(nanos: i128) -> Result<Offset, TimeError> {
        i64::try_from(nanos)
            .map(Offset)
            .map_err(|_| TimeError::OutOfRange)
    }

    /// The nanoseconds.
    #[must_use]
    pub fn as_nanos(self) -> i64 {
        self.0
    }

    /// How far, whichever way.
    #[must_use]
    pub fn distance(self) -> Duration {
        Duration::from_nanos(self.0.unsigned_abs())
    }
}

impl fmt::Display for Offset {
    /// A sign and the two largest units, as a person would say it, like `-10y 162d`. A year here
    /// has the average 365.2425 days.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 6] = [
            (31_556_952_000_000_000, "y"),
            (86_400_000_000_000, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
        ];
        let mut rest = self.0.unsigned_abs();
        let mut written: u8 = 0;
        for (size, unit) in UNITS {
            let count = rest.checked_div(size).unwrap_or(0);
            rest = rest.checked_rem(size).unwrap_or(0);
            if count == 0 && written == 0 {
                continue;
            }
            match written {
                0 => write!(f, "{}{count}{unit}", if self.0 < 0 { '-' } else { '+' })?,
                _ if count > 0 => write!(f, " {count}{unit}")?,
                _ => {}
            }
            written = written.saturating_add(1);
            if written == 2 {
                return Ok(());
            }
        }
        if written == 0 {
            f.write_str("0s")
        } else {
            Ok(())
        }
    }
}

impl Now {
    /// Both clocks `length` later, if the host's is not stepped meanwhile.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond year 9999.
    pub fn later(self, length: Duration) -> Result<Now, TimeError> {
        let nanos = i128::try_from(length.as_nanos()).map_err(|_| TimeError::OutOfRange)?;
        let boot = u64::try_from(nanos)
            .ok()
            .and_then(|nanos| self.boot.0.checked_add(nanos));
        Ok(Now {
            real: self.real.plus(Offset::from_nanos(nanos)?)?,
            boot: BootInstant(boot.ok_or(TimeError::OutOfRange)?),
        })
    }
}

impl BootInstant {
    /// From nanoseconds since the host booted.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> BootInstant {
        BootInstant(nanos)
    }

    /// Nanoseconds since the host booted.
    #[must_use]
    pub fn as_nanos(self) -> u64 {
        self.0
    }

    /// What has passed since `earlier`; nothing if that lies ahead.
    #[must_use]
    pub fn since(self, earlier: BootInstant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// Which moment of a day a plain date means.
#[derive(Clone, Copy)]
enum DayPart {
    First,
    Noon,
    Last,
}

/// Reads a bound on a guest's time: RFC 3339, or a date, which as an earliest bound means that
/// day's first moment in UTC and as a latest bound its last.
///
/// # Errors
/// [`TimeError::NoTime`].
pub fn parse_bound(text: &str, latest: bool) -> Result<Timestamp, TimeError> {
    parse_time(
        text,
        if latest {
            DayPart::Last
        } else {
            DayPart::First
        },
    )
}

fn parse_time(text: &str, part: DayPart) -> Result<Timestamp, TimeError> {
    if text.len() > TEXT_CAP || !text.is_ascii() {
        return Err(TimeError::NoTime);
    }
    let bytes = text.as_bytes();
    if !matches_form(bytes.get(..10).unwrap_or_default(), b"dddd-dd-dd") {
        return Err(TimeError::NoTime);
    }
    if bytes.len() == 10 {
        let date: Date = text.parse().map_err(|_| TimeError::NoTime)?;
        let civil = match part {
            DayPart::First => date.at(0, 0, 0, 0),
            DayPart::Noon => date.at(12, 0, 0, 0),
            DayPart::Last => date.at(23, 59, 59, 999_999_999),
        };
        let time = TimeZone::UTC
            .to_timestamp(civil)
            .map_err(|_| TimeError::NoTime)?;
        return Ok(Timestamp(time));
    }
    let rest = bytes.get(10..).unwrap_or_default();
    if !matches_form(rest.get(..9).unwrap_or_default(), b"Tdd:dd:dd")
        || rest.get(7..9) == Some(b"60")
    {
        return Err(TimeError::NoTime);
    }
    if !is_fraction_and_zone(rest.get(9..).unwrap_or_default()) {
        return Err(TimeError::NoTime);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| TimeError::NoTime)?;
    Ok(Timestamp(time))
}

/// `d` in the form stands for a digit, everything else for itself.
fn matches_form(text: &[u8], form: &[u8]) -> bool {
    text.len() == form.len()
        && text.iter().zip(form).all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            _ => byte == want,
        })
}

/// `[.digits](Z|+hh:mm|-hh:mm)`, as RFC 3339 has it; up to nine digits.
fn is_fraction_and_zone(text: &[u8]) -> bool {
    let zone = match text.strip_prefix(b".") {
        None => text,
        Some(fraction) => {
            let digits = fraction
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            if !(1..=9).contains(&digits) {
                return false;
            }
            fraction.get(digits..).unwrap_or_default()
        }
    };
    zone == b"Z" || matches_form(zone, b"+dd:dd") || matches_form(zone, b"-dd:dd")
}

/// Reads a length of time without a sign, like `250ms`, `10m`, `2d 12h` or `PT8H`. A day has 24
/// hours; months and years have no fixed length and are refused.
///
/// # Errors
/// [`TimeError::NoDuration`].
pub fn parse_lapse(text: &str) -> Result<Duration, TimeError> {
    let span = parse_unsigned_span(text)?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(TimeError::NoDuration);
    }
    let length = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| TimeError::NoDuration)?;
    Duration::try_from(length).map_err(|_| TimeError::NoDuration)
}

/// Reads a span without a sign.
pub(super) fn parse_unsigned_span(text: &str) -> Result<Span, TimeError> {
    // jiff also takes signs, a trailing `ago` and white space around: one way to write it is enough.
    let starts_well = text.starts_with(|c: char| c.is_ascii_digit() || c == 'P');
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | ',');
    let ends_well = text.ends_with(|c: char| c.is_ascii_alphanumeric()) && !text.ends_with("ago");
    if text.len() > TEXT_CAP || !starts_well || !ends_well || !text.chars().all(plain) {
        return Err(TimeError::NoDuration);
    }
    let span: Span = text.parse().map_err(|_| TimeError::NoDuration)?;
    if span.signum() < 0 {
        return Err(TimeError::NoDuration);
    }
    Ok(span)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn rfc_3339_with_any_offset_and_plain_dates_are_read() {
        assert_eq!(at("2016-06-15T14:00:00+02:00"), at("2016-06-15"));
        assert_eq!(
            at("2016-06-15T12:00:00.5Z").as_nanos() % 1_000_000_000,
            500_000_000
        );
        assert_eq!(at("2038-01-19T03:14:08Z").floor_seconds(), 1 << 31);
        assert_eq!(
            at("2016-02-29T00:00:00Z").to_string(),
            "2016-02-29T00:00:00Z"
        );
        assert_eq!(at("1969-12-31T23:59:59.25Z").floor_seconds(), -1);
    }

    #[test]
    fn what_rfc_3339_does_not_know_is_refused() {
        for bad in [
            "",
            "2016",
            "2016-6-15",
            "2016-06-15 12:00:00Z",
            "2016-06-15T12:00Z",
            "2016-06-15T12:00:00",
            "2016-06-15T12:00:00z",
            "2016-06-15T12:00:60Z",
            "2016-02-30",
            "2015-02-29",
            "2016-13-01",
            "2016-06-15T24:00:00Z",
            "2016-06-15T12:00:00[Europe/Berlin]",
            "2016-06-15T12:00:00Z ",
            "+002016-06-15",
            "2016-06-15T12:00:00.Z",
            "2016-06-15T12:00:00.1234567890Z",
            "20160615",
            "2016-06-15T12:00:00+2",
            "\u{0662}016-06-15",
        ] {
            assert_eq!(Timestamp::parse(bad), Err(TimeError::NoTime), "{bad}");
        }
    }

    #[test]
    fn bounds_take_whole_days() {
        assert_eq!(
            parse_bound("2010-01-01", false),
            Timestamp::parse("2010-01-01T00:00:00Z")
        );
        assert_eq!(
            parse_bound("2037-12-31", true),
            Timestamp::parse("2037-12-31T23:59:59.999999999Z")
        );
    }

    #[test]
    fn durations_have_no_sign_and_no_calendar() {
        assert_eq!(parse_lapse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_lapse("2d 12h"), Ok(Duration::from_secs(60 * 3600)));
        assert_eq!(parse_lapse("PT8H"), Ok(Duration::from_secs(8 * 3600)));
        for bad in [
            "", "-1h", "+1h", "1mo", "1y", "10", "h", "1h ago", "-PT1H", "1 h\n",
        ] {
            assert_eq!(parse_lapse(bad), Err(TimeError::NoDuration), "{bad}");
        }
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
            at("9999-12-30").plus(Offset(i64::MAX)),
            Err(TimeError::OutOfRange)
        );
    }

    #[test]
    fn offsets_read_like_a_person_would_say_them() {
        let said = |nanos: i64| Offset(nanos).to_string();
        assert_eq!(said(0), "0s");
        assert_eq!(said(-86_400_000_000_000), "-1d");
        assert_eq!(said(1_500_000_000), "+1s 500ms");
        assert_eq!(said(-329_568_480_000_000_000), "-10y 162d");
        assert_eq!(said(i64::MIN), "-292y 101d");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,80}") {
            let _ = Timestamp::parse(&text);
            let _ = parse_lapse(&text);
            let _ = parse_bound(&text, true);
        }

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

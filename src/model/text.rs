//! How times and lengths of time are written.
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, SpanRelativeTo};

use super::time::{TimeError, Timestamp};

/// Longest text that is looked at as a date, a time or a duration, in bytes.
pub(super) const TEXT_CAP: usize = 64;

/// Which moment of a day a plain date means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum DayPart {
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

pub(super) fn parse_time(text: &str, part: DayPart) -> Result<Timestamp, TimeError> {
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
        return Ok(Timestamp::from_jiff(time));
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
    Ok(Timestamp::from_jiff(time))
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

/// A length of time as it is written, like `2d 12h`, so that [`parse_lapse`] reads the same.
#[must_use]
pub fn lapse_text(length: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let mut rest = length.as_nanos();
    let mut parts = Vec::new();
    for (size, unit) in UNITS {
        let count = rest.checked_div(size).unwrap_or(0);
        rest = rest.checked_rem(size).unwrap_or(0);
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        }
    }
    match parts.is_empty() {
        true => "0s".to_owned(),
        false => parts.join(" "),
    }
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

    proptest! {
        #[test]
        fn no_text_makes_the_readers_panic(text in ".{0,80}") {
            let _ = Timestamp::parse(&text);
            let _ = parse_lapse(&text);
            let _ = parse_bound(&text, true);
        }
    }

    proptest! {
        #[test]
        fn a_length_of_time_is_read_as_it_is_said(seconds in 0_u64..400_000_000, nanos in 0_u32..1_000_000_000) {
            let length = Duration::new(seconds, nanos);
            prop_assert_eq!(parse_lapse(&lapse_text(length)).ok(), Some(length));
        }
    }

    #[test]
    fn a_length_of_time_is_said_in_its_units() {
        for (length, said) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(250), "250ms"),
            (Duration::from_secs(5_184_000), "60d"),
            (Duration::from_secs(216_000), "2d 12h"),
        ] {
            assert_eq!(lapse_text(length), said);
        }
    }
}

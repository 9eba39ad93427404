//! What a profile may name as the time a guest shall have.
use std::fmt;

use jiff::Span;
use serde::{Deserialize, Serialize};

use super::time::{TEXT_CAP, TimeError, Timestamp, parse_unsigned_span};

/// The time a guest shall have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClockTarget {
    /// A fixed point in time: RFC 3339, or a date (noon UTC).
    At(Timestamp),
    /// The host's time moved by a signed calendar span.
    Shifted(Shift),
    /// The host's own time: the guest is only synchronised.
    Now,
    /// A date within the validity of the certificate pinned for this host and port.
    Certificate {
        /// Host name or address as written.
        host: String,
        /// TCP port.
        port: u16,
    },
}

/// Why a text is no target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TargetError;

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a target is a time (\"2016-06-15T12:00:00Z\"), a date (\"2016-06-15\"), \"now\", a span \
             with its sign (\"-10y\", \"-P3Y6M\", \"+90d 4h\") or \"cert:HOST[:PORT]\"",
        )
    }
}

impl std::error::Error for TargetError {}

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
    /// [`TimeError::NoDuration`].
    pub fn parse(text: &str) -> Result<ShiftBound, TimeError> {
        parse_unsigned_span(text).map(ShiftBound)
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

impl ClockTarget {
    /// Reads a target.
    ///
    /// # Errors
    /// [`TargetError`], which lists the forms.
    pub fn parse(text: &str) -> Result<ClockTarget, TargetError> {
        if text == "now" {
            return Ok(ClockTarget::Now);
        }
        if let Some(peer) = text.strip_prefix("cert:") {
            return parse_peer(peer).ok_or(TargetError);
        }
        if text.starts_with(['-', '+']) {
            return Shift::parse(text)
                .map(ClockTarget::Shifted)
                .map_err(|_| TargetError);
        }
        Timestamp::parse(text)
            .map(ClockTarget::At)
            .map_err(|_| TargetError)
    }
}

/// `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; the port is 443 where none is named.
fn parse_peer(text: &str) -> Option<ClockTarget> {
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        let port = if after.is_empty() {
            "443"
        } else {
            after.strip_prefix(':')?
        };
        if !host.contains(':') {
            return None;
        }
        (host, port)
    } else {
        text.split_once(':').unwrap_or((text, "443"))
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '%');
    let host_fits =
        (1..=253).contains(&host.len()) && !host.starts_with('-') && host.chars().all(plain);
    if !host_fits || port.starts_with('0') || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let port: u16 = port.parse().ok()?;
    Some(ClockTarget::Certificate {
        host: host.to_owned(),
        port,
    })
}

impl fmt::Display for ClockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockTarget::At(time) => time.jiff().fmt(f),
            ClockTarget::Shifted(shift) => shift.fmt(f),
            ClockTarget::Now => f.write_str("now"),
            ClockTarget::Certificate { host, port } if host.contains(':') => {
                write!(f, "cert:[{host}]:{port}")
            }
            ClockTarget::Certificate { host, port } => write!(f, "cert:{host}:{port}"),
        }
    }
}

impl TryFrom<String> for ClockTarget {
    type Error = TargetError;
    fn try_from(text: String) -> Result<ClockTarget, TargetError> {
        ClockTarget::parse(&text)
    }
}

impl From<ClockTarget> for String {
    fn from(target: ClockTarget) -> String {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn targets_print_back_to_what_they_are() {
        for text in [
            "2016-06-15T12:00:00Z",
            "now",
            "-P10Y",
            "+P90DT4H",
            "cert:10.0.0.20:443",
            "cert:[fe80::1%eth0]:8443",
            "cert:idrac.example:443",
        ] {
            let target = ClockTarget::parse(text).unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "Now",
            "10y",
            "--10y",
            "-10",
            "+",
            "-10y ago",
            "- 10y",
            "-+10y",
            "tomorrow",
            "cert:",
            "cert:[::1",
            "cert:a:0",
            "cert:a:65536",
            "cert:a:0443",
            "cert:-a",
            "cert:a b",
            "cert:::1",
            "2016-06-15T12:00",
            "-P",
            "-10y\n",
            "cert:[a]:443",
            "cert:a:",
        ] {
            assert!(ClockTarget::parse(bad).is_err(), "{bad}");
        }
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

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_what_is_read_is_stable(text in ".{0,80}") {
            if let Ok(target) = ClockTarget::parse(&text) {
                prop_assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
            }
        }

        #[test]
        fn every_span_of_our_own_writing_is_read_again(text in "[+-][1-9][0-9]{0,2}(y|mo|w|d|h|m|s)") {
            let target = ClockTarget::parse(&text).unwrap();
            prop_assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
        }
    }
}

//! The distance between a guest's clock and its host's.
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::time::TimeError;

/// How far a guest's clock is from its host's: guest minus host, positive = the guest is ahead.
/// Nanoseconds, at most about 292 years either way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offset(i64);

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
    /// has the average 365.2425 days, and years and days are rounded, so that ten years by the calendar
    /// are `10y`. Microseconds are said only where there is nothing larger.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const YEAR: u64 = 31_556_952_000_000_000;
        const DAY: u64 = 86_400_000_000_000;
        const UNITS: [(u64, &str); 6] = [
            (DAY, "d"),
            (3_600_000_000_000, "h"),
            (60_000_000_000, "m"),
            (1_000_000_000, "s"),
            (1_000_000, "ms"),
            (1_000, "us"),
        ];
        let mut rest = self.0.unsigned_abs();
        let sign = if self.0 < 0 { '-' } else { '+' };
        // Within half a day of a year it is one.
        let years = rest.saturating_add(DAY / 2) / YEAR;
        if years > 0 {
            write!(f, "{sign}{years}y")?;
            let days = rest
                .saturating_sub(years.saturating_mul(YEAR))
                .saturating_add(DAY / 2)
                / DAY;
            return match days {
                0 => Ok(()),
                days => write!(f, " {days}d"),
            };
        }
        let mut written: u8 = 0;
        for (size, unit) in UNITS {
            let count = rest.checked_div(size).unwrap_or(0);
            rest = rest.checked_rem(size).unwrap_or(0);
            if written == 0 && count == 0 || written > 0 && unit == "us" {
                continue;
            }
            match written {
                0 => write!(f, "{sign}{count}{unit}")?,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_read_like_a_person_would_say_them() {
        let said = |nanos: i64| Offset(nanos).to_string();
        assert_eq!(said(0), "0s");
        assert_eq!(said(-86_400_000_000_000), "-1d");
        assert_eq!(said(1_500_000_000), "+1s 500ms");
        assert_eq!(said(-329_568_480_000_000_000), "-10y 162d");
        assert_eq!(said(-3_652 * 86_400_000_000_000), "-10y");
        assert_eq!(said(3_653 * 86_400_000_000_000), "+10y 1d");
        assert_eq!(said(-364 * 86_400_000_000_000), "-364d");
        assert_eq!(said(365 * 86_400_000_000_000), "+1y");
        assert_eq!(said(-448_313), "-448us");
        assert_eq!(said(131_448_313), "+131ms");
        assert_eq!(said(i64::MIN), "-292y 101d");
    }
}

//! The host's clocks: the one that people set, and the one that never steps.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::offset::Offset;
use super::time::{TimeError, Timestamp};

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

    /// How far `real` has been stepped since `earlier`, forward or (negative) back: what it went on
    /// by and `boot` did not. Both are slewed alike, so only a step shows.
    ///
    /// # Errors
    /// [`TimeError::OutOfRange`] beyond about 292 years.
    pub fn step_since(self, earlier: Now) -> Result<Offset, TimeError> {
        let passed = i128::from(self.boot.0)
            .checked_sub(earlier.boot.0.into())
            .ok_or(TimeError::OutOfRange)?;
        let shown = i128::from(self.real.since(earlier.real)?.as_nanos());
        Offset::from_nanos(shown.checked_sub(passed).ok_or(TimeError::OutOfRange)?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_what_only_the_real_time_went_on_by() {
        let at = |real: &str, boot: u64| Now {
            real: Timestamp::parse(real).unwrap(),
            boot: BootInstant(boot),
        };
        let start = at("2026-11-24T12:00:00Z", 7);
        let later = at("2026-11-24T12:00:05Z", 5_000_000_007);
        assert_eq!(later.step_since(start), Ok(Offset::ZERO));
        let back = at("2026-11-24T11:00:05Z", 5_000_000_007);
        assert_eq!(back.step_since(start).unwrap().to_string(), "-1h");
    }
}

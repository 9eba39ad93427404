//! The RTC: fields of whole seconds, and a phase that is known because we set it.
use std::time::Duration;

use jiff::civil::DateTime;

use crate::model::{BootInstant, Offset, TimeError, Timestamp};

/// How far into its second the RTC is at the moment its divider is released: the first update
/// comes half a second later (MC146818 data sheet; QEMU's `RTC_REG_A`).
const PHASE_AT_RELEASE_NANOS: i128 = 500_000_000;

/// A moment of the host's boot clock that is known only to lie between two readings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// Not before this.
    pub from: BootInstant,
    /// Not after this.
    pub to: BootInstant,
}

impl Window {
    /// Half of its length: how well the moment is known.
    #[must_use]
    pub fn uncertainty(self) -> Duration {
        self.to.since(self.from).checked_div(2).unwrap_or_default()
    }

    /// The moment in its middle.
    #[must_use]
    pub fn middle(self) -> BootInstant {
        let half = u64::try_from(self.uncertainty().as_nanos()).unwrap_or(0);
        BootInstant::from_nanos(self.from.as_nanos().saturating_add(half))
    }
}

/// All that is known about one setting of the RTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RtcObservation {
    /// The fields as written, in the RTC's own base.
    pub written: DateTime,
    /// The point in time that they stand for.
    pub written_time: Timestamp,
    /// When the divider was released.
    pub released: Window,
    /// What the guest should have shown in the middle of `released`.
    pub intended: Timestamp,
    /// The fields as read back.
    pub read: DateTime,
    /// When they were read.
    pub read_at: Window,
}

/// The result of reading back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verification {
    /// Whether what was read is what was written, the time in between counted.
    pub verified: bool,
    /// Measured minus intended.
    pub error: Offset,
    /// How well `error` is known, either way.
    pub uncertainty: Duration,
}

/// Judges one setting of the RTC.
///
/// # Errors
/// [`TimeError::OutOfRange`] where the calendar ends.
pub fn rtc(seen: &RtcObservation) -> Result<Verification, TimeError> {
    let shortest = seen.read_at.from.since(seen.released.to);
    let longest = seen.read_at.to.since(seen.released.from);
    let whole = |passed: Duration| -> Result<i64, TimeError> {
        let nanos = i128::try_from(passed.as_nanos()).map_err(|_| TimeError::OutOfRange)?;
        let ticked = nanos
            .checked_add(PHASE_AT_RELEASE_NANOS)
            .ok_or(TimeError::OutOfRange)?;
        i64::try_from(ticked.div_euclid(1_000_000_000)).map_err(|_| TimeError::OutOfRange)
    };
    let moved = seen.read.duration_since(seen.written);
    let verified = moved.subsec_nanos() == 0
        && (whole(shortest)?..=whole(longest)?).contains(&moved.as_secs());
    let shown = seen
        .written_time
        .as_nanos()
        .checked_add(PHASE_AT_RELEASE_NANOS)
        .ok_or(TimeError::OutOfRange)?;
    let error = shown
        .checked_sub(seen.intended.as_nanos())
        .ok_or(TimeError::OutOfRange)?;
    Ok(Verification {
        verified,
        error: Offset::from_nanos(error)?,
        uncertainty: seen.released.uncertainty(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observation(read: &str, read_after_ms: u64) -> RtcObservation {
        let at = |ms: u64| BootInstant::from_nanos(1_000_000_000 + ms * 1_000_000);
        RtcObservation {
            written: "2016-06-15T14:00:00".parse().unwrap(),
            written_time: Timestamp::parse("2016-06-15T12:00:00Z").unwrap(),
            released: Window {
                from: at(0),
                to: at(2),
            },
            intended: Timestamp::parse("2016-06-15T12:00:00.8Z").unwrap(),
            read: read.parse().unwrap(),
            read_at: Window {
                from: at(read_after_ms),
                to: at(read_after_ms + 1),
            },
        }
    }

    #[test]
    fn the_same_second_right_after_is_verified_with_its_error() {
        let seen = rtc(&observation("2016-06-15T14:00:00", 3)).unwrap();
        assert!(seen.verified);
        assert_eq!(seen.error.as_nanos(), -300_000_000);
        assert_eq!(seen.uncertainty, Duration::from_millis(1));
    }

    #[test]
    fn the_next_second_is_right_only_half_a_second_later() {
        assert!(
            !rtc(&observation("2016-06-15T14:00:01", 3))
                .unwrap()
                .verified
        );
        assert!(
            rtc(&observation("2016-06-15T14:00:01", 600))
                .unwrap()
                .verified
        );
        assert!(
            !rtc(&observation("2016-06-15T14:00:00", 600))
                .unwrap()
                .verified
        );
        // In between both are: the moment of the release is not known better.
        assert!(
            rtc(&observation("2016-06-15T14:00:01", 500))
                .unwrap()
                .verified
        );
        assert!(
            rtc(&observation("2016-06-15T14:00:00", 500))
                .unwrap()
                .verified
        );
    }

    #[test]
    fn another_century_is_not_verified() {
        assert!(
            !rtc(&observation("2116-06-15T14:00:00", 3))
                .unwrap()
                .verified
        );
        assert!(
            !rtc(&observation("2016-06-15T13:59:59", 3))
                .unwrap()
                .verified
        );
    }
}

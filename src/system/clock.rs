//! The host's clocks, deadlines, and whether the host's own time can be believed.
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

use super::error::FileError;
use super::file::{Trust, read};
use crate::model::{BootInstant, Now, TimeError, Timestamp};

/// How far apart the two readings around the real time may be. A pair that was interrupted is off
/// by as much, which would pass for a step of the host's clock.
const PAIR_NANOS: u64 = 5_000;

/// How often the clocks are read for a pair as close as that.
const TRIES: u8 = 8;

/// Reads both clocks of the host, as nearly at the same moment as can be had.
///
/// # Errors
/// [`TimeError::OutOfRange`] on a host whose clock stands beyond year 9999.
pub fn now() -> Result<Now, TimeError> {
    let (mut apart, mut best) = pair()?;
    for _ in 1..TRIES {
        if apart <= PAIR_NANOS {
            break;
        }
        let (again, other) = pair()?;
        if again < apart {
            (apart, best) = (again, other);
        }
    }
    Ok(best)
}

/// The real time between two readings of the boot clock, and the nanoseconds between those.
fn pair() -> Result<(u64, Now), TimeError> {
    let nanos = |time: rustix::time::Timespec| {
        i128::from(time.tv_sec)
            .checked_mul(1_000_000_000)
            .and_then(|whole| whole.checked_add(i128::from(time.tv_nsec)))
            .ok_or(TimeError::OutOfRange)
    };
    let before = clock_gettime(ClockId::Boottime);
    let real = clock_gettime(ClockId::Realtime);
    let after = clock_gettime(ClockId::Boottime);
    let before = u64::try_from(nanos(before)?).map_err(|_| TimeError::OutOfRange)?;
    let after = u64::try_from(nanos(after)?).map_err(|_| TimeError::OutOfRange)?;
    let apart = after.saturating_sub(before);
    let now = Now {
        real: Timestamp::from_nanos(nanos(real)?)?,
        boot: BootInstant::from_nanos(before.saturating_add(apart / 2)),
    };
    Ok((apart, now))
}

/// Whether the kernel holds the host's clock for synchronised (`adjtimex`: not `TIME_ERROR`).
#[must_use]
#[allow(unsafe_code)]
pub fn host_clock_synchronised() -> bool {
    // SAFETY: all-zero bytes are a valid `timex`; with `modes` 0 the call only fills it in.
    unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        let state = libc::adjtimex(&raw mut timex);
        state != -1 && state != libc::TIME_ERROR && timex.status & libc::STA_UNSYNC == 0
    }
}

/// The identity of this boot of the host.
///
/// # Errors
/// [`FileError`] where /proc is not what it should be.
pub fn boot_id() -> Result<String, FileError> {
    let bytes = read(
        Path::new("/proc/sys/kernel/random/boot_id"),
        Trust::Data,
        64,
    )?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// A moment until which something may take.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// `limit` from now.
    #[must_use]
    pub fn after(limit: Duration) -> Deadline {
        let now = Instant::now();
        Deadline(now.checked_add(limit).unwrap_or(now))
    }

    /// What is left of it.
    #[must_use]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(self) -> bool {
        self.left().is_zero()
    }

    /// Sleeps for `length`, but not beyond the deadline.
    pub fn sleep(self, length: Duration) {
        std::thread::sleep(length.min(self.left()));
    }
}

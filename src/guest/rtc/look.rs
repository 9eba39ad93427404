//! Looking at a running guest's RTC without touching it.
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::RtcError;
use super::ports::read_rtc;
use crate::guest::{Monitor, Qemu, RunState};
use crate::model::{Now, TimeError, Timestamp};
use crate::system::{self, Deadline};

/// How long the monitor is left to others between two looks.
const PAUSE: Duration = Duration::from_millis(4);

/// QEMU's run state.
///
/// # Errors
/// [`RtcError::Monitor`].
pub fn run_state(qemu: &Qemu, deadline: Deadline) -> Result<RunState, RtcError> {
    let mut monitor = Monitor::connect(&qemu.monitor, qemu.generation, deadline)?;
    Ok(monitor.run_state(deadline)?)
}

/// The time that the RTC shows, cut to whole seconds. A machine without one is an error.
///
/// # Errors
/// [`RtcError`].
pub fn read(qemu: &Qemu, zone: &TimeZone, deadline: Deadline) -> Result<Timestamp, RtcError> {
    let mut monitor = Monitor::connect(&qemu.monitor, qemu.generation, deadline)?;
    time(read_rtc(&mut monitor, deadline)?, zone)
}

/// Waits for the RTC's next second, at most a little over one, and gives it with the host's clocks at
/// that moment. The monitor is not held meanwhile.
///
/// # Errors
/// [`RtcError`].
pub fn tick(
    qemu: &Qemu,
    zone: &TimeZone,
    deadline: Deadline,
) -> Result<(Timestamp, Now), RtcError> {
    let first = read(qemu, zone, deadline)?;
    let mut before = system::now()?;
    loop {
        deadline.sleep(PAUSE);
        let shown = read(qemu, zone, deadline)?;
        let after = system::now()?;
        if shown != first {
            // Somewhere between the two looks.
            let middle = after.boot.since(before.boot).checked_div(2);
            return Ok((shown, before.later(middle.unwrap_or_default())?));
        }
        before = after;
    }
}

fn time(fields: DateTime, zone: &TimeZone) -> Result<Timestamp, RtcError> {
    let time = zone
        .to_timestamp(fields)
        .map_err(|_| RtcError::Time(TimeError::OutOfRange))?;
    Ok(Timestamp::from_nanos(time.as_nanosecond())?)
}

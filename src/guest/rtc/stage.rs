//! Setting the RTC: look, stop if it must be, write, restart the second, read back, continue.
use std::time::{Duration, Instant};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::RtcError;
use super::ports::{
    must_be_silent, must_have_rtc, read_rtc, read_status, register_write, write_registers,
};
use super::registers::{STATUS_D, restart_second, runs, set_fields};
use crate::audit::IntentLogged;
use crate::guest::halt::{Stood, Witness, halted, undisturbed};
use crate::guest::qmp::{Command, Monitor};
use crate::guest::status::{RunState, Treatment, treatment};
use crate::model::{ClockPlan, Now, Printable, TimeError, Timestamp};
use crate::policy::Authorized;
use crate::system::{self, Deadline};
use crate::verify::{self, RtcObservation, Verification, Window};

/// What the work may take beyond its deadline once the vCPUs stand; after that they are continued
/// with the RTC as it is.
const WORK_LIMIT: Duration = Duration::from_millis(500);

/// How long before the right moment the VM is stopped when the second is to be aligned.
const ALIGN_LEAD: Duration = Duration::from_millis(10);

/// The most by which the release is sent before it is due: more than this is not the time that a
/// write takes but that of another process which had the processor.
const MOST_LEAD: Duration = Duration::from_millis(3);

/// All that setting an RTC takes.
#[derive(Debug)]
pub struct RtcOrder<'a> {
    /// What may be done.
    pub authorized: &'a Authorized<ClockPlan>,
    /// The proof that it was written down first.
    pub intent: &'a IntentLogged,
    /// The zone in which the RTC's fields are taken.
    pub zone: &'a TimeZone,
    /// The lock that the VM's config had before the start.
    pub lock: Option<&'a Printable>,
    /// Until when everything but continuing the VM must be over.
    pub deadline: Deadline,
}

/// What was done.
#[derive(Clone, PartialEq, Debug)]
pub struct RtcReport {
    /// The result of reading back.
    pub verification: Verification,
    /// What the guest was to show when the RTC was released.
    pub guest_time: Timestamp,
    /// The host's clocks at that moment.
    pub at: Now,
    /// The RTC's fields as read back, in its own base.
    pub read_back: DateTime,
    /// QEMU's state: before, or now where somebody else has taken the VM over.
    pub state: RunState,
    /// How long the vCPUs stood at most; `None` where we did not stop them.
    pub paused: Option<Duration>,
}

/// Waits, if the plan wants its second aligned, until shortly before the moment. Called before the
/// monitor is connected, which nobody may hold for long, and before the VM's state is looked at.
///
/// # Errors
/// [`RtcError::Time`].
pub fn wait_for_alignment(plan: &ClockPlan, deadline: Deadline) -> Result<(), RtcError> {
    if plan.align {
        let guest = plan.course.guest_time(system::now()?)?;
        deadline.sleep(until_half_second(guest, ALIGN_LEAD));
    }
    Ok(())
}

/// Sets the RTC. `witness` hears of it before a running VM is stopped.
///
/// # Errors
/// [`RtcError`]; the RTC is then untouched, or (monitor errors in the middle) shows the old or the
/// new time, never a mixture.
pub fn set(
    monitor: &mut Monitor,
    order: &RtcOrder<'_>,
    witness: &impl Witness,
) -> Result<RtcReport, RtcError> {
    let deadline = order.deadline;
    if order.intent.vmid() != order.authorized.grant().vmid() {
        return Err(RtcError::LeftAlone(
            "the intent that was written down is about another VM".to_owned(),
        ));
    }
    if !order.authorized.plan().stages.rtc {
        return Err(RtcError::LeftAlone("the plan has no RTC stage".to_owned()));
    }
    let state = monitor.run_state(deadline)?;
    let migrating = monitor.migrating(deadline)?;
    let treatment = treatment(&state, migrating, order.lock);
    if let Treatment::LeaveAlone(why) = treatment {
        return Err(RtcError::LeftAlone(why));
    }
    must_have_rtc(monitor, deadline)?;
    let (report, stood) = match treatment {
        Treatment::StopWriteContinue => halted(monitor, deadline, witness, |monitor| {
            write(monitor, order, Deadline::after(WORK_LIMIT))
        })?,
        _ => (
            undisturbed(monitor, |monitor| write(monitor, order, deadline))?,
            Stood::TakenOver(state.clone()),
        ),
    };
    let (state, paused) = match stood {
        Stood::For(length) => (state, Some(length)),
        Stood::TakenOver(now) => (now, None),
    };
    let (seen, at) = report?;
    Ok(RtcReport {
        verification: verify::rtc(&seen)?,
        guest_time: seen.intended,
        at,
        read_back: seen.read,
        state,
        paused,
    })
}

/// Writes and reads back; the vCPUs stand.
fn write(
    monitor: &mut Monitor,
    order: &RtcOrder<'_>,
    deadline: Deadline,
) -> Result<(RtcObservation, Now), RtcError> {
    let course = order.authorized.plan().course;
    let (status_a, status_b) = read_status(monitor, deadline)?;
    if !runs(status_a, status_b) {
        return Err(RtcError::Halted);
    }
    // The second is restarted first, so that it cannot tick between the fields and the release.
    let guest = course.guest_time(system::now()?)?;
    let (mut written, mut written_time) = whole_second(guest, order.zone)?;
    let mut writes = restart_second(status_a).to_vec();
    writes.extend(set_fields(written, status_b));
    let begun = Instant::now();
    write_registers(monitor, &writes, deadline)?;

    if order.authorized.plan().align {
        // The release is the second write of the next batch, so it comes as late as this QEMU takes
        // for two.
        let each = begun
            .elapsed()
            .checked_div(u32::try_from(writes.len()).unwrap_or(u32::MAX));
        let lead = each.unwrap_or_default().saturating_mul(2).min(MOST_LEAD);
        let wait = until_half_second(course.guest_time(system::now()?)?, lead);
        // Too late for this second is not worth a pause until the next.
        if wait <= ALIGN_LEAD {
            deadline.sleep(wait);
        }
    }
    let before = system::now()?;
    if whole_second(course.guest_time(before)?, order.zone)?.0 != written {
        // The guest's second ended meanwhile: write the new one, which has all of it to go.
        (written, written_time) = whole_second(course.guest_time(before)?, order.zone)?;
        write_registers(monitor, &set_fields(written, status_b), deadline)?;
    }
    let before = system::now()?;
    let mut commands: Vec<Command> = restart_second(status_a)
        .iter()
        .map(register_write)
        .collect();
    // Left on a register whose writes are ignored: a vCPU may stand between its own two accesses.
    commands.push(register_write(&(STATUS_D, 0)));
    let released_by = monitor.send(&commands, deadline)?;
    for id in (released_by..).take(2) {
        must_be_silent(monitor.answer_to(id, deadline)?)?;
    }
    let after = system::now()?;
    must_be_silent(monitor.answer_to(released_by.saturating_add(2), deadline)?)?;

    let read_from = system::now()?;
    let read = read_rtc(monitor, deadline)?;
    let read_to = system::now()?;
    let released = Window {
        from: before.boot,
        to: after.boot,
    };
    let middle = before.later(released.uncertainty())?;
    let seen = RtcObservation {
        written,
        written_time,
        released,
        intended: course.guest_time(middle)?,
        read,
        read_at: Window {
            from: read_from.boot,
            to: read_to.boot,
        },
    };
    Ok((seen, middle))
}

/// The second in which the guest is, as fields and as a point in time. With the RTC's second half
/// over at the release, that is at most half a second off.
fn whole_second(guest: Timestamp, zone: &TimeZone) -> Result<(DateTime, Timestamp), TimeError> {
    let second = i128::from(guest.floor_seconds()).saturating_mul(1_000_000_000);
    let time = Timestamp::from_nanos(second)?;
    Ok((zone.to_datetime(time.jiff()), time))
}

/// How long it is until `lead` before the guest's clock next is half a second past a whole one.
fn until_half_second(guest: Timestamp, lead: Duration) -> Duration {
    const SECOND: u64 = 1_000_000_000;
    let lead = u64::try_from(lead.as_nanos())
        .unwrap_or(SECOND)
        .min(SECOND / 2);
    let aim = (SECOND / 2).saturating_sub(lead);
    let into_second = u64::try_from(guest.as_nanos().rem_euclid(SECOND.into())).unwrap_or(0);
    let wait = aim.checked_sub(into_second);
    Duration::from_nanos(
        wait.unwrap_or_else(|| SECOND.saturating_add(aim).saturating_sub(into_second)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alignment_waits_for_the_middle_of_the_guests_second() {
        let wait = |time: &str, lead: u64| {
            until_half_second(Timestamp::parse(time).unwrap(), Duration::from_millis(lead))
                .as_millis()
        };
        assert_eq!(wait("2016-06-15T12:00:00.2Z", 0), 300);
        assert_eq!(wait("2016-06-15T12:00:00.5Z", 0), 0);
        assert_eq!(wait("2016-06-15T12:00:00.6Z", 0), 900);
        assert_eq!(wait("2016-06-15T12:00:00.495Z", 10), 995);
        assert_eq!(wait("1969-12-31T23:59:59.25Z", 10), 240);
    }

    #[test]
    fn a_local_rtc_shows_the_daylight_saving_of_its_date() {
        let berlin = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        let shown = |time: &str| {
            whole_second(Timestamp::parse(time).unwrap(), &berlin)
                .unwrap()
                .0
                .to_string()
        };
        assert_eq!(shown("2016-06-15T12:00:00.9Z"), "2016-06-15T14:00:00");
        assert_eq!(shown("2016-01-15T12:00:00Z"), "2016-01-15T13:00:00");
    }
}

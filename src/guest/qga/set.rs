//! Setting the guest's system clock through its agent: measure, set, read back, correct.
use std::time::Duration;

use jiff::tz::TimeZone;

use super::look::{PAUSE, STEP, measured, patiently};
use super::set_error::{POSIX_YEARS, SetError, complaint, sent};
use super::{Agent, AgentError};
use crate::audit::IntentLogged;
use crate::guest::Qemu;
use crate::model::{ClockPlan, Course, Offset, Printable};
use crate::policy::Authorized;
use crate::system::{self, Deadline};
use crate::verify::{self, AgentClock, Attempt};

/// Most requests to set the clock. On a busy node, where every third came late by chance, three left
/// one in fifty with that.
const ROUNDS: usize = 4;

/// How long a request to set the clock may take: on a real guest 0.5 to 1.5 s, for hwclock.
const SET_LIMIT: Duration = Duration::from_secs(10);

/// All that setting a guest's clock takes.
#[derive(Debug)]
pub struct AgentOrder<'a> {
    /// The VM.
    pub qemu: &'a Qemu,
    /// What may be done; authorised just before, since its bounds are not looked at again. Where a
    /// running guest is to keep its offset, its course is `Constant` or `FromStart`: the calendar
    /// span of `Shifted` has another length on another day.
    pub authorized: &'a Authorized<ClockPlan>,
    /// The proof that it was written down first.
    pub intent: &'a IntentLogged,
    /// Until when it is tried. Frozen file systems, a busy socket and a silent agent are waited for.
    pub deadline: Deadline,
}

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentReport {
    /// The requests to set the clock that were sent: none where it was right already, at most 4.
    pub attempts: Vec<Attempt>,
    /// The clock before.
    pub before: AgentClock,
    /// The clock as read back after the last request.
    pub after: AgentClock,
    /// Whether the error left is within the plan's tolerance, or below what can be told.
    pub verified: bool,
    /// What the agent complained about while the clock was set all the same: most often hwclock,
    /// and then the guest's RTC did not follow.
    pub complaint: Option<Printable>,
    /// How far the host's own clock was stepped meanwhile.
    pub host_stepped: Option<Offset>,
}

/// Sets the guest's clock and reads it back, until it is right to a millisecond (or what can be told)
/// or no request would make it better. The socket is let go of where an answer took its time.
///
/// # Errors
/// [`SetError`].
pub fn set(order: &AgentOrder<'_>) -> Result<AgentReport, SetError> {
    set_on(None, order)
}

/// The same on a connection that there is, for as long as it may be kept.
///
/// # Errors
/// [`SetError`].
pub fn set_on(connection: Option<Agent>, order: &AgentOrder<'_>) -> Result<AgentReport, SetError> {
    let plan = order.authorized.plan();
    let vmid = order.authorized.grant().vmid();
    if order.intent.vmid() != vmid || order.qemu.vmid != vmid {
        return Err(SetError::LeftAlone(
            "the intent that was written down is about another VM",
        ));
    }
    if !plan.stages.agent {
        return Err(SetError::LeftAlone("the plan has no agent stage"));
    }
    let start = system::now()?;
    let known = connection.filter(Agent::has_time).and_then(|mut agent| {
        let seen = measured(&mut agent, &plan.course, order.deadline).ok()?;
        Some((agent, seen))
    });
    let (mut agent, before) = match known {
        Some(known) => known,
        None => patiently(order.qemu, &plan.course, order.deadline)?,
    };
    check_year(&mut agent, &plan.course, order.deadline)?;
    let first = verify::first_lead(&before)?;
    let mut lead = (!before.is_best(plan.tolerance)).then_some(first);
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut refusal = None;
    let mut seen = before;
    while let Some(ahead) = lead {
        let none_sent = attempts.is_empty();
        if attempts.len() >= ROUNDS || (!none_sent && order.deadline.passed()) {
            break;
        }
        let mut slow = false;
        match agent.set_time(&plan.course, ahead, Deadline::after(SET_LIMIT))? {
            Ok(()) => refusal = None,
            // A freeze began in between, and nothing was set.
            Err(AgentError::Frozen) if !order.deadline.passed() => {
                drop(agent);
                order.deadline.sleep(PAUSE);
                (agent, seen) = patiently(order.qemu, &plan.course, order.deadline)
                    .map_err(|error| sent(error, !none_sent))?;
                continue;
            }
            Err(error @ AgentError::Frozen) if none_sent => return Err(SetError::Unheard(error)),
            Err(error @ AgentError::Refused { .. }) => refusal = Some(error),
            // It may have been set all the same: reading back tells. Others first.
            Err(_) => slow = true,
        }
        let limit = Deadline::after(SET_LIMIT).max(order.deadline);
        // An agent sleeps for 0.1 s whenever it finds nobody connected (qemu-ga, channel_event_cb).
        let at_once = match !slow && agent.has_time() {
            true => measured(&mut agent, &plan.course, limit).ok(),
            false => None,
        };
        if let Some(measured) = at_once {
            seen = measured;
        } else {
            drop(agent);
            if slow {
                order.deadline.sleep(PAUSE);
            }
            (agent, seen) =
                patiently(order.qemu, &plan.course, limit).map_err(|error| sent(error, true))?;
        }
        attempts.push(Attempt {
            lead: ahead,
            error: seen.error,
        });
        if let Some(error) = &refusal {
            if none_sent && verify::is_unchanged(&before, &seen) {
                if seen.is_within(plan.tolerance) {
                    break;
                }
                return Err(SetError::Refused(error.clone()));
            }
        }
        lead = verify::next_lead(first, &attempts, &seen, plan.tolerance)?;
    }
    let stepped = system::now()?.step_since(start)?;
    Ok(AgentReport {
        attempts,
        before,
        after: seen,
        verified: seen.is_within(plan.tolerance),
        complaint: refusal.map(|error| Printable::sentence(&complaint(&error))),
        host_stepped: (stepped.distance() > STEP).then_some(stepped),
    })
}

/// A year that the agent would refuse is not sent. Only Windows takes others than [`POSIX_YEARS`].
fn check_year(agent: &mut Agent, course: &Course, deadline: Deadline) -> Result<(), SetError> {
    let time = course.guest_time(system::now()?)?;
    let year = TimeZone::UTC.to_datetime(time.jiff()).year();
    if POSIX_YEARS.contains(&year) {
        return Ok(());
    }
    let windows = agent.os_info(deadline).is_ok_and(|os| os.is_windows());
    match windows && year >= *POSIX_YEARS.start() {
        true => Ok(()),
        false => Err(SetError::Year(time)),
    }
}

//! Setting the guest's system clock through its agent: measure, set, read back, correct.
use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::commands::GET_TIME;
use super::{Agent, AgentError, Broken};
use crate::audit::IntentLogged;
use crate::guest::Qemu;
use crate::model::{ClockPlan, Course, Now, Offset, Printable, TimeError, Timestamp};
use crate::policy::Authorized;
use crate::system::{self, Deadline};
use crate::verify::{self, AgentClock, AgentSample, Attempt};

/// How often the guest is asked for its time at least and at most; the fastest answer counts.
const SAMPLES: std::ops::RangeInclusive<usize> = 5..=20;

/// Once one answer is as fast, the others are spared.
const FAST: Duration = Duration::from_millis(1);

/// An agent that is this slow is not asked again: the socket must stay free for others.
const SAMPLING_LIMIT: Duration = Duration::from_millis(300);

/// Most requests to set the clock. On a busy node, where every third came late by chance, three left
/// one in fifty with that.
const ROUNDS: usize = 4;

/// How long a request to set the clock may take: on a real guest 0.5 to 1.5 s, for hwclock.
const SET_LIMIT: Duration = Duration::from_secs(10);

/// How long the socket is left to others before the next try.
const PAUSE: Duration = Duration::from_millis(300);

/// A try that has less time than this, after the pause before it, is not worth it.
const TRY: Duration = Duration::from_millis(500);

/// A step of the host's clock smaller than this is taken for the reading's own noise.
const STEP: Duration = Duration::from_millis(1);

/// The years that an agent of a POSIX guest takes (QEMU, `qga/commands-posix.c`), and an RTC holds.
const POSIX_YEARS: std::ops::RangeInclusive<i16> = 1970..=2069;

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

/// Why the clock was not set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetError {
    /// It must not be.
    LeftAlone(&'static str),
    /// The guest's agent does not take such a year; nothing was sent.
    Year(Timestamp),
    /// The agent could not be asked for its time; nothing was sent.
    Unheard(AgentError),
    /// A request was sent, and what came of it is not known.
    NotReadBack(AgentError),
    /// The agent refused, and reading back shows that nothing has changed.
    Refused(AgentError),
    /// The time cannot be calculated; nothing was sent.
    Time(TimeError),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::LeftAlone(why) => write!(f, "the clock was left alone: {why}"),
            SetError::Year(time) => write!(
                f,
                "the clock was left alone: guest agents take the years {} to {} only, not {time}",
                POSIX_YEARS.start(),
                POSIX_YEARS.end()
            ),
            SetError::Unheard(error) => write!(f, "the clock was not set: {error}"),
            SetError::NotReadBack(error) => write!(
                f,
                "the clock was perhaps set and could not be read back: {error}; look at the guest's clock"
            ),
            SetError::Refused(error) => {
                write!(f, "the clock was not set: {error}")?;
                f.write_str(remedy(error).unwrap_or_default())
            }
            SetError::Time(error) => write!(f, "the clock was not set: {error}"),
        }
    }
}

impl std::error::Error for SetError {}

impl From<TimeError> for SetError {
    fn from(error: TimeError) -> SetError {
        SetError::Time(error)
    }
}

/// What to do in a guest whose agent does not set the clock, or not without a complaint.
fn remedy(error: &AgentError) -> Option<&'static str> {
    let AgentError::Refused { class, text, .. } = error else {
        return None;
    };
    if class.as_str() == "CommandNotFound" || text.as_str().contains("disabled") {
        return Some(
            "; allow guest-set-time in the guest's agent (block-rpcs or allow-rpcs in qemu-ga.conf, or \
             /etc/sysconfig/qemu-ga) and restart it",
        );
    }
    // The second is how agents before QEMU 9.2 say that they have no hwclock (`qga/commands-posix.c`).
    let missing = ["hwclock", "not currently supported"];
    missing
        .iter()
        .any(|words| text.as_str().contains(words))
        .then_some(
            "; install hwclock in the guest: package util-linux-extra on Debian 13 and later, \
             util-linux elsewhere",
        )
}

/// Looks at the guest's clock, compared with what `course` says, and changes nothing.
///
/// # Errors
/// [`SetError::Unheard`] or [`SetError::Time`].
pub fn look(qemu: &Qemu, course: &Course, deadline: Deadline) -> Result<AgentClock, SetError> {
    Ok(patiently(qemu, course, deadline)?.1)
}

/// Sets the guest's clock and reads it back, until it is right or gets no better.
///
/// # Errors
/// [`SetError`].
pub fn set(order: &AgentOrder<'_>) -> Result<AgentReport, SetError> {
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
    let (mut agent, before) = patiently(order.qemu, &plan.course, order.deadline)?;
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
        drop(agent);
        if slow {
            order.deadline.sleep(PAUSE);
        }
        let limit = Deadline::after(SET_LIMIT).max(order.deadline);
        (agent, seen) =
            patiently(order.qemu, &plan.course, limit).map_err(|error| sent(error, true))?;
        if let Some(error) = &refusal {
            if none_sent && verify::is_unchanged(&before, &seen) {
                return Err(SetError::Refused(error.clone()));
            }
        }
        attempts.push(Attempt {
            lead: ahead,
            error: seen.error,
        });
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

/// The agent's words, and what would make it content.
fn complaint(error: &AgentError) -> String {
    format!("{error}{}", remedy(error).unwrap_or_default())
}

/// What an error while reading back means once a request was sent.
fn sent(error: SetError, was: bool) -> SetError {
    match error {
        SetError::Unheard(error) if was => SetError::NotReadBack(error),
        other => other,
    }
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

/// Connects and measures; what passes by waiting is waited for.
fn patiently(
    qemu: &Qemu,
    course: &Course,
    deadline: Deadline,
) -> Result<(Agent, AgentClock), SetError> {
    loop {
        match measure(qemu, course, deadline) {
            Ok(measured) => return Ok(measured),
            // What is left at the end is too short for an answer, and would only hide the reason.
            Err(SetError::Unheard(error)) if error.may_pass() && deadline.left() > TRY => {
                deadline.sleep(PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Connects, which the agent's first and slowest answer is for, and measures. Where the host's clock
/// is stepped in between, what was measured is compared with a time that nobody has any more: then
/// it is measured again.
fn measure(
    qemu: &Qemu,
    course: &Course,
    deadline: Deadline,
) -> Result<(Agent, AgentClock), SetError> {
    let mut agent =
        Agent::connect(&qemu.agent, qemu.generation, deadline).map_err(SetError::Unheard)?;
    loop {
        let basis = system::now()?;
        let seen = sample(&mut agent, basis, course, deadline)?;
        if system::now()?.step_since(basis)?.distance() <= STEP {
            return Ok((agent, seen));
        }
    }
}

fn sample(
    agent: &mut Agent,
    basis: Now,
    course: &Course,
    deadline: Deadline,
) -> Result<AgentClock, SetError> {
    let enough = Deadline::after(SAMPLING_LIMIT);
    let mut samples = Vec::new();
    while samples.is_empty() || (samples.len() < *SAMPLES.end() && !enough.passed()) {
        let sample = agent.get_time(deadline).map_err(SetError::Unheard)?;
        samples.push(sample);
        let fast = |sample: &AgentSample| sample.asked.to.since(sample.asked.from) <= FAST;
        if samples.len() >= *SAMPLES.start() && samples.iter().any(fast) {
            break;
        }
    }
    // Nothing about the host's side is out of range, or no plan had been authorised.
    let nonsense = Broken::UnexpectedAnswer { command: GET_TIME };
    verify::agent(&samples, basis, course).map_err(|_| SetError::Unheard(nonsense.into()))
}

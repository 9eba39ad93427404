//! Looking at a guest's clock through its agent: several questions, of which the fastest answer counts.
use std::time::Duration;

use super::commands::GET_TIME;
use super::set_error::SetError;
use super::{Agent, Broken};
use crate::guest::Qemu;
use crate::model::{Course, Now};
use crate::system::{self, Deadline};
use crate::verify::{self, AgentClock, AgentSample};

/// How often the guest is asked for its time at least and at most; the fastest answer counts.
const SAMPLES: std::ops::RangeInclusive<usize> = 5..=20;

/// Once one answer is as fast, the others are spared.
const FAST: Duration = Duration::from_millis(1);

/// An agent that is this slow is not asked again: the socket must stay free for others.
const SAMPLING_LIMIT: Duration = Duration::from_millis(300);

/// How long the socket is left to others before the next try.
pub(super) const PAUSE: Duration = Duration::from_millis(300);

/// A try that has less time than this, after the pause before it, is not worth it.
const TRY: Duration = Duration::from_millis(500);

/// A step of the host's clock smaller than this is taken for the reading's own noise.
pub(super) const STEP: Duration = Duration::from_millis(1);

/// Looks at the guest's clock, compared with what `course` says, and changes nothing.
///
/// # Errors
/// [`SetError::Unheard`] or [`SetError::Time`].
pub fn look(qemu: &Qemu, course: &Course, deadline: Deadline) -> Result<AgentClock, SetError> {
    Ok(patiently(qemu, course, deadline)?.1)
}

/// Connects and measures; what passes by waiting is waited for.
pub(super) fn patiently(
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
    let seen = measured(&mut agent, course, deadline)?;
    Ok((agent, seen))
}

/// The same on a connection that there is.
pub(super) fn measured(
    agent: &mut Agent,
    course: &Course,
    deadline: Deadline,
) -> Result<AgentClock, SetError> {
    loop {
        let basis = system::now()?;
        let seen = sample(agent, basis, course, deadline)?;
        if system::now()?.step_since(basis)?.distance() <= STEP {
            return Ok(seen);
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

//! Giving a guest its real time back: system clock, RTC, time services.
use std::time::Duration;

use super::apply::Occasion;
use super::error::KeepError;
use super::subject::Subject;
use crate::audit::Event;
use crate::guest::qga::{Agent, SetError};
use crate::model::Printable;
use crate::state::{Keep, KeepStage};
use crate::system::Deadline;

/// How long the guest's agent may take to be ready: a backup may have frozen its file systems.
const LIMIT: Duration = Duration::from_secs(10);

/// Gives the guest the real time, and gives what was done, for people.
///
/// # Errors
/// [`KeepError`]. Where only the agent is missing, the RTC has the real time all the same, so that the
/// guest's next boot has it.
pub fn restore(subject: &mut Subject<'_>, why: &str) -> Result<String, KeepError> {
    restore_until(subject, why, None, LIMIT)
}

/// The same, where an agent that does not answer until `proof` is not waited for any longer.
pub(super) fn restore_until(
    subject: &mut Subject<'_>,
    why: &str,
    proof: Option<Deadline>,
    limit: Duration,
) -> Result<String, KeepError> {
    let proposal = subject.may_restore()?;
    let intent = subject.intend(&proposal, why)?;
    let occasion = Occasion {
        event: Event::Restored,
        restore_by: None,
        restores: true,
    };
    let agent =
        |proof| Agent::connect(&subject.qemu.agent, subject.qemu.generation, proof).map(drop);
    let applied = match proof.map_or(Ok(()), agent) {
        Ok(()) => subject.apply(&proposal, &intent, occasion, limit),
        Err(error) => {
            let error = KeepError::from(SetError::Unheard(error));
            subject.failed(&proposal, &intent, &error);
            Err(error)
        }
    };
    let rtc = subject.let_rtc_follow(&proposal, &intent);
    let (_, mut text) = match applied {
        // It is due from now on.
        Err(KeepError::Unreachable(why) | KeepError::NoAgent(why))
            if proof.is_none() && subject.note.is_some() =>
        {
            return Err(KeepError::Unreachable(format!(
                "{why}; time-shift-sweep.timer tries it again"
            )));
        }
        applied => applied?,
    };
    match rtc {
        Ok(None) => {}
        Ok(Some(done)) => text.push_str(&format!("; {done}")),
        Err(error) => text.push_str(&format!("; its RTC was not set: {error}")),
    }
    let left = subject.start_services(&proposal, &intent);
    if left.is_empty() {
        subject.handovers.remove(subject.vmid)?;
    } else {
        subject.hand_over_commands(&proposal, &left)?;
        let left: Vec<String> = left
            .iter()
            .map(|(name, why)| format!("{} ({why})", Printable::from(name.as_str())))
            .collect();
        let text = format!(
            "these guest commands did not start a time service again: {}; start it in the guest",
            left.join(", ")
        );
        subject.report(Event::Restored, &text);
    }
    if let Some(keep) = subject.keep.clone() {
        subject.save(Keep {
            stage: KeepStage::Restored,
            ..keep.due(None)
        })?;
    }
    subject.voice.say(Event::Restored, &text);
    Ok(text)
}

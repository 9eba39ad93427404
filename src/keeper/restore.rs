//! Giving a guest its real time back: system clock, RTC, time services.
use std::time::Duration;

use super::apply::Occasion;
use super::error::KeepError;
use super::subject::Subject;
use crate::audit::Event;
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
    restore_until(subject, why, Deadline::after(LIMIT))
}

pub(super) fn restore_until(
    subject: &mut Subject<'_>,
    why: &str,
    deadline: Deadline,
) -> Result<String, KeepError> {
    let proposal = subject.may_restore()?;
    let intent = subject.intend(&proposal, why)?;
    let occasion = Occasion {
        event: Event::Restored,
        restore_by: None,
        restores: true,
    };
    let applied = subject.apply(&proposal, &intent, occasion, deadline);
    let rtc = subject.let_rtc_follow(&proposal, &intent);
    let (_, mut text) = applied?;
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
        let text = format!(
            "these guest commands did not start a time service again: {}; start it in the guest",
            left.join(", ")
        );
        subject.report(Event::Restored, &text);
    }
    if let Some(keep) = subject.keep.clone() {
        subject.save(Keep {
            stage: KeepStage::Restored,
            restore_by: None,
            ..keep
        })?;
    }
    subject.voice.say(Event::Restored, &text);
    Ok(text)
}

//! What a guest's clock shows, for an intent of which nobody has written down what came of it.
use std::time::Duration;

use super::error::KeepError;
use super::subject::{Quiet, Subject};
use crate::audit::Announced;
use crate::config::Config;
use crate::guest::{qga, rtc};
use crate::model::{Course, Offset, Printable, Timestamp, VmId};
use crate::state::Store;
use crate::system::{self, Deadline};

/// How long another one's work on the same clock is waited for.
const BUSY: Duration = Duration::from_millis(100);

/// How long each way of looking may take.
const LIMIT: Duration = Duration::from_secs(2);

/// What a guest's clock shows.
#[derive(Clone, PartialEq, Debug)]
pub struct Shown {
    /// The VM's name.
    pub name: Option<Printable>,
    /// The time and guest minus host, where it could be read.
    pub clock: Option<(Timestamp, Offset)>,
    /// The same for people, or why it could not.
    pub text: String,
}

/// Looks at the clock of the VM of an intent, and changes nothing. `None` while somebody works on it.
#[must_use]
pub fn shows(config: &Config, vmid: VmId, intent: &Announced) -> Option<Shown> {
    let subject = match Subject::find_until(config, vmid, Quiet::Yes, Deadline::after(BUSY)) {
        Ok(subject) => subject,
        Err(KeepError::Busy(_)) => return None,
        Err(error) => {
            return Some(Shown {
                name: None,
                clock: None,
                text: format!("there is no clock to look at now: {error}"),
            });
        }
    };
    let receipt = subject.note.as_ref().and_then(|note| note.intent.as_ref());
    let is_its_start = receipt.is_some_and(|receipt| intent.is_of(receipt));
    if is_its_start && has_a_worker(config, vmid) {
        return None;
    }
    let (clock, text) = match subject.clock() {
        Ok((shown, offset, by)) => (
            Some((shown, offset)),
            format!("{by} shows {shown} now, which is {offset} from the host's time"),
        ),
        Err(error) => (
            None,
            format!("the guest's clock cannot be read now: {error}"),
        ),
    };
    Some(Shown {
        name: subject.name().cloned(),
        clock,
        text,
    })
}

/// Whether the worker of the VM still waits for its agent.
fn has_a_worker(config: &Config, vmid: VmId) -> bool {
    let store = Store::new(&config.paths.state);
    store
        .lock_worker(vmid, Deadline::after(Duration::ZERO))
        .is_err()
}

impl Subject<'_> {
    /// The guest's time, guest minus host, and whose word that is: its agent's, else its RTC's.
    fn clock(&self) -> Result<(Timestamp, Offset, &'static str), KeepError> {
        let host = Course::Constant {
            offset: Offset::ZERO,
        };
        if let Ok(seen) = qga::look(&self.qemu, &host, Deadline::after(LIMIT)) {
            return Ok((seen.shown, seen.offset()?, "the guest's clock"));
        }
        let shown = rtc::read(&self.qemu, &self.zone()?, Deadline::after(LIMIT))?;
        let offset = shown.since(system::now()?.real)?;
        Ok((shown, offset, "no agent answers; the guest's RTC"))
    }
}

//! Stops a guest's vCPUs for a moment, and never leaves them stopped.
//!
//! Whatever happens between `stop` and `cont` (an error, a deadline, this process killed), a forked
//! guardian that holds the same connection continues the VM. It needs no look at where the VM's
//! config is: the connection belongs to one QEMU process, and one whose VM has migrated away is in
//! state `postmigrate`, never `paused`.
use std::fmt;
use std::time::{Duration, Instant};

use super::qmp::{Command, Monitor, QmpError};
use super::status::RunState;
use crate::system::{Deadline, GuardianEnd, GuardianPipe, spawn_guardian};

/// How long `cont` may take once it is due, whatever deadline the work had.
const CONT_LIMIT: Duration = Duration::from_secs(3);

/// What must be left of the time for a VM to be stopped at all.
const LEAST_TIME: Duration = Duration::from_millis(200);

/// How long a guardian waits for QEMU: `stop` returns only after all disk I/O in flight.
const GUARDIAN_PATIENCE: Duration = Duration::from_secs(600);

/// Why the work was not done, or how its end went wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HaltError {
    /// No guardian could be started, so the VM was not stopped.
    NoGuardian(std::io::ErrorKind),
    /// The state could not be noted, so the VM was not stopped.
    NotNoted(String),
    /// QEMU did not do it; the VM runs.
    NotStopped(QmpError),
    /// QEMU has not answered in time. The guardian waits and continues the VM when it does.
    LeftToGuardian(QmpError),
    /// The VM was in another state after `stop`, so nothing was done.
    OtherState(String),
    /// The VM was not continued, and nobody is left who would.
    NotContinued(String),
}

impl fmt::Display for HaltError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HaltError::NoGuardian(kind) => {
                write!(
                    f,
                    "no guardian process could be started ({kind}), so the VM was not stopped"
                )
            }
            HaltError::NotNoted(why) => write!(f, "{why}, so the VM was not stopped"),
            HaltError::NotStopped(error) => write!(f, "the VM was not stopped: {error}"),
            HaltError::LeftToGuardian(error) => write!(
                f,
                "QEMU did not finish in time ({error}); a guardian process continues the VM as soon as \
                 QEMU answers"
            ),
            HaltError::OtherState(state) => {
                write!(
                    f,
                    "QEMU's state after stop was {state}, so nothing was done"
                )
            }
            HaltError::NotContinued(why) => {
                write!(
                    f,
                    "THE VM MAY STILL BE PAUSED: {why}; look at it and run qm resume"
                )
            }
        }
    }
}

impl std::error::Error for HaltError {}

impl HaltError {
    /// Whether the VM may still be paused by us.
    pub(super) fn may_be_paused(&self) -> bool {
        matches!(
            self,
            HaltError::LeftToGuardian(_) | HaltError::NotContinued(_)
        )
    }
}

/// Who keeps account of a VM that is stopped for a moment. The guardian calls it too, in a process of
/// its own.
pub trait Witness {
    /// The VM is going to be stopped: from now on a later run has to look whether it runs.
    ///
    /// # Errors
    /// Why that could not be noted; the VM is then not stopped.
    fn stopping(&self) -> Result<(), String>;

    /// The VM runs again: no later run may continue it.
    fn running(&self);

    /// Whether this process ends soon after its work with the VM.
    fn ends_soon(&self) -> bool {
        true
    }

    /// Something that an administrator should know, from a guardian that nobody waits for.
    fn report(&self, text: &str);
}

/// What became of a VM that was to stand for a moment.
pub(super) enum Stood {
    /// It runs again after this long at most.
    For(Duration),
    /// It is in this state through somebody else, who is then also the one to continue it.
    TakenOver(RunState),
}

/// Runs `work` while the vCPUs stand, and says how that ended.
///
/// # Errors
/// [`HaltError`]; the result of `work` is lost where the VM could not be continued.
pub(super) fn halted<T>(
    monitor: &mut Monitor,
    deadline: Deadline,
    witness: &impl Witness,
    work: impl FnOnce(&mut Monitor) -> T,
) -> Result<(T, Stood), HaltError> {
    if deadline.left() < LEAST_TIME {
        return Err(HaltError::NotStopped(QmpError::TimedOut));
    }
    witness.stopping().map_err(HaltError::NotNoted)?;
    let guardian = stand_by(monitor, |monitor, end| guard(monitor, end, witness))?;
    monitor.watch_for_stop();
    let begun = Instant::now();
    if let Err(error) = monitor.call(&Command::plain("stop"), deadline) {
        return Err(match error {
            QmpError::Refused { .. } => {
                guardian.dismiss();
                HaltError::NotStopped(error)
            }
            _ => unheard(guardian, witness, error),
        });
    }
    match monitor.run_state(deadline) {
        Ok(RunState::Paused) => {}
        Ok(other) => {
            guardian.dismiss();
            return Err(HaltError::OtherState(other.as_str().to_owned()));
        }
        Err(error) => return Err(unheard(guardian, witness, error)),
    }
    let result = work(monitor);
    if !monitor.stop_seen() {
        // Whoever paused it continues it; for later runs that is as if it ran.
        witness.running();
        guardian.dismiss();
        return Ok((result, Stood::TakenOver(RunState::Paused)));
    }
    let deadline = Deadline::after(CONT_LIMIT);
    let mut resumed = resume(monitor, deadline);
    if let Err(Resume::Unheard(QmpError::NotQmp | QmpError::OutOfOrder)) = resumed {
        // What the work stumbled over may still be coming in: pass it over.
        monitor.take_over();
        resumed = resume(monitor, deadline);
    }
    match resumed {
        Ok(_) => {
            let paused = begun.elapsed();
            witness.running();
            guardian.dismiss();
            Ok((result, Stood::For(paused)))
        }
        // Moved to another node meanwhile, most likely: continued here it would run twice.
        Err(Resume::OtherState(state)) => {
            witness.running();
            guardian.dismiss();
            Ok((result, Stood::TakenOver(state)))
        }
        Err(Resume::Said(why)) => {
            guardian.dismiss();
            Err(HaltError::NotContinued(why))
        }
        Err(Resume::Unheard(error)) => Err(unheard(guardian, witness, error)),
    }
}

/// Leaves the VM to the guardian, which acts once this process has ended and so has written down
/// what it knows, or at once where that is not soon. A connection that ended, or is flooded, is of no use to
/// a guardian either.
fn unheard(guardian: GuardianPipe, witness: &impl Witness, error: QmpError) -> HaltError {
    match witness.ends_soon() {
        true => std::mem::forget(guardian),
        false => drop(guardian),
    }
    match error {
        QmpError::Closed | QmpError::TooLong => HaltError::NotContinued(error.to_string()),
        other => HaltError::LeftToGuardian(other),
    }
}

/// Runs `work`, which writes, on a VM whose vCPUs stand already. QEMU drops the commands that it has
/// not run when their connection ends, which would leave an RTC half written: should this process
/// end in between, a guardian keeps the connection until all of them were run. It continues nothing.
///
/// # Errors
/// [`HaltError::NoGuardian`].
pub(super) fn undisturbed<T>(
    monitor: &mut Monitor,
    work: impl FnOnce(&mut Monitor) -> T,
) -> Result<T, HaltError> {
    let guardian = stand_by(monitor, drain)?;
    let result = work(monitor);
    // Commands whose answers were not awaited are the guardian's to wait for.
    if monitor.run_state(Deadline::after(LEAST_TIME)).is_ok() {
        guardian.dismiss();
    }
    Ok(result)
}

fn stand_by(
    monitor: &mut Monitor,
    act: impl FnOnce(&mut Monitor, GuardianEnd),
) -> Result<GuardianPipe, HaltError> {
    let failed = |errno| HaltError::NoGuardian(std::io::Error::from(errno).kind());
    let connection = monitor.raw_fd();
    let guardian = spawn_guardian(connection, |end| act(monitor, end)).map_err(failed)?;
    guardian.arm().map_err(failed)?;
    Ok(guardian)
}

/// Why a VM does not run after `cont`.
pub(super) enum Resume {
    /// It was not paused any more but in this state, and so not continued.
    OtherState(RunState),
    /// QEMU said so.
    Said(String),
    /// QEMU did not say.
    Unheard(QmpError),
}

/// Why a VM runs.
pub(super) enum Resumed {
    /// It was not paused (any more).
    RanAlready,
    /// It was paused and has been continued.
    Continued,
}

/// Continues a VM, alone and only out of the state `paused`, and makes sure that it runs.
pub(super) fn resume(monitor: &mut Monitor, deadline: Deadline) -> Result<Resumed, Resume> {
    match monitor.run_state(deadline).map_err(Resume::Unheard)? {
        RunState::Paused => {}
        RunState::Running => return Ok(Resumed::RanAlready),
        other => return Err(Resume::OtherState(other)),
    }
    match monitor.call(&Command::plain("cont"), deadline) {
        Ok(_) => {}
        Err(error @ QmpError::Refused { .. }) => return Err(Resume::Said(error.to_string())),
        Err(error) => return Err(Resume::Unheard(error)),
    }
    match monitor.run_state(deadline).map_err(Resume::Unheard)? {
        RunState::Running => Ok(Resumed::Continued),
        other => Err(Resume::Said(format!(
            "its state after cont is {}",
            other.as_str()
        ))),
    }
}

/// What the guardian does when its parent is gone.
fn guard(monitor: &mut Monitor, end: GuardianEnd, witness: &impl Witness) {
    if end != GuardianEnd::Armed {
        return;
    }
    monitor.take_over();
    let deadline = Deadline::after(GUARDIAN_PATIENCE);
    match resume(monitor, deadline) {
        Ok(Resumed::RanAlready) => witness.running(),
        Ok(Resumed::Continued) => {
            witness.running();
            witness.report("its guardian has continued the VM, which was paused for its RTC");
        }
        Err(Resume::OtherState(state)) => {
            witness.running();
            witness.report(&format!(
                "QEMU's state became {} while the VM stood for its RTC, so its guardian did not \
                 continue it",
                state.as_str()
            ));
        }
        Err(Resume::Said(why)) => witness.report(&HaltError::NotContinued(why).to_string()),
        Err(Resume::Unheard(error)) => {
            witness.report(&HaltError::NotContinued(error.to_string()).to_string());
        }
    }
}

/// What the guardian of a write does when its parent is gone: waits until QEMU has run what it got.
fn drain(monitor: &mut Monitor, end: GuardianEnd) {
    if end == GuardianEnd::Armed {
        monitor.take_over();
        let _ = monitor.run_state(Deadline::after(GUARDIAN_PATIENCE));
    }
}

//! The second net: a VM that an earlier run stopped and, killed together with its guardian, never
//! continued.
use std::fmt;
use std::path::Path;

use super::halt::{Resume, Resumed, resume};
use super::qemu::Qemu;
use super::qmp::{Monitor, QmpError};
use super::status::RunState;
use crate::system::{Deadline, Generation};

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rescue {
    /// The VM was still paused and has been continued.
    Continued,
    /// It was not paused (any more), or it is another process by now.
    NotNeeded,
}

/// Why the VM could not be continued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RescueError {
    /// The monitor did not do what it should.
    Monitor(QmpError),
    /// QEMU did not continue it.
    NotContinued(String),
}

impl fmt::Display for RescueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RescueError::Monitor(error) => error.fmt(f),
            RescueError::NotContinued(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for RescueError {}

/// Continues the VM that `stopped` (the process an earlier run stopped) still is, if it is still
/// paused, no migration goes on and its config is still on this node (`config`): one that migrated
/// away must never run twice.
///
/// # Errors
/// [`RescueError`].
pub fn rescue(
    qemu: &Qemu,
    stopped: Generation,
    config: &Path,
    deadline: Deadline,
) -> Result<Rescue, RescueError> {
    if qemu.generation != stopped || !config.exists() {
        return Ok(Rescue::NotNeeded);
    }
    let mut monitor =
        Monitor::connect(&qemu.monitor, qemu.generation, deadline).map_err(RescueError::Monitor)?;
    let state = monitor.run_state(deadline).map_err(RescueError::Monitor)?;
    if state != RunState::Paused || monitor.migrating(deadline).map_err(RescueError::Monitor)? {
        return Ok(Rescue::NotNeeded);
    }
    match resume(&mut monitor, deadline) {
        Ok(Resumed::Continued) => Ok(Rescue::Continued),
        Ok(Resumed::RanAlready) | Err(Resume::OtherState(_)) => Ok(Rescue::NotNeeded),
        Err(Resume::Said(why)) => Err(RescueError::NotContinued(why)),
        Err(Resume::Unheard(error)) => Err(RescueError::Monitor(error)),
    }
}

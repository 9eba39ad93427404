//! The only place that starts a process.
//!
//! Belongs here: programs by absolute path with exact arguments, no shell, a cleared environment,
//! standard streams on /dev/null, and never a wait without an end. Only the editor, which root chooses
//! and uses, has his terminal and environment.
#![forbid(unsafe_code)]

mod editor;

use std::fmt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::model::VmId;
use crate::system::Deadline;

pub use editor::{Editor, editor};

/// Is there as long as systemd runs the system (`sd_booted(3)`).
const SYSTEMD: &str = "/run/systemd/system";

/// How long a program that only hands something on may take. What takes longer is not waited for.
const HAND_ON_LIMIT: Duration = Duration::from_millis(500);

/// Why a program did not do what it was started for.
#[derive(Debug)]
pub enum ExecError {
    /// It was not started.
    NotStarted {
        /// The program.
        program: &'static str,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It ended with an error.
    Failed {
        /// The program.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecError::NotStarted { program, error } => write!(f, "{program}: {error}"),
            ExecError::Failed { program, status } => write!(f, "{program} ended with {status}"),
        }
    }
}

impl std::error::Error for ExecError {}

/// Starts what sets and keeps the clock of a running guest, and does not wait for it: as a service
/// where systemd runs, else in a session of its own. One that runs already for this VM is ended.
///
/// # Errors
/// [`ExecError`].
pub fn start_worker(program: &Path, vmid: VmId) -> Result<(), ExecError> {
    if Path::new(SYSTEMD).exists() {
        let unit = format!("time-shift@{vmid}.service");
        hand_on(
            "/usr/bin/systemctl",
            Command::new("/usr/bin/systemctl").args(["restart", "--no-block", &unit]),
        )
    } else {
        hand_on(
            "/usr/bin/setsid",
            Command::new("/usr/bin/setsid")
                .arg("--fork")
                .arg(program)
                .args(["worker", &vmid.to_string()]),
        )
    }
}

fn hand_on(program: &'static str, command: &mut Command) -> Result<(), ExecError> {
    let not_started = |error| ExecError::NotStarted { program, error };
    let mut child: Child = command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(not_started)?;
    let deadline = Deadline::after(HAND_ON_LIMIT);
    while !deadline.passed() {
        match child.try_wait().map_err(not_started)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(ExecError::Failed { program, status }),
            None => deadline.sleep(Duration::from_millis(1)),
        }
    }
    // It goes on alone; its streams hold up nobody.
    Ok(())
}

//! The only place that starts a process.
//!
//! Belongs here: programs by absolute path with exact arguments, no shell, a cleared environment,
//! standard streams on /dev/null, and never a wait without an end. Only the editor and the pager, which
//! root chooses and uses, have his terminal, and the editor his environment.
#![forbid(unsafe_code)]

mod chosen;
mod editor;
mod pager;
mod run;

use std::fmt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::audit::AuditError;
use crate::model::VmId;
use crate::system::{Deadline, FileError, Program};

pub use run::{Output, look, run};

pub use editor::{Editor, editor};
pub use pager::{Pager, Paging, pager};

/// Is there as long as systemd runs the system (`sd_booted(3)`).
const SYSTEMD: &str = "/run/systemd/system";

/// How long a program that only hands something on may take. What takes longer is not waited for.
const HAND_ON_LIMIT: Duration = Duration::from_millis(500);

/// Why a program did not do what it was started for.
#[derive(Debug)]
pub enum ExecError {
    /// It is not there, or somebody else than root could have put it there.
    Refused(FileError),
    /// It is a program that no command may be.
    Denied {
        /// The program, as the command names it.
        program: String,
        /// Why not.
        why: String,
    },
    /// That it is going to be run could not be written down, so it was not.
    NotOnRecord(AuditError),
    /// It was run, and what came of it could not be written down.
    OutcomeNotOnRecord {
        /// What came of it, for people.
        outcome: String,
        /// Why it could not be written down.
        error: AuditError,
    },
    /// It was not started.
    NotStarted {
        /// The program.
        program: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It was started, and what came of it is not known.
    Lost {
        /// The program.
        program: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// It ended with an error.
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
}

impl fmt::Display for ExecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExecError::Refused(error) => error.fmt(f),
            ExecError::Denied { program, why } => write!(f, "{program}: {why}"),
            ExecError::NotOnRecord(error) => {
                write!(
                    f,
                    "the audit trail cannot be written, so it is not run: {error}"
                )
            }
            ExecError::OutcomeNotOnRecord { outcome, error } => write!(
                f,
                "it was run and {outcome}, but that is not in the audit trail, which cannot be written any \
                 more: {error}"
            ),
            ExecError::NotStarted { program, error } => write!(f, "{program}: {error}"),
            ExecError::Lost { program, error } => write!(
                f,
                "{program} was started, and what came of it is not known: {error}"
            ),
            ExecError::Failed { program, status } => write!(f, "{program} ended with {status}"),
        }
    }
}

impl std::error::Error for ExecError {}

/// Starts what sets and keeps the clock of a running guest, and does not wait for it: as a service
/// where systemd runs, else in a session of its own. One that runs already for this VM is ended.
///
/// This is no command of the allowlist: a shift that is in force has to be looked after whatever has
/// become of that file, and the worker asks it again before it does anything.
///
/// # Errors
/// [`ExecError`].
pub fn start_worker(program: &Path, vmid: VmId) -> Result<(), ExecError> {
    if Path::new(SYSTEMD).exists() {
        let unit = format!("time-shift@{vmid}.service");
        let systemctl = open("/usr/bin/systemctl".as_ref())?;
        hand_on(
            &systemctl,
            prepared(&systemctl).args(["restart", "--no-block", &unit]),
        )
    } else {
        let setsid = open("/usr/bin/setsid".as_ref())?;
        hand_on(
            &setsid,
            prepared(&setsid)
                .arg("--fork")
                .arg(program)
                .args(["worker", &vmid.to_string()]),
        )
    }
}

fn open(path: &Path) -> Result<Program, ExecError> {
    Program::open(path).map_err(ExecError::Refused)
}

/// What every program gets, and all it gets: what was opened, run by its descriptor; no environment
/// but a fixed one; nothing to read.
fn prepared(program: &Program) -> Command {
    let mut command = Command::new(program.opened());
    fixed_environment(&mut command);
    command
        .arg0(program.path())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

/// Nothing of the caller's environment.
fn fixed_environment(command: &mut Command) {
    command
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("LANG", "C")
        .env("LC_ALL", "C");
}

fn hand_on(program: &Program, command: &mut Command) -> Result<(), ExecError> {
    let program = || program.path().display().to_string();
    let not_started = |error| ExecError::NotStarted {
        program: program(),
        error,
    };
    let mut child: Child = command.spawn().map_err(not_started)?;
    let deadline = Deadline::after(HAND_ON_LIMIT);
    while !deadline.passed() {
        match child.try_wait().map_err(not_started)? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => {
                return Err(ExecError::Failed {
                    program: program(),
                    status,
                });
            }
            None => deadline.sleep(Duration::from_millis(1)),
        }
    }
    // It goes on alone; its streams hold up nobody.
    Ok(())
}

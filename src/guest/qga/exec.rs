//! A program in the guest: started, waited for, its output cut and sanitised.
use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;

use super::answer::typed;
use super::base64::decode;
use super::{Agent, AgentError, Broken};
use crate::audit::IntentLogged;
use crate::guest::Qemu;
use crate::model::{Invocation, Printable};
use crate::policy::Authorized;
use crate::system::Deadline;

const EXEC: &str = "guest-exec";
const STATUS: &str = "guest-exec-status";

/// How often it is asked whether the program has ended. The socket is free in between.
const PAUSE: Duration = Duration::from_millis(200);

/// All the environment that a program gets, whatever the agent's own is.
const ENVIRONMENT: [&str; 2] = [
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C",
];

/// How a program is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExecState {
    /// It has not ended.
    Running,
    /// It has.
    Ended(ExecOutcome),
}

/// How a program ended.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ExecOutcome {
    /// Its exit code, unless a signal ended it.
    pub exit_code: Option<i64>,
    /// The signal (on Windows: the exception) that ended it.
    pub signal: Option<i64>,
    /// Standard output.
    pub out: Printable,
    /// Standard error.
    pub err: Printable,
    /// Whether more was written than is here.
    pub truncated: bool,
}

/// Why a program was not run to its end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RunError {
    /// The intent that was written down is about another VM.
    OtherIntent,
    /// It was not started, as far as is known.
    NotStarted(AgentError),
    /// It was started, and how it ended is not known.
    Lost(AgentError),
    /// It was started and did not end in time. The agent cannot end it.
    StillRuns,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunError::OtherIntent => {
                f.write_str("not run: the intent that was written down is about another VM")
            }
            RunError::NotStarted(error) => write!(f, "not run: {error}"),
            RunError::Lost(error) => {
                write!(f, "started, but how it ended is not known: {error}")
            }
            RunError::StillRuns => f.write_str(
                "started, but it has not ended in its time and still runs in the guest; look there",
            ),
        }
    }
}

impl std::error::Error for RunError {}

#[derive(Deserialize)]
struct Started {
    pid: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Status {
    exited: bool,
    #[serde(rename = "exitcode")]
    exit_code: Option<i64>,
    signal: Option<i64>,
    out_data: Option<String>,
    err_data: Option<String>,
    #[serde(default)]
    out_truncated: bool,
    #[serde(default)]
    err_truncated: bool,
}

/// Runs a program in the guest to its end, at most for its own time limit and until `until`, and
/// connects for each question anew.
///
/// # Errors
/// [`RunError`].
pub fn run(
    qemu: &Qemu,
    authorized: &Authorized<Invocation>,
    intent: &IntentLogged,
    connect_limit: Duration,
    until: Option<Deadline>,
) -> Result<ExecOutcome, RunError> {
    let vmid = authorized.grant().vmid();
    if intent.vmid() != vmid || qemu.vmid != vmid {
        return Err(RunError::OtherIntent);
    }
    let within = |limit| {
        let deadline = Deadline::after(limit);
        until.map_or(deadline, |until| deadline.min(until))
    };
    let connect = || Agent::connect(&qemu.agent, qemu.generation, within(connect_limit));
    let invocation = authorized.plan();
    let pid = connect()
        .and_then(|mut agent| agent.exec(invocation, Deadline::after(super::HOLD)))
        .map_err(|error| match error {
            AgentError::Stalled { .. } => RunError::Lost(error),
            error => RunError::NotStarted(error),
        })?;
    let deadline = within(invocation.timeout);
    loop {
        let state = connect().and_then(|mut agent| {
            agent.exec_state(pid, invocation.output_limit, Deadline::after(super::HOLD))
        });
        match state {
            Ok(ExecState::Ended(outcome)) => return Ok(outcome),
            Ok(ExecState::Running) if deadline.passed() => return Err(RunError::StillRuns),
            Err(error) if deadline.passed() || !error.may_pass() => {
                return Err(RunError::Lost(error));
            }
            Ok(ExecState::Running) | Err(_) => deadline.sleep(PAUSE),
        }
    }
}

impl Agent {
    fn exec(&mut self, invocation: &Invocation, deadline: Deadline) -> Result<i64, AgentError> {
        let mut arguments = json!({
            "path": invocation.path,
            "arg": invocation.args,
            "capture-output": true,
        });
        // Programs of Windows need much of theirs (SystemRoot), and its values differ by guest.
        if let (true, Some(arguments)) =
            (invocation.path.starts_with('/'), arguments.as_object_mut())
        {
            arguments.insert("env".to_owned(), json!(ENVIRONMENT));
        }
        let started: Started = typed(EXEC, self.call(EXEC, &arguments, deadline)?)?;
        Ok(started.pid)
    }

    fn exec_state(
        &mut self,
        pid: i64,
        limit: usize,
        deadline: Deadline,
    ) -> Result<ExecState, AgentError> {
        let status: Status = typed(STATUS, self.call(STATUS, &json!({"pid": pid}), deadline)?)?;
        if !status.exited {
            return Ok(ExecState::Running);
        }
        let mut truncated = status.out_truncated || status.err_truncated;
        let mut text = |data: Option<String>| -> Result<Printable, AgentError> {
            let bytes = decode(&data.unwrap_or_default())
                .ok_or(Broken::UnexpectedAnswer { command: STATUS })?;
            let kept = bytes.get(..limit).unwrap_or(&bytes);
            truncated |= bytes.len() > kept.len().min(Printable::CAP);
            Ok(Printable::new(kept.trim_ascii_end()))
        };
        let (out, err) = (text(status.out_data)?, text(status.err_data)?);
        Ok(ExecState::Ended(ExecOutcome {
            exit_code: status.exit_code,
            signal: status.signal,
            out,
            err,
            truncated,
        }))
    }
}

//! The guest agent (QGA) on its unix socket: JSON lines, one client at a time, and a guest that may
//! send anything at all.
mod answer;
mod base64;
mod commands;
mod error;
mod exec;
mod look;
mod set;
mod set_error;
mod wire;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

pub use commands::{AgentInfo, OsInfo};
pub use error::{Absence, AgentError, Broken};
pub use exec::{ExecOutcome, ExecState, RunError, run};
pub use look::look;
pub use set::{AgentOrder, AgentReport, set, set_on};
pub use set_error::SetError;

use self::answer::Answer;
use self::wire::{DELIMITER, Wire, WireError};
use crate::system::{self, Deadline, Generation, Stream, StreamError};

/// Longest that one connection is kept. Proxmox VE pings the agent with a limit of 3 s before a
/// backup freezes the guest, and gets nothing while another client holds the socket.
pub const HOLD: Duration = Duration::from_secs(2);

/// How long QEMU may take to pass on what was sent. Where it does not, nothing in the guest listens.
const PASS_ON: Duration = Duration::from_millis(500);

/// How often it is looked at whether the socket is ours yet. At first QEMU takes a moment to accept.
const SLICE: Duration = Duration::from_millis(50);

/// Asks whether the file systems are frozen; an agent answers that while they are.
const FSFREEZE_STATUS: &str = "guest-fsfreeze-status";

/// A session with an agent, in step with it: what comes next is the answer to what is asked next.
#[derive(Debug)]
pub struct Agent {
    wire: Wire,
    /// The socket's file name, by which the system shows who waits for it.
    name: String,
    /// Until when the connection may be kept.
    hold: Deadline,
    /// Whether QEMU has surely accepted the connection.
    accepted: bool,
    /// Whether nothing can come that belongs to an earlier request.
    in_step: bool,
}

impl Agent {
    /// Connects to the agent's socket of exactly this QEMU process and gets in step with the agent.
    /// While another client holds the socket it is waited for, until `deadline`; once it is ours,
    /// the agent has [`HOLD`] for everything, and should be dropped as soon as possible.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn connect(
        path: &Path,
        generation: Generation,
        deadline: Deadline,
    ) -> Result<Agent, AgentError> {
        let stream = Stream::connect(path, deadline).map_err(|error| match error {
            StreamError::TimedOut => AgentError::Busy,
            other => AgentError::Broken(other.into()),
        })?;
        let pid = stream.peer_pid().map_err(Broken::from)?;
        if pid != generation.pid {
            return Err(Broken::OtherProcess { pid }.into());
        }
        let name = path.file_name().unwrap_or_default();
        let mut agent = Agent {
            wire: Wire::new(stream),
            name: name.to_string_lossy().into_owned(),
            hold: Deadline::after(HOLD),
            accepted: false,
            in_step: false,
        };
        agent.get_in_step(deadline)?;
        Ok(agent)
    }

    /// Sends a `guest-sync-delimited` and passes over everything up to its answer.
    fn get_in_step(&mut self, deadline: Deadline) -> Result<(), AgentError> {
        let id = new_id();
        let mut request = vec![DELIMITER];
        request.extend_from_slice(
            format!("{{\"execute\":\"guest-sync-delimited\",\"arguments\":{{\"id\":{id}}}}}\n")
                .as_bytes(),
        );
        match self.wire.ask_delimited(&request, deadline.min(self.hold)) {
            Ok(()) => {}
            Err(WireError::TimedOut) => return Err(AgentError::Busy),
            Err(WireError::Broken(broken)) => return Err(broken.into()),
        }
        loop {
            let slice = Deadline::after(SLICE).min(deadline).min(self.hold);
            match self.wire.delimited(slice) {
                Ok(line) if Answer::parse(&line) == Some(Answer::Return(Value::from(id))) => {
                    self.accepted = true;
                    self.in_step = true;
                    return Ok(());
                }
                // The answer to somebody's sync of before, or rubbish.
                Ok(_) => {}
                Err(WireError::TimedOut) => self.still_wait(deadline)?,
                Err(WireError::Broken(broken)) => return Err(broken.into()),
            }
        }
    }

    /// Says no once there is nothing to wait for any more.
    fn still_wait(&mut self, deadline: Deadline) -> Result<(), AgentError> {
        let unread = self.wire.stream().has_unread();
        self.accepted |= !unread || !system::somebody_queues(&self.name);
        if !self.accepted {
            // Another client has it, and the agent has not been asked yet.
            self.hold = Deadline::after(HOLD);
            return match deadline.passed() {
                true => Err(AgentError::Busy),
                false => Ok(()),
            };
        }
        let held = HOLD.saturating_sub(self.hold.left());
        if deadline.passed() || self.hold.passed() || (unread && held >= PASS_ON) {
            let absence = match unread {
                true => Absence::PortClosed,
                false => Absence::Silent,
            };
            return Err(AgentError::Absent(absence));
        }
        Ok(())
    }

    /// Gets in step again after a deadline passed in the middle, or after something came unasked.
    fn ready(&mut self, deadline: Deadline) -> Result<(), AgentError> {
        if self.in_step && !self.wire.has_leftovers() {
            return Ok(());
        }
        self.in_step = false;
        self.get_in_step(deadline)
    }

    /// Runs one command that has no arguments.
    fn plain(&mut self, command: &'static str, deadline: Deadline) -> Result<Value, AgentError> {
        self.ready(deadline)?;
        self.exchange(
            command,
            &format!("{{\"execute\":\"{command}\"}}\n"),
            deadline,
        )
    }

    /// Runs one command.
    fn call(
        &mut self,
        command: &'static str,
        arguments: &Value,
        deadline: Deadline,
    ) -> Result<Value, AgentError> {
        self.ready(deadline)?;
        let request = serde_json::json!({"execute": command, "arguments": arguments});
        self.exchange(command, &format!("{request}\n"), deadline)
    }

    /// Sends a request and takes its answer. Call [`Agent::ready`] first.
    fn exchange(
        &mut self,
        command: &'static str,
        request: &str,
        deadline: Deadline,
    ) -> Result<Value, AgentError> {
        let until = deadline.min(self.hold);
        self.in_step = false;
        let line = self
            .wire
            .ask(request.as_bytes(), until)
            .and_then(|()| self.wire.line(until))
            .map_err(|error| match error {
                WireError::TimedOut => AgentError::Stalled { command },
                WireError::Broken(broken) => AgentError::Broken(broken),
            })?;
        let answer = Answer::parse(&line).ok_or(Broken::NotAnAgent)?;
        self.in_step = true;
        match answer {
            Answer::Return(value) => Ok(value),
            Answer::Error { class, text } => {
                let frozen = is_disabled(&class, text.as_str())
                    && command != FSFREEZE_STATUS
                    && (text.as_str().contains("frozen") || self.is_frozen(deadline) == Ok(true));
                Err(match frozen {
                    true => AgentError::Frozen,
                    false => AgentError::Refused {
                        command,
                        class,
                        text,
                    },
                })
            }
        }
    }

    /// Whether the connection may be kept for another round of questions.
    fn has_time(&self) -> bool {
        self.hold.left().saturating_mul(2) >= HOLD
    }

    /// Whether a backup or snapshot has frozen the guest's file systems.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn is_frozen(&mut self, deadline: Deadline) -> Result<bool, AgentError> {
        let status: String =
            answer::typed(FSFREEZE_STATUS, self.plain(FSFREEZE_STATUS, deadline)?)?;
        match status.as_str() {
            "frozen" => Ok(true),
            "thawed" => Ok(false),
            _ => Err(Broken::UnexpectedAnswer {
                command: FSFREEZE_STATUS,
            }
            .into()),
        }
    }
}

/// How an agent says that a command is disabled, whether by its administrator or while file systems
/// are frozen: since QEMU 6.0 with the reason, before without (`qapi/qmp-dispatch.c`).
fn is_disabled(class: &crate::model::Printable, text: &str) -> bool {
    let classes = ["CommandNotFound", "GenericError"];
    classes.contains(&class.as_str()) && (text.contains("disabled") || text.contains("frozen"))
}

/// A number that no earlier client's sync can have had: 48 random bits, which any JSON reader holds.
fn new_id() -> i64 {
    let bits = u128::from_be_bytes(system::random_bytes()) & 0xffff_ffff_ffff;
    i64::try_from(bits).unwrap_or(1)
}

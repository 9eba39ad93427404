//! QEMU's machine protocol (QMP) on its unix socket: JSON lines, one client at a time.
mod error;
mod lines;
mod message;

use std::os::fd::RawFd;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

pub use error::QmpError;

use self::lines::Lines;
use self::message::Message;
use super::status::RunState;
use crate::system::{Deadline, Generation, Stream};

/// A session with a monitor, past the greeting and ready for commands.
#[derive(Debug)]
pub struct Monitor {
    lines: Lines,
    next_id: u64,
    stop_seen: bool,
    tolerant: bool,
    reset_first: bool,
}

/// A command, without its id.
#[derive(Clone, Debug)]
pub(super) struct Command(String);

impl Command {
    /// A command without arguments.
    pub(super) fn plain(name: &'static str) -> Command {
        Command(format!("{{\"execute\":\"{name}\""))
    }

    /// A line for the human monitor. `line` is made by this program and holds nothing to escape.
    pub(super) fn human(line: &str) -> Command {
        Command(format!(
            "{{\"execute\":\"human-monitor-command\",\"arguments\":{{\"command-line\":\"{line}\"}}"
        ))
    }

    /// Asks for a property of the machine.
    pub(super) fn machine_property(name: &'static str) -> Command {
        Command(format!(
            "{{\"execute\":\"qom-get\",\"arguments\":{{\"path\":\"/machine\",\"property\":\"{name}\"}}"
        ))
    }
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

#[derive(Deserialize)]
struct MigrationInfo {
    status: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    arch: String,
}

impl Monitor {
    /// Connects to the monitor of exactly this QEMU process and opens a session. Another client
    /// that holds the monitor is waited for until `deadline`.
    ///
    /// # Errors
    /// [`QmpError`].
    pub fn connect(
        path: &Path,
        generation: Generation,
        deadline: Deadline,
    ) -> Result<Monitor, QmpError> {
        let stream = Stream::connect(path, deadline)?;
        let pid = stream.peer_pid()?;
        if pid != generation.pid {
            return Err(QmpError::OtherProcess { pid });
        }
        let mut monitor = Monitor {
            lines: Lines::new(stream),
            next_id: 1,
            stop_seen: false,
            tolerant: false,
            reset_first: false,
        };
        monitor.await_greeting(deadline)?;
        monitor.call(&Command::plain("qmp_capabilities"), deadline)?;
        Ok(monitor)
    }

    fn await_greeting(&mut self, deadline: Deadline) -> Result<(), QmpError> {
        match self.receive(deadline) {
            Ok(Message::Greeting) => Ok(()),
            Ok(_) => Err(QmpError::NoGreeting),
            Err(QmpError::TimedOut) => Err(QmpError::Busy),
            Err(error) => Err(error),
        }
    }

    /// Runs one command.
    pub(super) fn call(
        &mut self,
        command: &Command,
        deadline: Deadline,
    ) -> Result<Value, QmpError> {
        let first = self.send(std::slice::from_ref(command), deadline)?;
        self.answer_to(first, deadline)
    }

    /// Sends commands in one write and returns the id of the first; the others follow by one.
    /// QEMU runs them in order, and drops those it has not run when the connection ends.
    pub(super) fn send(
        &mut self,
        commands: &[Command],
        deadline: Deadline,
    ) -> Result<u64, QmpError> {
        if self.reset_first {
            self.lines.send(b"\xff", deadline)?;
            self.reset_first = false;
        }
        let first = self.next_id;
        let mut text = String::with_capacity(commands.len().saturating_mul(100));
        for command in commands {
            text.push_str(&command.0);
            text.push_str(&format!(",\"id\":{}}}\n", self.next_id));
            self.next_id = self.next_id.saturating_add(1);
        }
        self.lines.send(text.as_bytes(), deadline)?;
        Ok(first)
    }

    /// Waits for the answer to the command `id`. Answers come in the order of the commands.
    pub(super) fn answer_to(&mut self, id: u64, deadline: Deadline) -> Result<Value, QmpError> {
        loop {
            match self.receive(deadline)? {
                Message::Return {
                    id: Some(answered),
                    value,
                } if answered == id => return Ok(value),
                Message::Error {
                    id: Some(answered),
                    class,
                    text,
                } if answered == id => {
                    return Err(QmpError::Refused { class, text });
                }
                Message::Event { name } => self.stop_seen |= name == "STOP",
                // A late answer to a command whose deadline passed.
                Message::Return {
                    id: Some(answered), ..
                }
                | Message::Error {
                    id: Some(answered), ..
                } if answered < id => {}
                // After its parent died in the middle of an exchange, a guardian meets the answers.
                _ if self.tolerant => {}
                _ => return Err(QmpError::OutOfOrder),
            }
        }
    }

    fn receive(&mut self, deadline: Deadline) -> Result<Message, QmpError> {
        loop {
            let line = self.lines.next(deadline)?;
            match Message::parse(line) {
                Some(message) => return Ok(message),
                None if self.tolerant => {}
                None => return Err(QmpError::NotQmp),
            }
        }
    }

    /// From now on answers to other commands, and the rest of a line that somebody else began to
    /// read, are passed over: for a guardian that takes over a session.
    pub(super) fn take_over(&mut self) {
        self.tolerant = true;
        self.lines.lift_session_limit();
        // QEMU's parser drops a command that was cut in the middle when it meets this byte, and
        // answers with an error of its own.
        self.reset_first = true;
        // Ids that the dead parent cannot have used.
        self.next_id = self.next_id.saturating_add(1 << 32);
    }

    /// The connection, for a guardian to keep.
    pub(super) fn raw_fd(&self) -> RawFd {
        self.lines.raw_fd()
    }

    /// Forgets `STOP` events seen so far.
    pub(super) fn watch_for_stop(&mut self) {
        self.stop_seen = false;
    }

    /// Whether the vCPUs were running and have been stopped since [`Monitor::watch_for_stop`].
    pub(super) fn stop_seen(&self) -> bool {
        self.stop_seen
    }

    /// QEMU's run state.
    pub(super) fn run_state(&mut self, deadline: Deadline) -> Result<RunState, QmpError> {
        let status: Status = typed(self.call(&Command::plain("query-status"), deadline)?)?;
        Ok(RunState::parse(&status.status))
    }

    /// Whether a migration (outgoing, or a snapshot with RAM) is going on.
    pub(super) fn migrating(&mut self, deadline: Deadline) -> Result<bool, QmpError> {
        let info: MigrationInfo = typed(self.call(&Command::plain("query-migrate"), deadline)?)?;
        Ok(match info.status.as_deref() {
            None | Some("none" | "completed" | "failed" | "cancelled") => false,
            Some(_) => true,
        })
    }

    /// Whether the guest's processor has I/O ports, by which alone an RTC can be reached.
    pub(super) fn is_x86(&mut self, deadline: Deadline) -> Result<bool, QmpError> {
        let target: Target = typed(self.call(&Command::plain("query-target"), deadline)?)?;
        Ok(matches!(target.arch.as_str(), "x86_64" | "i386"))
    }
}

/// Reads an answer into its type.
pub(super) fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, QmpError> {
    serde_json::from_value(value).map_err(|_| QmpError::UnexpectedAnswer)
}

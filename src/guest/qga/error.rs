//! What can go wrong with a guest agent: four kinds, each with its own remedy.
use std::fmt;

use rustix::io::Errno;

use crate::model::Printable;
use crate::system::StreamError;

/// Why an agent did not do what it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AgentError {
    /// The socket, or what came through it, is not what it should be.
    Broken(Broken),
    /// Another program holds the socket. Worth another try.
    Busy,
    /// Nobody answers: the guest has not booted, or has no agent. Worth another try.
    Absent(Absence),
    /// The agent was there and did not answer this command in time. Worth another try.
    Stalled {
        /// The command, which may have been carried out.
        command: &'static str,
    },
    /// A backup or snapshot has frozen the guest's file systems. Worth another try.
    Frozen,
    /// The agent said no.
    Refused {
        /// The command.
        command: &'static str,
        /// The agent's error class.
        class: Printable,
        /// The agent's words.
        text: Printable,
    },
}

/// How nobody answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Absence {
    /// QEMU did not take what was sent: nothing in the guest has its port open.
    PortClosed,
    /// QEMU took it, and no answer came.
    Silent,
}

/// What is wrong with the way to the agent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broken {
    /// There is no such socket.
    Missing,
    /// Nobody listens on it.
    NobodyListens,
    /// Another process than the VM's QEMU listens on it.
    OtherProcess {
        /// That process.
        pid: i32,
    },
    /// QEMU hung up.
    Closed,
    /// An answer, or all that came in one exchange, went over the limit.
    TooLong,
    /// A line is no answer of an agent.
    NotAnAgent,
    /// An answer that is not of the type it should be.
    UnexpectedAnswer {
        /// The command.
        command: &'static str,
    },
    /// The system call failed.
    Os(Errno),
}

impl AgentError {
    /// Whether it may pass by waiting: the guest boots, a backup ends, another client hangs up.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            AgentError::Busy
                | AgentError::Absent(_)
                | AgentError::Stalled { .. }
                | AgentError::Frozen
        )
    }
}

/// What a stream reports where nothing else is meant by it.
impl From<StreamError> for Broken {
    fn from(error: StreamError) -> Broken {
        match error {
            StreamError::Missing => Broken::Missing,
            StreamError::Refused => Broken::NobodyListens,
            StreamError::Closed => Broken::Closed,
            StreamError::TimedOut => Broken::Os(Errno::TIMEDOUT),
            StreamError::Os(errno) => Broken::Os(errno),
        }
    }
}

impl From<Broken> for AgentError {
    fn from(broken: Broken) -> AgentError {
        AgentError::Broken(broken)
    }
}

impl fmt::Display for AgentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AgentError::Broken(broken) => broken.fmt(f),
            AgentError::Busy => f.write_str(
                "another program holds the agent's socket and did not let go of it in time (a backup, \
                 or qm agent?); try again",
            ),
            AgentError::Absent(Absence::PortClosed) => f.write_str(
                "no guest agent runs: the guest has not booted yet, or qemu-guest-agent is not \
                 installed or not started in it",
            ),
            AgentError::Absent(Absence::Silent) => f.write_str(
                "the guest agent does not answer: the guest hangs, is paused, or the agent is busy or \
                 has ended",
            ),
            AgentError::Stalled { command } => write!(
                f,
                "the guest agent did not answer {command} in time; it may still be carried out"
            ),
            AgentError::Frozen => f.write_str(
                "the guest's file systems are frozen by a backup or snapshot; wait until it ends, or, if \
                 none runs, thaw them with qm guest cmd VMID fsfreeze-thaw",
            ),
            AgentError::Refused {
                command,
                class,
                text,
            } => {
                write!(f, "the guest agent refused {command} ({class}): {text}")
            }
        }
    }
}

impl std::error::Error for AgentError {}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Missing => f.write_str(
                "the agent's socket does not exist: the VM does not run, or its config has no agent: 1 \
                 (set it and start the VM again)",
            ),
            Broken::NobodyListens => {
                f.write_str("nobody listens on the agent's socket; QEMU has ended")
            }
            Broken::OtherProcess { pid } => write!(
                f,
                "process {pid} listens on the agent's socket, which is not this VM's QEMU"
            ),
            Broken::Closed => f.write_str("QEMU hung up the agent's socket; it may have ended"),
            Broken::TooLong => {
                f.write_str("the guest agent sent more than any answer can need; look at the guest")
            }
            Broken::NotAnAgent => f.write_str(
                "what came is no answer of a guest agent; look at what uses the guest's port",
            ),
            Broken::UnexpectedAnswer { command } => write!(
                f,
                "the guest agent's answer to {command} is not of the expected form; look at the guest"
            ),
            Broken::Os(errno) => std::io::Error::from(*errno).fmt(f),
        }
    }
}

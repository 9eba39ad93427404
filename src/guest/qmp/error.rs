//! What can go wrong on a monitor.
use std::fmt;

use rustix::io::Errno;

use crate::model::Printable;
use crate::system::StreamError;

/// Why a monitor did not do what it should.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QmpError {
    /// There is no such socket.
    Missing,
    /// Nobody listens on it.
    NobodyListens,
    /// Another process than the VM's QEMU listens on it.
    OtherProcess {
        /// That process.
        pid: i32,
    },
    /// No greeting: another client holds the monitor, or QEMU hangs.
    Busy,
    /// What came first is no greeting.
    NoGreeting,
    /// No answer in time.
    TimedOut,
    /// QEMU hung up.
    Closed,
    /// A line, or all of them together, went over the limit.
    TooLong,
    /// A line is not QMP.
    NotQmp,
    /// An answer to something that was not asked.
    OutOfOrder,
    /// An answer that is not of the type it should be.
    UnexpectedAnswer,
    /// QEMU refused the command.
    Refused {
        /// QEMU's error class.
        class: Printable,
        /// QEMU's words.
        text: Printable,
    },
    /// The system call failed.
    Os(Errno),
}

impl From<StreamError> for QmpError {
    fn from(error: StreamError) -> QmpError {
        match error {
            StreamError::Missing => QmpError::Missing,
            StreamError::Refused => QmpError::NobodyListens,
            StreamError::TimedOut => QmpError::TimedOut,
            StreamError::Closed => QmpError::Closed,
            StreamError::Os(errno) => QmpError::Os(errno),
        }
    }
}

impl fmt::Display for QmpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QmpError::Missing => f.write_str("the socket does not exist; is the VM running?"),
            QmpError::NobodyListens => f.write_str("nobody listens on the socket; QEMU has ended"),
            QmpError::OtherProcess { pid } => {
                write!(f, "process {pid} listens on the socket, which is not this VM's QEMU")
            }
            QmpError::Busy => f.write_str(
                "no greeting in time; another program holds the monitor (a stuck backup or qm monitor?) \
                 or QEMU hangs",
            ),
            QmpError::NoGreeting => f.write_str("what came first is no QMP greeting"),
            QmpError::TimedOut => f.write_str("no answer in time; QEMU hangs or waits for a disk"),
            QmpError::Closed => f.write_str("QEMU hung up; it may have ended"),
            QmpError::TooLong => f.write_str("more was sent than any answer can need"),
            QmpError::NotQmp => f.write_str("what was sent is not QMP"),
            QmpError::OutOfOrder => f.write_str("an answer came to something that was not asked"),
            QmpError::UnexpectedAnswer => f.write_str("an answer is not of the expected form"),
            QmpError::Refused { class, text } => write!(f, "QEMU refused ({class}): {text}"),
            QmpError::Os(errno) => std::io::Error::from(*errno).fmt(f),
        }
    }
}

impl std::error::Error for QmpError {}

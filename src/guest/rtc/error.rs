//! Why an RTC was not set.
use std::fmt;

use crate::guest::halt::HaltError;
use crate::guest::qmp::QmpError;
use crate::model::{Printable, TimeError};

/// Why the RTC was not set.
#[derive(Clone, PartialEq, Debug)]
pub enum RtcError {
    /// It must not be: this is no moment for it.
    LeftAlone(String),
    /// The machine has no RTC that can be reached.
    NoRtc(String),
    /// The guest has halted its RTC.
    Halted,
    /// The monitor did not do what it should.
    Monitor(QmpError),
    /// Stopping or continuing the VM went wrong.
    Halt(HaltError),
    /// QEMU took a register write for something else.
    WriteRefused(Printable),
    /// The time cannot be calculated or written.
    Time(TimeError),
}

impl fmt::Display for RtcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RtcError::LeftAlone(why) => write!(f, "the RTC was left alone: {why}"),
            RtcError::NoRtc(why) => {
                write!(f, "there is no RTC that can be set from outside: {why}")
            }
            RtcError::Halted => f.write_str("the guest has halted its RTC, so it was left alone"),
            RtcError::Monitor(error) => write!(f, "QEMU's monitor: {error}"),
            RtcError::Halt(error) => error.fmt(f),
            RtcError::WriteRefused(text) => write!(f, "QEMU did not take a register write: {text}"),
            RtcError::Time(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RtcError {}

impl RtcError {
    /// Whether the VM may still be paused by us, so that a later run has to look again.
    #[must_use]
    pub fn may_be_paused(&self) -> bool {
        matches!(self, RtcError::Halt(error) if error.may_be_paused())
    }
}

impl From<QmpError> for RtcError {
    fn from(error: QmpError) -> RtcError {
        RtcError::Monitor(error)
    }
}

impl From<HaltError> for RtcError {
    fn from(error: HaltError) -> RtcError {
        RtcError::Halt(error)
    }
}

impl From<TimeError> for RtcError {
    fn from(error: TimeError) -> RtcError {
        RtcError::Time(error)
    }
}

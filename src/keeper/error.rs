//! Why a clock was not set or not looked at.
use std::fmt;

use crate::audit::AuditError;
use crate::guest::qga::{Absence, AgentError, SetError};
use crate::guest::rtc::RtcError;
use crate::model::{Deny, TimeError};
use crate::state::StateError;

/// Why a clock was not set or not looked at.
#[derive(Clone, PartialEq, Debug)]
pub enum KeepError {
    /// The VM does not run here.
    NotRunning(String),
    /// Policy says no.
    Denied(Deny),
    /// The guest cannot be asked: its agent, its socket.
    Unreachable(String),
    /// Nothing in the guest listens: it boots, or has no agent.
    NoAgent(String),
    /// The clock was set, or was to be, and what is read back is not good enough.
    NotVerified(String),
    /// Somebody else works on this VM's clock.
    Busy(String),
    /// Anything of ours.
    Failed(String),
}

impl fmt::Display for KeepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeepError::Denied(deny) => write!(f, "clock left alone: {deny}"),
            KeepError::NotRunning(why)
            | KeepError::Unreachable(why)
            | KeepError::NoAgent(why)
            | KeepError::NotVerified(why)
            | KeepError::Busy(why)
            | KeepError::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for KeepError {}

impl From<Deny> for KeepError {
    fn from(deny: Deny) -> KeepError {
        KeepError::Denied(deny)
    }
}

impl From<SetError> for KeepError {
    fn from(error: SetError) -> KeepError {
        let text = error.to_string();
        match error {
            SetError::Unheard(AgentError::Absent(Absence::PortClosed)) => KeepError::NoAgent(text),
            SetError::Unheard(_) => KeepError::Unreachable(text),
            SetError::NotReadBack(_) => KeepError::NotVerified(text),
            SetError::LeftAlone(_)
            | SetError::Year(_)
            | SetError::Refused(_)
            | SetError::Time(_) => KeepError::Failed(text),
        }
    }
}

impl From<RtcError> for KeepError {
    fn from(error: RtcError) -> KeepError {
        KeepError::Failed(error.to_string())
    }
}

impl From<StateError> for KeepError {
    fn from(error: StateError) -> KeepError {
        KeepError::Failed(error.to_string())
    }
}

impl From<AuditError> for KeepError {
    fn from(error: AuditError) -> KeepError {
        KeepError::Failed(format!(
            "the audit trail cannot be written, so nothing is changed: {error}"
        ))
    }
}

impl From<TimeError> for KeepError {
    fn from(error: TimeError) -> KeepError {
        KeepError::Failed(error.to_string())
    }
}

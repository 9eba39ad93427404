//! Why a guest's clock was not set, and what to do about it in the guest.
use std::fmt;

use super::AgentError;
use crate::model::{TimeError, Timestamp};

/// The years that an agent of a POSIX guest takes (QEMU, `qga/commands-posix.c`), and an RTC holds.
pub(super) const POSIX_YEARS: std::ops::RangeInclusive<i16> = 1970..=2069;

/// Why the clock was not set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetError {
    /// It must not be.
    LeftAlone(&'static str),
    /// The guest's agent does not take such a year; nothing was sent.
    Year(Timestamp),
    /// The agent could not be asked for its time; nothing was sent.
    Unheard(AgentError),
    /// A request was sent, and what came of it is not known.
    NotReadBack(AgentError),
    /// The agent refused, and reading back shows that nothing has changed.
    Refused(AgentError),
    /// The time cannot be calculated; nothing was sent.
    Time(TimeError),
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SetError::LeftAlone(why) => write!(f, "the clock was left alone: {why}"),
            SetError::Year(time) => write!(
                f,
                "the clock was left alone: guest agents take the years {} to {} only, not {time}",
                POSIX_YEARS.start(),
                POSIX_YEARS.end()
            ),
            SetError::Unheard(error) => write!(f, "the clock was not set: {error}"),
            SetError::NotReadBack(error) => write!(
                f,
                "the clock was perhaps set and could not be read back: {error}; look at the guest's clock"
            ),
            SetError::Refused(error) => {
                write!(f, "the clock was not set: {error}")?;
                f.write_str(remedy(error).unwrap_or_default())
            }
            SetError::Time(error) => write!(f, "the clock was not set: {error}"),
        }
    }
}

impl std::error::Error for SetError {}

impl From<TimeError> for SetError {
    fn from(error: TimeError) -> SetError {
        SetError::Time(error)
    }
}

/// What to do in a guest whose agent does not set the clock, or not without a complaint.
fn remedy(error: &AgentError) -> Option<&'static str> {
    let AgentError::Refused { class, text, .. } = error else {
        return None;
    };
    if class.as_str() == "CommandNotFound" || text.as_str().contains("disabled") {
        return Some(
            "; allow guest-set-time in the guest's agent (block-rpcs or allow-rpcs in qemu-ga.conf, or \
             /etc/sysconfig/qemu-ga) and restart it",
        );
    }
    // The second is how agents before QEMU 9.2 say that they have no hwclock (`qga/commands-posix.c`).
    let missing = ["hwclock", "not currently supported"];
    missing
        .iter()
        .any(|words| text.as_str().contains(words))
        .then_some(
            "; install hwclock in the guest: package util-linux-extra on Debian 13 and later, \
             util-linux elsewhere",
        )
}

/// The agent's words, and what would make it content.
pub(super) fn complaint(error: &AgentError) -> String {
    format!("{error}{}", remedy(error).unwrap_or_default())
}

/// What an error while reading back means once a request was sent.
pub(super) fn sent(error: SetError, was: bool) -> SetError {
    match error {
        SetError::Unheard(error) if was => SetError::NotReadBack(error),
        other => other,
    }
}

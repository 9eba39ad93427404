//! Why a command ends before it has done anything, and with what.
use std::fmt;

use crate::api::{Error, Kind};
use crate::cli::{Exit, Failure, complain};

/// The exit code, and the reason.
#[derive(Debug)]
pub(super) struct Stop(pub(super) Exit, pub(super) String);

impl Stop {
    /// Says why; the exit code comes back.
    pub(super) fn tell(&self) -> Exit {
        complain(self);
        self.0
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.1)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Stop {
        Stop(Exit::Failed, failure.0)
    }
}

impl From<String> for Stop {
    fn from(why: String) -> Stop {
        Stop(Exit::Failed, why)
    }
}

impl From<&str> for Stop {
    fn from(why: &str) -> Stop {
        Stop(Exit::Failed, why.to_owned())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Stop {
        let exit = match error.kind {
            Kind::NotSent | Kind::NoAnswer | Kind::Unknown => Exit::Unreachable,
            Kind::Refused(_) | Kind::NoLogin => Exit::Failed,
        };
        Stop(exit, error.to_string())
    }
}

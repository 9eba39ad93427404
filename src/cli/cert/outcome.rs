//! What came of comparing a server's certificate with its pin, for scripts.
use serde::Serialize;

use super::super::Exit;
use super::exit_of;
use crate::cert::{ReadError, Reading};
use crate::model::{Fingerprint, Peer};

/// As `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Outcome<'a> {
    server: &'a Peer,
    pub(super) state: State,
    /// Of the certificate that it shows.
    sha256: Option<Fingerprint>,
    error: Option<String>,
    #[serde(skip)]
    pub(super) exit: Exit,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// It was pinned just now.
    Pinned,
    /// It shows what was pinned before.
    AsPinned,
    /// It shows another certificate than was asked for.
    Another,
    /// Nobody agreed to pin it.
    NotAgreed,
    /// It has no pin, or one that is of no use.
    NoPin,
    /// Its certificate was not read.
    Unread,
}

impl<'a> Outcome<'a> {
    pub(super) fn of(server: &'a Peer, reading: &Reading, state: State) -> Outcome<'a> {
        Outcome {
            server,
            state,
            sha256: Some(reading.leaf.sha256),
            error: None,
            exit: match state {
                State::Pinned | State::AsPinned => Exit::Done,
                _ => Exit::Failed,
            },
        }
    }

    pub(super) fn unread(server: &'a Peer, error: &ReadError) -> Outcome<'a> {
        Outcome {
            server,
            state: State::Unread,
            sha256: None,
            error: Some(error.to_string()),
            exit: exit_of(error),
        }
    }

    pub(super) fn no_pin(server: &'a Peer, why: String) -> Outcome<'a> {
        Outcome {
            server,
            state: State::NoPin,
            sha256: None,
            error: Some(why),
            exit: Exit::Failed,
        }
    }

    pub(super) fn because(self, why: Option<String>) -> Outcome<'a> {
        Outcome { error: why, ..self }
    }
}

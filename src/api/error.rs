//! Why a request failed, and what that says about whether it was carried out.
use std::fmt;

use crate::model::Printable;

/// What a failure says about the request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// No byte of it was sent.
    NotSent,
    /// It was answered with a refusal of this HTTP status, and not carried out.
    Refused(u16),
    /// It was sent, and no answer came that says what became of it.
    Unknown,
    /// It was sent, changes nothing, and was not answered with anything that can be used.
    NoAnswer,
    /// Nobody is logged in, or the login was refused.
    NoLogin,
}

/// Why a request failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Error {
    /// What that says about it.
    pub kind: Kind,
    /// Who was asked.
    pub host: String,
    /// What happened.
    pub text: Printable,
    /// Whether the same could succeed in a moment.
    pub passing: bool,
}

impl Error {
    pub(super) fn new(kind: Kind, host: &str, text: &str) -> Error {
        Error {
            kind,
            host: host.to_owned(),
            text: Printable::sentence(text),
            passing: false,
        }
    }

    pub(super) fn passing(self) -> Error {
        Error {
            passing: true,
            ..self
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error { host, text, .. } = self;
        match self.kind {
            Kind::NotSent => write!(f, "{host}: not sent: {text}"),
            Kind::Refused(status) => write!(f, "{host}: refused ({status}): {text}"),
            Kind::Unknown => write!(
                f,
                "{host}: no answer that says what became of it: {text}; look before you repeat it"
            ),
            Kind::NoAnswer => write!(f, "{host}: no answer: {text}"),
            Kind::NoLogin => write!(f, "{host}: {text}"),
        }
    }
}

impl std::error::Error for Error {}

//! Why a secret could not be had or kept.
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::kind::KindError;
use super::sealed::Flaw;
use super::secret::SecretError;
use crate::model::{Printable, Timestamp, TokenName};
use crate::system::FileError;

/// Why a secret could not be had or kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Error {
    /// A file or folder of the store.
    File(FileError),
    /// There is no secret of that name.
    Unknown(TokenName),
    /// There is one already.
    Exists(TokenName),
    /// The new secret is the old one.
    Same(TokenName),
    /// Others than root can read a sealed file.
    Readable(PathBuf),
    /// A sealed file does not open.
    Sealed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// Too many attempts failed.
    LockedOut {
        /// Whose attempts.
        whose: Printable,
        /// When the next may be made; `None` where the host's clock stands beyond all years.
        until: Option<Timestamp>,
        /// The same from now.
        left: Duration,
    },
    /// The passphrase is needed and nobody can be asked for it.
    NoPassphrase,
    /// Somebody was asked and gave up.
    GivenUp,
    /// Two that should be the same are not.
    Mistyped,
    /// A new passphrase is too short.
    Weak,
    /// What was given is no secret, or no passphrase.
    NoSecret {
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        why: SecretError,
    },
    /// A secret is not of its kind.
    Kind(KindError),
    /// A plaintext file is left alone.
    NotImported {
        /// The file.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// What was stored does not read back as what it should be. The old file is still there.
    NotProven(PathBuf),
    /// The kernel's keyring cannot be used.
    NoKeyring(String),
    /// The host's clock, random numbers or memory.
    Host(String),
}

impl Error {
    /// Whether somebody tried to open a secret and failed.
    #[must_use]
    pub fn is_wrong_passphrase(&self) -> bool {
        matches!(
            self,
            Error::Sealed {
                flaw: Flaw::Closed,
                ..
            }
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::File(error) => error.fmt(f),
            Error::Unknown(name) => write!(
                f,
                "there is no secret {name}; time-shift token list shows those there are"
            ),
            Error::Exists(name) => write!(
                f,
                "there is a secret {name} already; time-shift token rotate {name} replaces it"
            ),
            Error::Same(name) => write!(f, "this is the secret that {name} is already; nothing was changed"),
            Error::Readable(path) => write!(
                f,
                "{0} can be read by others than root, so the passphrase is all that protected it; look into \
                 that, rotate the secret, and chmod 0600 {0}",
                path.display()
            ),
            Error::Sealed { path, flaw } => write!(f, "{}: {flaw}", path.display()),
            Error::LockedOut { whose, until, left } => {
                write!(f, "{whose}: locked after failed attempts, ")?;
                if let Some(until) = until {
                    write!(f, "until {until}, ")?;
                }
                write!(f, "{} s from now", left.as_secs().saturating_add(1))
            }
            Error::NoPassphrase => f.write_str(
                "the passphrase of the secrets is needed, and there is neither a terminal to ask on, nor a \
                 systemd credential, nor --passphrase-fd",
            ),
            Error::GivenUp => f.write_str("nothing was changed"),
            Error::Mistyped => f.write_str("the two were not the same; nothing was changed"),
            Error::Weak => f.write_str("a passphrase has at least 8 characters"),
            Error::NoSecret { what, why } => write!(f, "{what} cannot be taken: {why}"),
            Error::Kind(error) => error.fmt(f),
            Error::NotImported { path, why } => {
                write!(f, "{} is left as it is: {why}", path.display())
            }
            Error::NotProven(path) => write!(
                f,
                "{}: what was written does not read back as it should, so nothing was replaced; look into \
                 the disk",
                path.display()
            ),
            Error::NoKeyring(why) => write!(f, "the kernel's keyring cannot be used: {why}"),
            Error::Host(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for Error {}

impl From<FileError> for Error {
    fn from(error: FileError) -> Error {
        Error::File(error)
    }
}

impl From<KindError> for Error {
    fn from(error: KindError) -> Error {
        Error::Kind(error)
    }
}

impl From<crate::model::TimeError> for Error {
    fn from(error: crate::model::TimeError) -> Error {
        Error::Host(format!("the host's clock: {error}"))
    }
}

/// No memory, or no random numbers.
pub(super) fn host(error: std::io::Error) -> Error {
    Error::Host(format!(
        "the system gives no memory or no random bytes: {error}"
    ))
}

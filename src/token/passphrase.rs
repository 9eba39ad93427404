//! What opens the sealed secrets: a passphrase, from whoever has it.
use std::path::PathBuf;

use super::error::Error;
use super::secret::Secret;
use crate::system;

/// The name of the systemd credential that holds the passphrase (systemd.exec(5), `LoadCredential=`).
pub const CREDENTIAL: &str = "time-shift-passphrase";

/// Shortest new passphrase, in characters.
const SHORTEST: usize = 8;

/// Largest credential that is read.
const CREDENTIAL_LIMIT: usize = 4096;

/// What a passphrase is needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// To open secrets that were sealed with it.
    Open,
    /// To seal the first secret: it is a new one.
    New,
}

/// Somebody who knows the passphrase, or can ask for it.
pub trait Ask {
    /// The passphrase.
    ///
    /// # Errors
    /// [`Error::NoPassphrase`] where nobody knows it, and what goes wrong with asking.
    fn passphrase(&mut self, purpose: Purpose) -> Result<&Secret, Error>;
}

/// Asks nobody: the passphrase is a systemd credential of this unit, or is not known.
#[derive(Default)]
pub struct Unattended(Option<Secret>);

impl Ask for Unattended {
    fn passphrase(&mut self, _: Purpose) -> Result<&Secret, Error> {
        if self.0.is_none() {
            self.0 = credential()?;
        }
        self.0.as_ref().ok_or(Error::NoPassphrase)
    }
}

/// Where systemd puts this unit's credential, if it has credentials at all.
#[must_use]
pub fn credential_path() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("CREDENTIALS_DIRECTORY")?);
    folder.is_absolute().then(|| folder.join(CREDENTIAL))
}

/// The passphrase from the systemd credential of this unit; `None` where it has none.
///
/// # Errors
/// [`Error`] where it has one that cannot be used.
pub fn credential() -> Result<Option<Secret>, Error> {
    let Some(path) = credential_path() else {
        return Ok(None);
    };
    match system::read_secret(&path, CREDENTIAL_LIMIT) {
        Ok(bytes) => Secret::new(bytes).map(Some).map_err(|why| Error::NoSecret {
            what: "the systemd credential",
            why,
        }),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether a new passphrase is worth anything.
pub(super) fn strong(passphrase: &Secret) -> Result<(), Error> {
    match passphrase.expose().chars().count() >= SHORTEST {
        true => Ok(()),
        false => Err(Error::Weak),
    }
}

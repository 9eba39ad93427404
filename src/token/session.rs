//! Secrets that live for a session only: API tickets, and what `time-shift token unlock` opened.
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::error::{Error, host};
use super::keyring;
use super::secret::{LIMIT, Secret};
use crate::model::BootInstant;
use crate::system::{self, Dir, SecretBytes};

/// Longest session.
pub const SESSION: Duration = Duration::from_secs(60 * 60);

/// How long before it is over a file counts, in its first bytes.
type Until = [u8; 8];

/// The secrets that are in no sealed file (API tickets): in the kernel's keyring, or where there is none in
/// files that only root can read and no reboot outlives.
#[derive(Clone, Debug)]
pub struct Sessions {
    folder: PathBuf,
}

/// Where a secret is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kept {
    /// In the kernel's keyring.
    Keyring,
    /// In a file.
    File,
}

impl Sessions {
    /// Those of this node; `state` is the folder of this boot's state.
    #[must_use]
    pub fn new(state: &Path) -> Sessions {
        Sessions {
            folder: state.join("session"),
        }
    }

    /// Keeps a secret for `lapse`, an hour at most. `name` says whose it is, like `root@pam@pve1:8006`; it
    /// is no secret.
    ///
    /// # Errors
    /// [`Error`] where there is neither a keyring nor a folder for it.
    pub fn keep(&self, name: &str, secret: &Secret, lapse: Duration) -> Result<Kept, Error> {
        let lapse = lapse.min(SESSION);
        let bytes = secret.expose().as_bytes();
        let payload = SecretBytes::copy_of(bytes).map_err(host)?;
        if keyring::available().is_ok() && keyring::put(&key(name), &payload, lapse).is_ok() {
            return Ok(Kept::Keyring);
        }
        let now = system::now()?.boot.as_nanos();
        let lapse = u64::try_from(lapse.as_nanos()).unwrap_or(u64::MAX);
        let until: Until = now.saturating_add(lapse).to_be_bytes();
        let length = until.len().saturating_add(bytes.len());
        let mut content = SecretBytes::zeroed(length).map_err(host)?;
        let parts = until.iter().chain(bytes);
        for (place, byte) in content.as_mut_slice().iter_mut().zip(parts) {
            *place = *byte;
        }
        let folder = Dir::open_or_make(&self.folder, 0o700)?;
        folder.replace(&file(name), content.as_slice(), 0o600)?;
        Ok(Kept::File)
    }

    /// A secret that was kept, while its time has not passed.
    #[must_use]
    pub fn kept(&self, name: &str) -> Option<Secret> {
        if let Ok(Some(payload)) = keyring::get(&key(name)) {
            return Secret::new(payload).ok();
        }
        let path = self.folder.join(file(name));
        let content = system::read_secret(&path, LIMIT.saturating_add(size_of::<Until>())).ok()?;
        let (until, secret) = content.as_slice().split_first_chunk()?;
        let until = BootInstant::from_nanos(u64::from_be_bytes(*until));
        if until <= system::now().ok()?.boot {
            let _ = self.remove(name);
            return None;
        }
        Secret::new(SecretBytes::copy_of(secret).ok()?).ok()
    }

    /// Forgets a secret that was kept, wherever it was.
    ///
    /// # Errors
    /// [`Error`] where it is still there.
    pub fn forget(&self, name: &str) -> Result<(), Error> {
        if keyring::available().is_ok() {
            keyring::remove(&key(name))?;
        }
        self.remove(name)
    }

    /// Ends the session: every secret of this program is forgotten. How many there were comes back.
    ///
    /// # Errors
    /// [`Error`]; [`Error::NoKeyring`] where there is neither a keyring nor a file.
    pub fn lock(&self) -> Result<usize, Error> {
        let mut count = 0_usize;
        if let Ok(folder) = Dir::open(&self.folder) {
            for name in folder.names()? {
                folder.remove(&name)?;
                count = count.saturating_add(1);
            }
        }
        match keyring::clear() {
            Ok(keys) => Ok(count.saturating_add(keys)),
            Err(error) if count == 0 => Err(error),
            Err(_) => Ok(count),
        }
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        match Dir::open(&self.folder) {
            Ok(folder) => Ok(folder.remove(&file(name))?),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Whether secrets can be kept for a session in the kernel's keyring here.
///
/// # Errors
/// [`Error::NoKeyring`], which says why not.
pub fn sessions_here() -> Result<(), Error> {
    keyring::available()
}

/// No sealed secret's name has a colon in it, so none is mistaken for one of these.
fn key(name: &str) -> String {
    let safe = |c: char| match c {
        c if c.is_ascii_graphic() && c != ';' => c,
        _ => '_',
    };
    let name: String = name.chars().take(200).map(safe).collect();
    format!("session:{name}")
}

/// A login may have any characters, and no two share a file.
fn file(name: &str) -> String {
    let digest = Sha256::digest(name.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_session_is_found_until_it_is_forgotten() {
        if let Err(why) = sessions_here() {
            eprintln!("not tested: {why}");
            return;
        }
        let sessions = Sessions::new(Path::new("/nonexistent"));
        let name = format!("test;{}@pam@pve\n", std::process::id());
        let ticket = Secret::copy_of("PVE:test@pam:0123").ok().unwrap();
        assert!(sessions.kept(&name).is_none());
        let kept = sessions.keep(&name, &ticket, Duration::from_secs(30));
        assert_eq!(kept.unwrap(), Kept::Keyring);
        let found = sessions.kept(&name);
        assert!(found.is_some_and(|found| found.same_as(&ticket)));
        sessions.forget(&name).unwrap();
        assert!(sessions.kept(&name).is_none());
    }
}

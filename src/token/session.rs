//! Secrets that live for a session only: API tickets, and what `time-shift token unlock` opened.
use std::time::Duration;

use super::error::Error;
use super::keyring;
use super::secret::Secret;
use crate::system::SecretBytes;

/// Longest session.
pub const SESSION: Duration = Duration::from_secs(60 * 60);

/// Keeps a secret that is in no file (an API ticket) in the kernel's keyring for `lapse`, an hour at most.
/// `name` says whose it is, like `root@pam@pve1:8006`; it is no secret.
///
/// # Errors
/// [`Error::NoKeyring`] where there is none: whoever needs it then gets it anew.
pub fn keep(name: &str, secret: &Secret, lapse: Duration) -> Result<(), Error> {
    let payload = SecretBytes::copy_of(secret.expose().as_bytes()).map_err(super::error::host)?;
    keyring::put(&key(name), &payload, lapse.min(SESSION))
}

/// A secret that was kept, while its time has not passed.
#[must_use]
pub fn kept(name: &str) -> Option<Secret> {
    let payload = keyring::get(&key(name)).ok()??;
    Secret::new(payload).ok()
}

/// Forgets a secret that was kept, for instance a ticket that is refused.
///
/// # Errors
/// [`Error::NoKeyring`] where there is none, and so nothing kept.
pub fn forget(name: &str) -> Result<(), Error> {
    keyring::remove(&key(name))
}

/// Ends the session: the keyring forgets every secret of this program. How many there were comes back.
///
/// # Errors
/// [`Error::NoKeyring`] where there is none, and so nothing kept.
pub fn lock() -> Result<usize, Error> {
    keyring::clear()
}

/// Whether secrets can be kept for a session here.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_for_a_session_is_found_until_it_is_forgotten() {
        if let Err(why) = sessions_here() {
            eprintln!("not tested: {why}");
            return;
        }
        let name = format!("test;{}@pam@pve\n", std::process::id());
        let ticket = Secret::copy_of("PVE:test@pam:0123").ok().unwrap();
        assert!(kept(&name).is_none());
        keep(&name, &ticket, Duration::from_secs(30)).unwrap();
        assert!(kept(&name).is_some_and(|found| found.same_as(&ticket)));
        forget(&name).unwrap();
        assert!(kept(&name).is_none());
    }
}

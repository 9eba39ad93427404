//! From a secret's name to the secret: the kernel's keyring first, then the sealed file.
use std::time::Duration;

use super::error::{Error, host};
use super::keyring;
use super::lockout::Subject;
use super::passphrase::{Ask, Purpose};
use super::sealed::{self, Header, Key};
use super::secret::Secret;
use super::session::SESSION;
use super::store::Store;
use crate::model::{BootInstant, TokenName};
use crate::system::{self, SecretBytes};

/// The secret `name`: from the kernel's keyring while it is unlocked; else from its sealed file, for which
/// `ask` is asked for the passphrase, and then it is unlocked for an hour.
///
/// # Errors
/// [`Error`]. A passphrase that does not open it counts as a failed attempt: [`Error::LockedOut`] after the
/// third.
pub fn fetch(store: &Store, name: &TokenName, ask: &mut dyn Ask) -> Result<Secret, Error> {
    let header = store.header(name)?;
    let secret = match unlocked(name, &header) {
        Some((secret, _)) => secret,
        None => {
            let secret = open(store, name, ask)?;
            // Where there is no keyring the passphrase is asked for each time.
            let _ = keep_open(name, &header, &secret, SESSION);
            secret
        }
    };
    store.touch(name);
    Ok(secret)
}

/// Unlocks a secret for `lapse`, an hour at most.
///
/// # Errors
/// As for [`fetch`], and [`Error::NoKeyring`] where nothing can be kept unlocked.
pub fn unlock(
    store: &Store,
    name: &TokenName,
    lapse: Duration,
    ask: &mut dyn Ask,
) -> Result<(), Error> {
    keyring::available()?;
    let header = store.header(name)?;
    let secret = open(store, name, ask)?;
    keep_open(name, &header, &secret, lapse.min(SESSION))
}

/// Opens the sealed file of a secret, whether it is unlocked or not.
pub(super) fn open(store: &Store, name: &TokenName, ask: &mut dyn Ask) -> Result<Secret, Error> {
    let bytes = store.read(name)?;
    // What is damaged is not a matter of passphrases.
    let sealed = sealed::parse(&bytes).map_err(|flaw| store.flawed(name, flaw))?;
    let subject = Subject::Secret(name);
    store.lockout().check(subject)?;
    let passphrase = ask.passphrase(Purpose::Open)?;
    let attempt = store.lockout().attempt(subject)?;
    let Header { salt, rounds, .. } = sealed.header;
    let opened = Key::derive(passphrase, &salt, rounds)
        .map_err(host)
        .and_then(|key| {
            sealed
                .open(name, &key)
                .map_err(|flaw| store.flawed(name, flaw))
        });
    match &opened {
        Ok(_) => attempt.succeeded()?,
        Err(error) if error.is_wrong_passphrase() => {}
        Err(_) => attempt.withdrawn()?,
    }
    opened
}

/// A secret that is unlocked, and until when. The payload begins with the salt of the file that it came
/// from, so that one that was replaced since then is not mistaken for the new one.
pub(super) fn unlocked(name: &TokenName, header: &Header) -> Option<(Secret, BootInstant)> {
    let payload = keyring::get(name.as_str()).ok()??;
    let rest = payload.as_slice().strip_prefix(&header.salt)?;
    let (until, secret) = rest.split_first_chunk()?;
    let secret = Secret::new(SecretBytes::copy_of(secret).ok()?).ok()?;
    Some((secret, BootInstant::from_nanos(u64::from_be_bytes(*until))))
}

pub(super) fn keep_open(
    name: &TokenName,
    header: &Header,
    secret: &Secret,
    lapse: Duration,
) -> Result<(), Error> {
    let lapse_nanos = u64::try_from(lapse.as_nanos()).unwrap_or(u64::MAX);
    let now = system::now()?.boot.as_nanos();
    let until = now.saturating_add(lapse_nanos).to_be_bytes();
    let parts: [&[u8]; 3] = [&header.salt, &until, secret.expose().as_bytes()];
    let length = parts.iter().map(|part| part.len()).sum();
    let mut payload = SecretBytes::zeroed(length).map_err(host)?;
    let bytes = parts.into_iter().flatten();
    for (byte, value) in payload.as_mut_slice().iter_mut().zip(bytes) {
        *byte = *value;
    }
    keyring::put(name.as_str(), &payload, lapse)
}

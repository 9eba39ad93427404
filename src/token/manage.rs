//! Secrets added, replaced and removed.
use super::error::Error;
use super::fetch::{keep_open, open};
use super::keyring;
use super::kind::Kind;
use super::passphrase::{Ask, Purpose, strong};
use super::secret::Secret;
use super::session::SESSION;
use super::store::{Content, Store};
use crate::model::TokenName;

/// Seals a new secret, and unlocks it for an hour.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub fn add(
    store: &Store,
    name: &TokenName,
    kind: Kind,
    secret: &Secret,
    ask: &mut dyn Ask,
) -> Result<(), Error> {
    kind.check(secret.expose())?;
    must_be_new(store, name)?;
    // Nobody else waits while a person types.
    ask.passphrase(purpose(store)?)?;
    let _alone = store.lock()?;
    must_be_new(store, name)?;
    agree(store, ask)?;
    let content = Content {
        name,
        kind,
        added: None,
        secret,
    };
    seal(store, &content, ask)
}

/// Replaces a secret by another of its kind; the old one comes back. It stays in its file until the new
/// one is proven to be in the next.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub fn rotate(
    store: &Store,
    name: &TokenName,
    secret: &Secret,
    ask: &mut dyn Ask,
) -> Result<Secret, Error> {
    store.header(name)?.kind.check(secret.expose())?;
    ask.passphrase(Purpose::Open)?;
    let _alone = store.lock()?;
    let header = store.header(name)?;
    let old = open(store, name, ask)?;
    if old.same_as(secret) {
        return Err(Error::Same(name.clone()));
    }
    let content = Content {
        name,
        kind: header.kind,
        added: Some(header.added),
        secret,
    };
    seal(store, &content, ask)?;
    Ok(old)
}

/// Removes a secret, from the keyring too.
///
/// # Errors
/// [`Error`].
pub fn remove(store: &Store, name: &TokenName) -> Result<(), Error> {
    let _alone = store.lock()?;
    // One that is damaged goes like any other.
    if !store.names()?.contains(name) {
        return Err(Error::Unknown(name.clone()));
    }
    // Where there is no keyring nothing is in it.
    let _ = keyring::remove(name.as_str());
    store.erase(name)
}

pub(super) fn seal(store: &Store, content: &Content<'_>, ask: &mut dyn Ask) -> Result<(), Error> {
    let header = store.seal(content, ask.passphrase(Purpose::Open)?)?;
    // Without a keyring the passphrase is asked for when the secret is needed.
    let _ = keep_open(content.name, &header, content.secret, SESSION);
    Ok(())
}

pub(super) fn must_be_new(store: &Store, name: &TokenName) -> Result<(), Error> {
    match store.names()?.contains(name) {
        true => Err(Error::Exists(name.clone())),
        false => Ok(()),
    }
}

pub(super) fn purpose(store: &Store) -> Result<Purpose, Error> {
    Ok(match store.names()?.is_empty() {
        true => Purpose::New,
        false => Purpose::Open,
    })
}

/// All secrets have the same passphrase: it has to open one that is there, and the first may be anything
/// that is not too short.
pub(super) fn agree(store: &Store, ask: &mut dyn Ask) -> Result<(), Error> {
    for name in store.names()? {
        match open(store, &name, ask) {
            Ok(_) => return Ok(()),
            // A damaged one says nothing about the passphrase.
            Err(error) if !error.is_wrong_passphrase() && store.header(&name).is_err() => {}
            Err(error) => return Err(error),
        }
    }
    strong(ask.passphrase(Purpose::New)?)
}

//! Tokens in plaintext files (`.pat`), taken over into sealed ones.
//!
//! Killed at any point, the token exists: the file is touched only when the sealed one has been read back
//! from the disk; and the same call again finishes what was begun.
use super::error::Error;
use super::fetch::open;
use super::kind::Kind;
use super::manage::{agree, must_be_new, purpose, seal};
use super::passphrase::Ask;
use super::secret::Secret;
use super::store::{Content, Store};
use crate::model::TokenName;
use crate::system::{Plaintext, SecretBytes};

/// Largest file that is taken over.
const LIMIT: usize = 64 * 1024;

/// What was taken over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// What it is for.
    pub kind: Kind,
    /// Whether others could read the file, so that the token should be revoked.
    pub exposed: bool,
}

/// Seals the one token of a plaintext file, reads it back, and only then destroys the file.
///
/// # Errors
/// [`Error`]; the file is then still there.
pub fn import(
    store: &Store,
    file: Plaintext,
    name: &TokenName,
    ask: &mut dyn Ask,
) -> Result<Imported, Error> {
    let secret = token_in(&file)?;
    let kind = Kind::recognise(secret.expose());
    let exposed = file.others_could_read();
    ask.passphrase(purpose(store)?)?;
    let _alone = store.lock()?;
    // Sealed already, where an earlier call was killed before it removed the file.
    if must_be_new(store, name).is_ok() {
        agree(store, ask)?;
        let content = Content {
            name,
            kind,
            added: None,
            secret: &secret,
        };
        seal(store, &content, ask)?;
    }
    if !open(store, name, ask)?.same_as(&secret) {
        return Err(Error::Exists(name.clone()));
    }
    // Somebody may have put another there meanwhile.
    if !token_in(&file)?.same_as(&secret) {
        return Err(not_taken(
            &file,
            "it was changed meanwhile; call this again",
        ));
    }
    file.destroy()?;
    Ok(Imported { kind, exposed })
}

/// The one token of a file of lines, of which those with `#` at their beginning are comments.
fn token_in(file: &Plaintext) -> Result<Secret, Error> {
    let content = file.content(LIMIT)?;
    let text =
        std::str::from_utf8(content.as_slice()).map_err(|_| not_taken(file, "it is not UTF-8"))?;
    let mut lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let token = lines
        .next()
        .ok_or_else(|| not_taken(file, "there is no token in it"))?;
    if lines.next().is_some() {
        return Err(not_taken(
            file,
            "there is more than one line with a token; take all but one out",
        ));
    }
    let kind = Kind::recognise(token);
    if !matches!(kind, Kind::Github | Kind::ApiToken) || kind.check(token).is_err() {
        return Err(not_taken(
            file,
            "what is in it is no GitHub token and no Proxmox VE API token, or a placeholder",
        ));
    }
    let bytes = SecretBytes::copy_of(token.as_bytes()).map_err(super::error::host)?;
    Secret::new(bytes).map_err(|_| not_taken(file, "what is in it is no token"))
}

fn not_taken(file: &Plaintext, why: &'static str) -> Error {
    Error::NotImported {
        path: file.path().to_owned(),
        why,
    }
}

//! The form of a sealed file.
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `TSSECRET` |
//! | 1 | version of the form, 1 |
//! | 1 | how the key comes from the passphrase: 1 is PBKDF2 with HMAC-SHA256 |
//! | 1 | kind of the secret |
//! | 1 | 0 |
//! | 4 | the rounds of that, big-endian |
//! | 8, 8 | when the secret was added and last changed, seconds since 1970, big-endian |
//! | 16 | salt, random, new in every file |
//! | 12 | nonce, random, new in every file |
//! | ... | the secret in AES-256-GCM with its tag of 16; all before it, and the name, are authenticated |
//! | 32 | SHA-256 of all before it, by which damage is told from a wrong passphrase |
use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit, Tag, aead::AeadInOut};
use sha2::{Digest, Sha256};

use crate::model::TokenName;
use crate::system::SecretBytes;
use crate::token::kind::Kind;
use crate::token::secret::{LIMIT, Secret};

const MAGIC: &[u8; 8] = b"TSSECRET";
const VERSION: u8 = 1;
const PBKDF2_HMAC_SHA256: u8 = 1;
const HEADER: usize = 60;
const TAG: usize = 16;
const DIGEST: usize = 32;

/// Largest file.
pub(in crate::token) const FILE_LIMIT: usize = HEADER + LIMIT + TAG + DIGEST;

/// The rounds for new files (OWASP's recommendation of 2023 for PBKDF2-HMAC-SHA256), and the least that
/// are believed. Unit tests are not optimised and would take a second and a half for each key; that the
/// programs do 600,000 is seen on their files.
pub(in crate::token) const ROUNDS: u32 = if cfg!(test) { 1_000 } else { 600_000 };

/// The most that is believed: some seconds. A file that asks for more would only keep the program busy.
const MOST_ROUNDS: u32 = 10_000_000;

/// What is wrong with a sealed file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// It is shorter or longer than a sealed file can be.
    Length,
    /// It does not begin as one.
    Magic,
    /// A later version's.
    Version(u8),
    /// Its digest is not that of its content.
    Damaged,
    /// Its key comes from its passphrase in a way that is not known.
    Derivation(u8),
    /// Too few or too many rounds.
    Rounds(u32),
    /// A kind that is not known.
    Kind(u8),
    /// It does not open: another passphrase or another name, or somebody changed it.
    Closed,
    /// What is in it is no secret.
    Content,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Length => f.write_str("it has not the length of a sealed secret; put it back from a backup"),
            Flaw::Magic => f.write_str("it is no sealed secret; move it away"),
            Flaw::Version(version) => write!(
                f,
                "it has version {version} of the format, and this program knows version {VERSION}; upgrade"
            ),
            Flaw::Damaged => f.write_str("it is damaged; put it back from a backup"),
            Flaw::Derivation(code) => {
                write!(f, "its key is derived in a way ({code}) that this program does not know; upgrade")
            }
            Flaw::Rounds(count) => write!(
                f,
                "it asks for {count} rounds of PBKDF2, not {ROUNDS} to {MOST_ROUNDS}; put it back from a backup"
            ),
            Flaw::Kind(code) => {
                write!(f, "it has a kind of secret ({code}) that this program does not know; upgrade")
            }
            Flaw::Closed => f.write_str(
                "it does not open: the passphrase is not the one it was sealed with, or the file was renamed or \
                 changed",
            ),
            Flaw::Content => f.write_str("what is sealed in it is no secret; put it back from a backup"),
        }
    }
}

/// What can be known of a sealed secret without its passphrase. It is authenticated only once opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::token) struct Header {
    pub(in crate::token) kind: Kind,
    pub(in crate::token) rounds: u32,
    /// Seconds since 1970.
    pub(in crate::token) added: i64,
    /// Seconds since 1970.
    pub(in crate::token) changed: i64,
    /// Names this very file, since every file has another.
    pub(in crate::token) salt: [u8; 16],
    pub(in crate::token) nonce: [u8; 12],
}

/// A key for one file.
pub(in crate::token) struct Key(SecretBytes);

impl Key {
    /// Derives the key of a file with this salt. Takes a tenth of a second or some.
    pub(in crate::token) fn derive(
        passphrase: &Secret,
        salt: &[u8; 16],
        rounds: u32,
    ) -> std::io::Result<Key> {
        let mut key = SecretBytes::zeroed(32)?;
        let passphrase = passphrase.expose().as_bytes();
        pbkdf2::pbkdf2_hmac::<Sha256>(passphrase, salt, rounds, key.as_mut_slice());
        Ok(Key(key))
    }

    #[cfg(test)]
    pub(in crate::token) fn test() -> Key {
        Key(SecretBytes::copy_of(&[7; 32]).unwrap())
    }

    fn cipher(&self) -> Result<Aes256Gcm, Flaw> {
        Aes256Gcm::new_from_slice(self.0.as_slice()).map_err(|_| Flaw::Closed)
    }
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        let parts: [&[u8]; 7] = [
            MAGIC,
            &[VERSION, PBKDF2_HMAC_SHA256, self.kind.code(), 0],
            &self.rounds.to_be_bytes(),
            &self.added.to_be_bytes(),
            &self.changed.to_be_bytes(),
            &self.salt,
            &self.nonce,
        ];
        let mut bytes = [0; HEADER];
        for (byte, value) in bytes.iter_mut().zip(parts.into_iter().flatten()) {
            *byte = *value;
        }
        bytes
    }

    /// Reads a header whose digest is right.
    fn parse(bytes: &[u8; HEADER]) -> Result<Header, Flaw> {
        let mut rest: &[u8] = bytes;
        if take::<8>(&mut rest)? != *MAGIC {
            return Err(Flaw::Magic);
        }
        let [version, derivation, kind, zero] = take(&mut rest)?;
        if version != VERSION {
            return Err(Flaw::Version(version));
        }
        if derivation != PBKDF2_HMAC_SHA256 || zero != 0 {
            return Err(Flaw::Derivation(derivation));
        }
        let rounds = u32::from_be_bytes(take(&mut rest)?);
        if !(ROUNDS..=MOST_ROUNDS).contains(&rounds) {
            return Err(Flaw::Rounds(rounds));
        }
        Ok(Header {
            kind: Kind::of_code(kind).ok_or(Flaw::Kind(kind))?,
            rounds,
            added: i64::from_be_bytes(take(&mut rest)?),
            changed: i64::from_be_bytes(take(&mut rest)?),
            salt: take(&mut rest)?,
            nonce: take(&mut rest)?,
        })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Flaw> {
    let (first, others) = rest.split_first_chunk::<N>().ok_or(Flaw::Length)?;
    *rest = others;
    Ok(*first)
}

/// A sealed file that is whole.
pub(in crate::token) struct Sealed<'a> {
    pub(in crate::token) header: Header,
    raw: &'a [u8; HEADER],
    ciphertext: &'a [u8],
    tag: &'a [u8; TAG],
}

/// Reads a file's content.
pub(in crate::token) fn parse(bytes: &[u8]) -> Result<Sealed<'_>, Flaw> {
    // The most useful thing first: what a later version makes may have another length.
    let start: &[u8; HEADER] = bytes.first_chunk().ok_or(Flaw::Length)?;
    match start {
        [magic @ .., _, _, _, _] if !magic.starts_with(MAGIC) => return Err(Flaw::Magic),
        [_, _, _, _, _, _, _, _, version, ..] if *version != VERSION => {
            return Err(Flaw::Version(*version));
        }
        _ => {}
    }
    if bytes.len() > FILE_LIMIT {
        return Err(Flaw::Length);
    }
    let (content, digest) = bytes.split_last_chunk::<DIGEST>().ok_or(Flaw::Length)?;
    if Sha256::digest(content).as_slice() != digest {
        return Err(Flaw::Damaged);
    }
    let (raw, sealed) = content.split_first_chunk::<HEADER>().ok_or(Flaw::Length)?;
    let (ciphertext, tag) = sealed.split_last_chunk::<TAG>().ok_or(Flaw::Length)?;
    Ok(Sealed {
        header: Header::parse(raw)?,
        raw,
        ciphertext,
        tag,
    })
}

impl Sealed<'_> {
    /// Opens it.
    pub(in crate::token) fn open(&self, name: &TokenName, key: &Key) -> Result<Secret, Flaw> {
        let mut bytes = SecretBytes::copy_of(self.ciphertext).map_err(|_| Flaw::Content)?;
        let opened = key.cipher()?.decrypt_inout_detached(
            &self.header.nonce.into(),
            &authenticated(self.raw, name),
            bytes.as_mut_slice().into(),
            &Tag::from(*self.tag),
        );
        opened.map_err(|_| Flaw::Closed)?;
        let length = bytes.as_slice().len();
        let secret = Secret::new(bytes).map_err(|_| Flaw::Content)?;
        match secret.expose().len() == length {
            true => Ok(secret),
            false => Err(Flaw::Content),
        }
    }
}

/// Seals a secret. Header and name are readable by everybody and cannot be changed.
pub(in crate::token) fn seal(
    header: &Header,
    name: &TokenName,
    key: &Key,
    secret: &Secret,
) -> Result<Vec<u8>, Flaw> {
    let raw = header.to_bytes();
    let mut bytes = SecretBytes::copy_of(secret.expose().as_bytes()).map_err(|_| Flaw::Content)?;
    let tag = key
        .cipher()?
        .encrypt_inout_detached(
            &header.nonce.into(),
            &authenticated(&raw, name),
            bytes.as_mut_slice().into(),
        )
        .map_err(|_| Flaw::Content)?;
    let mut file = Vec::with_capacity(FILE_LIMIT);
    file.extend_from_slice(&raw);
    file.extend_from_slice(bytes.as_slice());
    file.extend_from_slice(&tag);
    let digest = Sha256::digest(&file);
    file.extend_from_slice(&digest);
    Ok(file)
}

fn authenticated(header: &[u8; HEADER], name: &TokenName) -> Vec<u8> {
    [header, name.as_str().as_bytes()].concat()
}

#[cfg(test)]
mod tests;

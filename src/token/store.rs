//! The sealed files, `/var/lib/time-shift/secrets/NAME`.
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::{Error, host};
use super::kind::Kind;
use super::lockout::Lockout;
use super::sealed::{self, FILE_LIMIT, Flaw, Header, Key, ROUNDS};
use super::secret::Secret;
use crate::model::{BootInstant, Timestamp, TokenName};
use crate::system::{self, Access, Deadline, Dir, Lock};

/// How long somebody who changes secrets waits for somebody else who does.
const PATIENCE: Duration = Duration::from_secs(60);

/// When a secret that is that old should be another.
pub const ROTATE_AFTER: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// The sealed secrets and the counts of failed attempts to open them.
#[derive(Clone, Debug)]
pub struct Store {
    data: PathBuf,
    lockout: Lockout,
}

/// What everybody may know of a secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Info {
    /// Its name.
    pub name: TokenName,
    /// What it is for.
    pub kind: Kind,
    /// When it was added.
    pub added: Timestamp,
    /// When it was last replaced by another.
    pub changed: Timestamp,
    /// When it was last used, as far as known.
    pub used: Option<Timestamp>,
    /// From when on it should be another.
    pub rotate_by: Timestamp,
    /// Until when it is unlocked, in the kernel's keyring.
    pub unlocked: Option<BootInstant>,
}

/// What is to be sealed.
pub(super) struct Content<'a> {
    pub(super) name: &'a TokenName,
    pub(super) kind: Kind,
    /// When it was added; now where it is new.
    pub(super) added: Option<i64>,
    pub(super) secret: &'a Secret,
}

impl Store {
    /// The secrets below `data` (what outlives a reboot), the counts below `state` (what does not).
    /// Both are made when they are needed.
    #[must_use]
    pub fn new(data: &Path, state: &Path) -> Store {
        Store {
            data: data.to_owned(),
            lockout: Lockout::new(state),
        }
    }

    /// The counts of failed attempts.
    #[must_use]
    pub fn lockout(&self) -> &Lockout {
        &self.lockout
    }

    /// The folder of the sealed files.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.data.join("secrets")
    }

    fn open(&self) -> Result<Option<Dir>, Error> {
        match Dir::open(&self.folder()) {
            Ok(folder) => Ok(Some(folder)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn make(&self) -> Result<Dir, Error> {
        Dir::open_or_make(&self.data, 0o700)?;
        Ok(Dir::open_or_make(&self.folder(), 0o700)?)
    }

    /// Lets nobody else change the secrets until the lock is dropped, and clears away what somebody left
    /// who was killed.
    pub(super) fn lock(&self) -> Result<Lock, Error> {
        let folder = self.make()?;
        let lock = folder.lock(".lock", Deadline::after(PATIENCE))?;
        for name in folder.names()? {
            if name.starts_with('.') && name.ends_with(".tmp") {
                folder.remove(&name)?;
            }
        }
        Ok(lock)
    }

    /// The names of all secrets, in order.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn names(&self) -> Result<Vec<TokenName>, Error> {
        let Some(folder) = self.open()? else {
            return Ok(Vec::new());
        };
        let names = folder.names()?;
        let mut names: Vec<TokenName> = names
            .iter()
            .filter_map(|name| TokenName::parse(name).ok())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What everybody may know of a secret.
    ///
    /// # Errors
    /// [`Error`].
    pub fn info(&self, name: &TokenName) -> Result<Info, Error> {
        let header = self.header(name)?;
        let folder = self.open()?;
        let used = folder.and_then(|folder| {
            let file = folder.open_file(&used_name(name), Access::Read);
            file.ok()?.changed()
        });
        let time = |seconds: i64| {
            let nanos = i128::from(seconds).saturating_mul(1_000_000_000);
            Timestamp::from_nanos(nanos).map_err(|_| self.flawed(name, Flaw::Content))
        };
        let days = i64::try_from(ROTATE_AFTER.as_secs()).unwrap_or(i64::MAX);
        Ok(Info {
            name: name.clone(),
            kind: header.kind,
            added: time(header.added)?,
            changed: time(header.changed)?,
            used,
            rotate_by: time(header.changed.saturating_add(days))?,
            unlocked: super::fetch::unlocked(name, &header).map(|(_, until)| until),
        })
    }

    pub(super) fn flawed(&self, name: &TokenName, flaw: Flaw) -> Error {
        let path = self.folder().join(name.as_str());
        Error::Sealed { path, flaw }
    }

    pub(super) fn header(&self, name: &TokenName) -> Result<Header, Error> {
        let bytes = self.read(name)?;
        let sealed = sealed::parse(&bytes).map_err(|flaw| self.flawed(name, flaw))?;
        Ok(sealed.header)
    }

    /// The content of a sealed file, which root alone can read.
    pub(super) fn read(&self, name: &TokenName) -> Result<Vec<u8>, Error> {
        let unknown = || Error::Unknown(name.clone());
        let folder = self.open()?.ok_or_else(unknown)?;
        let file = match folder.open_file(name.as_str(), Access::Read) {
            Ok(file) => file,
            Err(error) if error.is_missing() => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        if file.mode() & 0o077 != 0 {
            return Err(Error::Readable(file.path().to_owned()));
        }
        // One byte more, so that a longer file is noticed.
        let mut bytes = vec![0; FILE_LIMIT.saturating_add(1)];
        let count = file.read_at(&mut bytes, 0)?;
        bytes.truncate(count);
        Ok(bytes)
    }

    /// Seals a secret, in place of what had its name. The file that is there now stays until the new one
    /// has been read back and opened.
    pub(super) fn seal(&self, content: &Content<'_>, passphrase: &Secret) -> Result<Header, Error> {
        let now = system::now()?.real.floor_seconds();
        let mut header = Header {
            kind: content.kind,
            rounds: ROUNDS,
            added: content.added.unwrap_or(now),
            changed: now,
            salt: [0; 16],
            nonce: [0; 12],
        };
        system::fill_secret(&mut header.salt).map_err(host)?;
        system::fill_secret(&mut header.nonce).map_err(host)?;
        let key = Key::derive(passphrase, &header.salt, header.rounds).map_err(host)?;
        let Content { name, secret, .. } = content;
        let bytes =
            sealed::seal(&header, name, &key, secret).map_err(|flaw| self.flawed(name, flaw))?;
        let folder = self.make()?;
        folder.replace_proven(name.as_str(), &bytes, 0o600, |written| {
            let opened = sealed::parse(written).and_then(|sealed| sealed.open(name, &key));
            match opened {
                Ok(opened) if opened.same_as(secret) => Ok(()),
                _ => Err(Error::NotProven(folder.path_of(name.as_str()))),
            }
        })?;
        Ok(header)
    }

    /// Removes a sealed file and what is known of its use.
    pub(super) fn erase(&self, name: &TokenName) -> Result<(), Error> {
        let folder = self.make()?;
        folder.remove(name.as_str())?;
        folder.remove(&used_name(name))?;
        Ok(folder.sync()?)
    }

    /// Notes that a secret was used just now. What cannot be noted keeps nobody from using it.
    pub(super) fn touch(&self, name: &TokenName) {
        if let Ok(Some(folder)) = self.open() {
            let _ = folder.touch(&used_name(name));
        }
    }
}

fn used_name(name: &TokenName) -> String {
    format!(".{name}.used")
}

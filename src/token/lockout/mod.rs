//! How often somebody may try: three failed attempts in a quarter of an hour end it for five minutes.
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{BootInstant, Now, Offset, Printable, TokenName};
use crate::system::{self, Deadline, Dir, FileError, FileErrorKind, Lock};
use crate::token::error::Error;

/// How many attempts may fail.
const ATTEMPTS: usize = 3;
/// How long a failed attempt counts.
const COUNTS: Duration = Duration::from_secs(15 * 60);
/// How long nobody may try after that.
const LOCKED: Duration = Duration::from_secs(5 * 60);
/// How long an attempt waits for those before it, of which each takes a key derivation or a login.
const PATIENCE: Duration = Duration::from_secs(120);
const FILE_LIMIT: usize = 4096;

/// What somebody tries to open.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A sealed secret, with the passphrase.
    Secret(&'a TokenName),
    /// A login at an API, like `root@pam@pve1:8006`.
    Login(&'a str),
}

/// The counts of failed attempts, in the folder of this boot's state.
#[derive(Clone, Debug)]
pub struct Lockout {
    state: PathBuf,
}

/// An attempt that may be made. Nobody else can try the same until it is dropped, and it counts as failed
/// unless it is said to be otherwise: who is killed in the middle has failed.
#[derive(Debug)]
pub struct Attempt {
    folder: Dir,
    file: String,
    before: Record,
    _alone: Lock,
}

/// Attempts of one subject, as the file has them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    subject: Printable,
    /// When an attempt failed that counts still.
    failed: Vec<BootInstant>,
    /// Until when there may be no other.
    until: Option<BootInstant>,
}

impl Subject<'_> {
    fn printable(self) -> Printable {
        match self {
            Subject::Secret(name) => Printable::from(format!("secret {name}")),
            Subject::Login(whom) => Printable::from(format!("login {whom}")),
        }
    }

    /// A login may have any characters, and no two share a file.
    fn file(self) -> String {
        match self {
            Subject::Secret(name) => format!("secret-{name}.json"),
            Subject::Login(whom) => {
                let digest = Sha256::digest(whom.as_bytes());
                let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("login-{hex}.json")
            }
        }
    }
}

impl Lockout {
    /// The counts below `state`, the folder of this boot's state.
    #[must_use]
    pub fn new(state: &Path) -> Lockout {
        Lockout {
            state: state.to_owned(),
        }
    }

    /// Begins an attempt, after all others for the same subject have ended.
    ///
    /// # Errors
    /// [`Error::LockedOut`]; also where the count cannot be kept, since then nobody could be stopped.
    pub fn attempt(&self, subject: Subject<'_>) -> Result<Attempt, Error> {
        let folder = self.folder()?;
        let file = subject.file();
        let alone = folder.lock(&format!(".{file}.lock"), Deadline::after(PATIENCE))?;
        let now = system::now()?;
        let mut before = load(&folder, &file)?.unwrap_or_else(|| Record::new(subject));
        before.forget(now.boot);
        before.may(now)?;
        let mut counted = before.clone();
        counted.count(now.boot);
        save(&folder, &file, &counted)?;
        Ok(Attempt {
            folder,
            file,
            before,
            _alone: alone,
        })
    }

    /// Whether an attempt may be made now, so that nobody is asked for what will not be used.
    ///
    /// # Errors
    /// [`Error::LockedOut`].
    pub fn check(&self, subject: Subject<'_>) -> Result<(), Error> {
        let now = system::now()?;
        match load(&self.folder()?, &subject.file())? {
            Some(mut record) => {
                record.forget(now.boot);
                record.may(now)
            }
            None => Ok(()),
        }
    }

    /// Everybody who may not try now, as errors that say so.
    ///
    /// # Errors
    /// [`Error`] where the counts cannot be read.
    pub fn locked(&self) -> Result<Vec<Error>, Error> {
        let now = system::now()?;
        let folder = self.folder()?;
        let mut names = folder.names()?;
        names.retain(|name| name.ends_with(".json") && !name.starts_with('.'));
        names.sort_unstable();
        let mut locked = Vec::new();
        for name in names {
            let Some(mut record) = load(&folder, &name)? else {
                continue;
            };
            record.forget(now.boot);
            locked.extend(record.may(now).err());
        }
        Ok(locked)
    }

    fn folder(&self) -> Result<Dir, Error> {
        Dir::open_or_make(&self.state, 0o700)?;
        Ok(Dir::open_or_make(&self.state.join("lockout"), 0o700)?)
    }
}

impl Attempt {
    /// It succeeded: all failed ones before it are forgotten.
    ///
    /// # Errors
    /// [`Error`] where the count cannot be removed.
    pub fn succeeded(self) -> Result<(), Error> {
        Ok(self.folder.remove(&self.file)?)
    }

    /// It came to nothing for another reason than a wrong passphrase or password, and does not count.
    ///
    /// # Errors
    /// [`Error`] where the count cannot be written.
    pub fn withdrawn(self) -> Result<(), Error> {
        match self.before.failed.is_empty() {
            true => Ok(self.folder.remove(&self.file)?),
            false => save(&self.folder, &self.file, &self.before),
        }
    }
}

impl Record {
    fn new(subject: Subject<'_>) -> Record {
        Record {
            subject: subject.printable(),
            failed: Vec::new(),
            until: None,
        }
    }

    /// Forgets what does not count any more; what lies ahead is another boot's.
    fn forget(&mut self, now: BootInstant) {
        self.failed
            .retain(|at| *at <= now && now.since(*at) < COUNTS);
        let over = self
            .until
            .is_some_and(|until| until <= now || until.since(now) > LOCKED);
        if over {
            // Who has waited begins anew.
            self.until = None;
            self.failed.clear();
        }
    }

    fn may(&self, now: Now) -> Result<(), Error> {
        let Some(until) = self.until else {
            return Ok(());
        };
        let left = until.since(now.boot);
        let nanos = i128::try_from(left.as_nanos()).unwrap_or(0);
        let at = Offset::from_nanos(nanos).and_then(|left| now.real.plus(left));
        Err(Error::LockedOut {
            whose: self.subject.clone(),
            until: at.ok(),
            left,
        })
    }

    fn count(&mut self, now: BootInstant) {
        self.failed.push(now);
        if self.failed.len() >= ATTEMPTS {
            let locked = u64::try_from(LOCKED.as_nanos()).unwrap_or(u64::MAX);
            self.until = Some(BootInstant::from_nanos(
                now.as_nanos().saturating_add(locked),
            ));
        }
    }
}

fn load(folder: &Dir, name: &str) -> Result<Option<Record>, Error> {
    let bytes = match folder.read(name, FILE_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::Host(format!(
            "{} is no count of failed attempts ({}); remove it",
            folder.path_of(name).display(),
            Printable::from(error.to_string())
        ))
    })
}

fn save(folder: &Dir, name: &str, record: &Record) -> Result<(), Error> {
    let bytes = serde_json::to_vec(record).map_err(|_| {
        Error::File(FileError {
            path: folder.path_of(name),
            kind: FileErrorKind::NotRegular,
        })
    })?;
    Ok(folder.replace(name, &bytes, 0o600)?)
}

#[cfg(test)]
mod tests;

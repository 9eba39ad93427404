//! The folder of notes.
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::approval::Approval;
use super::keep::Keep;
use super::note::Note;
use crate::model::{BootInstant, Printable, VmId};
use crate::system::{Deadline, Dir, FileError, Lock};

/// Largest note that is read; one has about 2 KiB.
const LIMIT: usize = 64 * 1024;

/// Why a note is of no use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StateError {
    /// The folder or file.
    File(FileError),
    /// What is in the file is no note, or not that VM's, or of another version.
    NoNote {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::File(error) => error.fmt(f),
            StateError::NoNote { path, why } => {
                write!(
                    f,
                    "{} is no state of this program ({why}); remove it",
                    path.display()
                )
            }
        }
    }
}

impl std::error::Error for StateError {}

impl From<FileError> for StateError {
    fn from(error: FileError) -> StateError {
        StateError::File(error)
    }
}

/// The file that says when the last sweep was. No VM has such a number.
const SWEEP: &str = "sweep.json";

/// The folder of notes, `/run/time-shift`.
#[derive(Debug)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// The notes in `folder`, which is made when the first is saved.
    #[must_use]
    pub fn new(folder: &Path) -> Store {
        Store {
            folder: folder.to_owned(),
        }
    }

    /// The note of a VM, if there is one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load(&self, vmid: VmId) -> Result<Option<Note>, StateError> {
        self.read(&file_name(vmid), |note: &Note| {
            let other = [note.vmid, note.grant.vmid()];
            let other = other.into_iter().find(|other| *other != vmid);
            check(note.version, Note::VERSION, other)
        })
    }

    /// How a VM's clock is kept, if it is.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load_keep(&self, vmid: VmId) -> Result<Option<Keep>, StateError> {
        self.read(&keep_name(vmid), |keep: &Keep| {
            let other = (keep.vmid != vmid).then_some(keep.vmid);
            check(keep.version, Keep::VERSION, other)
        })
    }

    /// What was approved for a VM, if anything was.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn load_approval(&self, vmid: VmId) -> Result<Option<Approval>, StateError> {
        self.read(&approval_name(vmid), |approval: &Approval| {
            let other = (approval.vmid != vmid).then_some(approval.vmid);
            check(approval.version, Approval::VERSION, other)
        })
    }

    fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        check: impl FnOnce(&T) -> Result<(), String>,
    ) -> Result<Option<T>, StateError> {
        let folder = match Dir::open(&self.folder) {
            Ok(folder) => folder,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let bytes = match folder.read(name, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let read = serde_json::from_slice(&bytes)
            .map_err(|error| error.to_string())
            .and_then(|value: T| check(&value).map(|()| value));
        match read {
            Ok(value) => Ok(Some(value)),
            // What a parser says may quote the file.
            Err(why) => Err(StateError::NoNote {
                path: folder.path_of(name),
                why: Printable::from(why).to_string(),
            }),
        }
    }

    /// Writes a VM's note, whole or not at all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save(&self, note: &Note) -> Result<(), StateError> {
        self.write(&file_name(note.vmid), note)
    }

    /// Writes how a VM's clock is kept, whole or not at all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save_keep(&self, keep: &Keep) -> Result<(), StateError> {
        self.write(&keep_name(keep.vmid), keep)
    }

    /// Writes what was approved for a VM, whole or not at all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save_approval(&self, approval: &Approval) -> Result<(), StateError> {
        self.write(&approval_name(approval.vmid), approval)
    }

    fn write(&self, name: &str, value: &impl Serialize) -> Result<(), StateError> {
        let folder = Dir::open_or_make(&self.folder, 0o700)?;
        let bytes = serde_json::to_vec(value).map_err(|error| StateError::NoNote {
            path: folder.path_of(name),
            why: error.to_string(),
        })?;
        Ok(folder.replace(name, &bytes, 0o600)?)
    }

    /// Notes that a sweep has come to its end.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save_sweep(&self, at: BootInstant) -> Result<(), StateError> {
        self.write(SWEEP, &at)
    }

    /// When the last sweep came to its end; none where none has since the host booted.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn last_sweep(&self) -> Result<Option<BootInstant>, StateError> {
        self.read(SWEEP, |_| Ok(()))
    }

    /// Lets nobody else work on a VM's clock after its start, until the lock is dropped.
    ///
    /// # Errors
    /// [`StateError`], also where somebody else does it until `deadline`.
    pub fn lock(&self, vmid: VmId, deadline: Deadline) -> Result<Lock, StateError> {
        let folder = Dir::open_or_make(&self.folder, 0o700)?;
        Ok(folder.lock(&format!(".{vmid}.lock"), deadline)?)
    }

    /// Lets no other worker wait for the same VM, until the lock is dropped.
    ///
    /// # Errors
    /// [`StateError`], also where another one does until `deadline`.
    pub fn lock_worker(&self, vmid: VmId, deadline: Deadline) -> Result<Lock, StateError> {
        let folder = Dir::open_or_make(&self.folder, 0o700)?;
        Ok(folder.lock(&format!(".{vmid}.worker.lock"), deadline)?)
    }

    /// Forgets a VM's start and how its clock is kept, if there is anything.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove(&self, vmid: VmId) -> Result<(), StateError> {
        match Dir::open(&self.folder) {
            Ok(folder) => {
                folder.remove(&file_name(vmid))?;
                Ok(folder.remove(&keep_name(vmid))?)
            }
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets how a VM's clock is kept, if anything is known of it.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_keep(&self, vmid: VmId) -> Result<(), StateError> {
        self.remove_file(&keep_name(vmid))
    }

    /// Forgets what was approved for a VM, if anything was.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove_approval(&self, vmid: VmId) -> Result<(), StateError> {
        self.remove_file(&approval_name(vmid))
    }

    fn remove_file(&self, name: &str) -> Result<(), StateError> {
        match Dir::open(&self.folder) {
            Ok(folder) => Ok(folder.remove(name)?),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The VMs that have a note, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn vmids(&self) -> Result<Vec<VmId>, StateError> {
        self.named(".json")
    }

    /// The VMs of which it is known how their clock is kept, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn kept(&self) -> Result<Vec<VmId>, StateError> {
        self.named(".keep.json")
    }

    /// The VMs for which something was approved, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn approved(&self) -> Result<Vec<VmId>, StateError> {
        self.named(".approval.json")
    }

    fn named(&self, end: &str) -> Result<Vec<VmId>, StateError> {
        let folder = match Dir::open(&self.folder) {
            Ok(folder) => folder,
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = folder.names()?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(end));
        let mut vmids: Vec<VmId> = stems
            .filter_map(|stem| VmId::parse(stem.as_bytes()).ok())
            .collect();
        vmids.sort_unstable();
        Ok(vmids)
    }
}

fn file_name(vmid: VmId) -> String {
    format!("{vmid}.json")
}

fn keep_name(vmid: VmId) -> String {
    format!("{vmid}.keep.json")
}

fn approval_name(vmid: VmId) -> String {
    format!("{vmid}.approval.json")
}

fn check(version: u32, known: u32, other: Option<VmId>) -> Result<(), String> {
    match other {
        _ if version != known => Err(format!("version {version} is not known")),
        Some(other) => Err(format!("it is about VM {other}")),
        None => Ok(()),
    }
}

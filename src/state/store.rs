//! The folder of notes.
use std::fmt;
use std::path::{Path, PathBuf};

use super::note::Note;
use crate::model::{Printable, VmId};
use crate::system::{Dir, FileError};

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
        let folder = match Dir::open(&self.folder) {
            Ok(folder) => folder,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let name = file_name(vmid);
        let bytes = match folder.read(&name, LIMIT) {
            Ok(bytes) => bytes,
            Err(error) if error.is_missing() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        // What a parser says may quote the file.
        let no_note = |why: String| StateError::NoNote {
            path: folder.path_of(&name),
            why: Printable::from(why).to_string(),
        };
        let note: Note =
            serde_json::from_slice(&bytes).map_err(|error| no_note(error.to_string()))?;
        if note.version != Note::VERSION {
            return Err(no_note(format!("version {} is not known", note.version)));
        }
        if note.vmid != vmid || note.grant.vmid() != vmid {
            return Err(no_note(format!("it is about VM {}", note.vmid)));
        }
        Ok(Some(note))
    }

    /// Writes a VM's note, whole or not at all.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn save(&self, note: &Note) -> Result<(), StateError> {
        let folder = Dir::open_or_make(&self.folder, 0o700)?;
        let bytes = serde_json::to_vec(note).map_err(|error| StateError::NoNote {
            path: folder.path_of(&file_name(note.vmid)),
            why: error.to_string(),
        })?;
        Ok(folder.replace(&file_name(note.vmid), &bytes, 0o600)?)
    }

    /// Forgets a VM's note, if there is one.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove(&self, vmid: VmId) -> Result<(), StateError> {
        match Dir::open(&self.folder) {
            Ok(folder) => Ok(folder.remove(&file_name(vmid))?),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The VMs that have a note, in order.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn vmids(&self) -> Result<Vec<VmId>, StateError> {
        let folder = match Dir::open(&self.folder) {
            Ok(folder) => folder,
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = folder.names()?;
        let stems = names.iter().filter_map(|name| name.strip_suffix(".json"));
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

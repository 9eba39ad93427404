//! What can be wrong with a file, said so that an operator knows what to do.
use std::fmt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// A file that could not be used, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub kind: FileErrorKind,
}

/// What is wrong with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FileErrorKind {
    /// It, or a folder on the way, does not exist.
    Missing,
    /// It, or a folder on the way, is a symbolic link.
    Link,
    /// It is a folder, FIFO, socket or device.
    NotRegular,
    /// It is not a folder.
    NotAFolder,
    /// It is nothing that can be run.
    NotAProgram,
    /// It is run as somebody else than who runs it.
    SetId,
    /// Somebody else than root could have changed it.
    NotRootsAlone {
        /// The owner's user number.
        uid: u32,
        /// The permission bits.
        mode: u32,
    },
    /// It belongs to somebody who has nothing to do with this call.
    NotCallers {
        /// The owner's user number.
        uid: u32,
    },
    /// It has other names (hard links), so others may hold it.
    HardLinked,
    /// It is larger than what will be read.
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Its file system can only be read.
    ReadOnly,
    /// Another process held its lock until the deadline.
    Locked,
    /// The system call failed.
    Os(Errno),
}

impl FileError {
    pub(super) fn new(path: &Path, kind: FileErrorKind) -> FileError {
        FileError {
            path: path.to_owned(),
            kind,
        }
    }

    pub(super) fn os(path: &Path, errno: Errno) -> FileError {
        let kind = match errno {
            Errno::NOENT => FileErrorKind::Missing,
            Errno::LOOP => FileErrorKind::Link,
            Errno::NOTDIR => FileErrorKind::NotAFolder,
            Errno::ROFS => FileErrorKind::ReadOnly,
            Errno::ISDIR | Errno::NXIO => FileErrorKind::NotRegular,
            other => FileErrorKind::Os(other),
        };
        FileError::new(path, kind)
    }

    /// Whether the file just is not there.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        self.kind == FileErrorKind::Missing
    }

    /// Whether its file system lets nobody write, as pmxcfs without quorum. Root is refused by no mode
    /// of a file.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(
            self.kind,
            FileErrorKind::ReadOnly | FileErrorKind::Os(Errno::ACCESS | Errno::PERM)
        )
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.kind {
            FileErrorKind::Missing => write!(f, "{path} does not exist"),
            FileErrorKind::Link => write!(
                f,
                "{path} is reached through a symbolic link; put the file itself there"
            ),
            FileErrorKind::NotRegular => write!(f, "{path} is not a regular file"),
            FileErrorKind::NotAFolder => write!(f, "{path}: a part of the path is not a folder"),
            FileErrorKind::NotAProgram => write!(
                f,
                "{path} is no program: it has to be an absolute path to an executable file, or to a \
                 script whose first line names one"
            ),
            FileErrorKind::SetId => write!(
                f,
                "{path} is set-user-ID or set-group-ID, so it would run as somebody else; name another \
                 program"
            ),
            FileErrorKind::NotRootsAlone { uid, mode } => write!(
                f,
                "{path} belongs to user {uid} with mode {mode:04o}; it must belong to root and be \
                 writable by root alone: chown root {path} && chmod go-w {path}"
            ),
            FileErrorKind::NotCallers { uid } => write!(
                f,
                "{path} belongs to user {uid}; only a file of the caller's own is taken, or one of root's by \
                 who may do all that root may"
            ),
            FileErrorKind::HardLinked => {
                write!(f, "{path} has a second name (hard link); remove that")
            }
            FileErrorKind::TooLarge { limit } => write!(f, "{path} is larger than {limit} bytes"),
            FileErrorKind::ReadOnly => write!(
                f,
                "{path} cannot be written: its file system is mounted read-only"
            ),
            FileErrorKind::Locked => write!(f, "{path} is locked by another process"),
            FileErrorKind::Os(errno) => write!(f, "{path}: {}", std::io::Error::from(errno)),
        }
    }
}

impl std::error::Error for FileError {}

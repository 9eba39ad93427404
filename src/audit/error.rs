//! Why a record could not be written or checked.
use std::fmt;
use std::path::PathBuf;

use crate::system::FileError;

/// Why a record could not be written or checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AuditError {
    /// The log folder, the data folder, or a file in them.
    File(FileError),
    /// The host's clock or identity cannot be read.
    Host(String),
    /// The key is not usable.
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        what: &'static str,
    },
}

impl fmt::Display for AuditError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AuditError::File(error) => error.fmt(f),
            AuditError::Host(why) => f.write_str(why),
            AuditError::Key { path, what } => write!(f, "{}: {what}", path.display()),
        }
    }
}

impl std::error::Error for AuditError {}

impl From<FileError> for AuditError {
    fn from(error: FileError) -> AuditError {
        AuditError::File(error)
    }
}

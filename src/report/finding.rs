//! Something that a check found.
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::code::Code;
use crate::model::VmId;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work as the files say.
    Error,
    /// Something may not be meant so.
    Warning,
    /// Nothing is wrong, and somebody may want to know.
    Note,
}

/// Where it is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// In a file. A file that cannot be read as a whole is found at its beginning.
    File {
        /// The file.
        file: PathBuf,
        /// Line, the first is 1.
        line: usize,
        /// Column in characters, the first is 1.
        column: usize,
    },
    /// A file or folder as it is, whatever is in it.
    Path {
        /// Which one.
        file: PathBuf,
    },
    /// With a VM.
    Vm {
        /// The VM.
        vmid: VmId,
    },
}

/// Something that a check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub code: Code,
    /// Where it is.
    #[serde(flatten)]
    pub place: Place,
    /// What is wrong and what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::File { file, line, column } => {
                write!(f, "{}:{line}:{column}: ", file.display())?;
            }
            Place::Path { file } => write!(f, "{}: ", file.display())?,
            Place::Vm { vmid } => write!(f, "{vmid}: ")?,
        }
        match self.severity {
            Severity::Error => {}
            Severity::Warning => f.write_str("warning: ")?,
            Severity::Note => f.write_str("note: ")?,
        }
        write!(f, "{} ({})", self.text, self.code)
    }
}

//! config.toml: how the program runs.
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::config::{self, Config};
use crate::strict::{self, Finding};
use crate::system::{self, FileError, Trust};

/// Where config.toml is unless the command line says otherwise.
pub const CONFIG_PATH: &str = "/etc/time-shift/config.toml";

/// Largest config.toml that is read, in bytes.
const LIMIT: usize = 64 * 1024;

/// Why config.toml is of no use.
#[derive(Clone, PartialEq, Debug)]
pub enum ConfigError {
    /// It cannot be read, or somebody else than root could have written it.
    File(FileError),
    /// It has errors.
    Invalid {
        /// The file.
        path: PathBuf,
        /// All of them, in its order.
        findings: Vec<Finding>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::File(error) => error.fmt(f),
            ConfigError::Invalid { path, findings } => write_first(f, path, findings),
        }
    }
}

impl std::error::Error for ConfigError {}

/// The first finding with its place, and how many more there are.
pub(super) fn write_first(
    f: &mut impl fmt::Write,
    path: &Path,
    findings: &[Finding],
) -> fmt::Result {
    let Some(first) = findings.first() else {
        return write!(f, "{} has errors", path.display());
    };
    write!(
        f,
        "{}:{}:{}: {}",
        path.display(),
        first.line,
        first.column,
        first.text
    )?;
    match findings.len().saturating_sub(1) {
        0 => Ok(()),
        more => write!(f, " (and {more} more: run time-shift check)"),
    }
}

/// Reads config.toml. One that is not there means the defaults; one that cannot be used never does.
///
/// # Errors
/// [`ConfigError`].
pub fn load_config(path: &Path) -> Result<Config, ConfigError> {
    let bytes = match system::read(path, Trust::Decides, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(Config::default()),
        Err(error) => return Err(ConfigError::File(error)),
    };
    let invalid = |findings| ConfigError::Invalid {
        path: path.to_owned(),
        findings,
    };
    let text = strict::utf8(&bytes).map_err(invalid)?;
    config::parse(text).map_err(invalid)
}

/// SHA-256 of config.toml in hexadecimal; none where there is none.
///
/// # Errors
/// [`FileError`] where it cannot be read, or somebody else than root could have written it.
pub fn config_sha256(path: &Path) -> Result<Option<String>, FileError> {
    match system::read(path, Trust::Decides, LIMIT) {
        Ok(bytes) => Ok(Some(sha256_hex(&bytes))),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

/// SHA-256 in hexadecimal.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

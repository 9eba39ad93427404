//! Files that decide and that somebody has changed: noticed by the next sweep, whoever did it and
//! however.
use std::path::Path;

use super::error::KeepError;
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::Printable;
use crate::sources::{config_sha256, load_allowlist};
use crate::system::Dir;
use crate::voice::trail;

/// Longest that what was seen last can be.
const LIMIT: usize = 8 * 1024;

/// Writes down that the allowlist which counts, or config.toml, is another one than at the last sweep.
///
/// # Errors
/// [`KeepError`] where it cannot be remembered or written down; the next sweep tries again.
pub fn note_changes(config: &Config, path: &Path) -> Result<(), KeepError> {
    let allowlist = match load_allowlist(config) {
        Ok(loaded) => format!("{} with SHA-256 {}", loaded.path.display(), loaded.sha256),
        Err(not_loaded) => format!(
            "{}, which allows nothing ({})",
            not_loaded.path.display(),
            not_loaded.deny.reason
        ),
    };
    note_change(config, "the allowlist", "allowlist-seen", &allowlist)?;
    let settings = match config_sha256(path).map_err(failed)? {
        Some(sha256) => format!("{} with SHA-256 {sha256}", path.display()),
        None => format!("{}, which is not there", path.display()),
    };
    note_change(config, "config.toml", "config-seen", &settings)
}

/// `seen` is the file, in the folder of what outlives a reboot, with what was seen last.
fn note_change(config: &Config, what: &str, seen: &str, is: &str) -> Result<(), KeepError> {
    let folder = Dir::open_or_make(&config.paths.data, 0o700).map_err(failed)?;
    let was = match folder.read(seen, LIMIT) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(failed(error)),
    };
    if was.as_deref() == Some(is) {
        return Ok(());
    }
    if let Some(was) = was {
        let text = format!("{what} was changed: it was {was}; it is {is}");
        trail(config)?.record(&Record {
            text: Some(Printable::sentence(&text)),
            ..Record::of_node(Event::ConfigChanged)
        })?;
    }
    folder
        .replace_durably(seen, is.as_bytes(), 0o600)
        .map_err(failed)
}

fn failed(error: crate::system::FileError) -> KeepError {
    KeepError::Failed(error.to_string())
}

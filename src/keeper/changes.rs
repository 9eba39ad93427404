//! Files that decide and that somebody has changed: noticed by the next sweep, whoever did it and
//! however.
use std::path::Path;
use std::time::Duration;

use super::error::KeepError;
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::Printable;
use crate::sources::{config_sha256, load_allowlist};
use crate::system::{Deadline, Dir, FileError, FileErrorKind, Lock};
use crate::voice::trail;

/// What was seen last, in the folder of what outlives a reboot.
const ALLOWLIST_SEEN: &str = "allowlist-seen";
const CONFIG_SEEN: &str = "config-seen";

/// Longest that what was seen last can be.
const LIMIT: usize = 8 * 1024;

/// Held while the allowlist is looked at or replaced on this node.
const LOCK: &str = "allowlist.lock";

/// How long somebody who wants to replace it waits for that.
const PATIENCE: Duration = Duration::from_secs(5);

/// Writes down that the allowlist which counts, or config.toml, is another one than at the last sweep.
/// While somebody replaces the allowlist by this program, who writes that down himself, it waits for the
/// next sweep.
///
/// # Errors
/// [`KeepError`] where it cannot be remembered or written down; the next sweep tries again.
pub fn note_changes(config: &Config, path: &Path) -> Result<(), KeepError> {
    match Replacing::within(config, Duration::ZERO) {
        Ok(held) => held.note(config)?,
        Err(error) if error.kind == FileErrorKind::Locked => {}
        Err(error) => return Err(failed(error)),
    }
    let settings = match config_sha256(path).map_err(failed)? {
        Some(sha256) => format!("{} with SHA-256 {sha256}", path.display()),
        None => format!("{}, which is not there", path.display()),
    };
    let folder = Dir::open_or_make(&config.paths.data, 0o700).map_err(failed)?;
    note_change(config, &folder, "config.toml", CONFIG_SEEN, &settings)
}

/// `seen` is the file in `folder` with what was seen last.
fn note_change(
    config: &Config,
    folder: &Dir,
    what: &str,
    seen: &str,
    is: &str,
) -> Result<(), KeepError> {
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
    remember(folder, seen, is)
}

fn remember(folder: &Dir, seen: &str, is: &str) -> Result<(), KeepError> {
    folder
        .replace_durably(seen, is.as_bytes(), 0o600)
        .map_err(failed)
}

/// The right to replace the allowlist on this node, until it is dropped.
#[derive(Debug)]
pub struct Replacing {
    folder: Dir,
    _lock: Lock,
}

impl Replacing {
    /// Waits for it. What was changed otherwise since the last sweep is written down first.
    ///
    /// # Errors
    /// [`KeepError`], also where somebody else keeps it.
    pub fn begin(config: &Config) -> Result<Replacing, KeepError> {
        let held = Replacing::within(config, PATIENCE).map_err(failed)?;
        held.note(config)?;
        Ok(held)
    }

    fn within(config: &Config, patience: Duration) -> Result<Replacing, FileError> {
        let folder = Dir::open_or_make(&config.paths.data, 0o700)?;
        let lock = folder.lock(LOCK, Deadline::after(patience))?;
        Ok(Replacing {
            folder,
            _lock: lock,
        })
    }

    fn note(&self, config: &Config) -> Result<(), KeepError> {
        note_change(
            config,
            &self.folder,
            "the allowlist",
            ALLOWLIST_SEEN,
            &counting(config),
        )
    }

    /// Ends it: what counts now has been written down by who replaced it.
    ///
    /// # Errors
    /// [`KeepError`] where it cannot be remembered; the next sweep writes it down once more.
    pub fn done(self, config: &Config) -> Result<(), KeepError> {
        remember(&self.folder, ALLOWLIST_SEEN, &counting(config))
    }
}

fn failed(error: FileError) -> KeepError {
    KeepError::Failed(error.to_string())
}

/// The allowlist that counts, as it is remembered.
fn counting(config: &Config) -> String {
    match load_allowlist(config) {
        Ok(loaded) => format!("{} with SHA-256 {}", loaded.path.display(), loaded.sha256),
        Err(not_loaded) => format!(
            "{}, which allows nothing ({})",
            not_loaded.path.display(),
            not_loaded.deny.reason
        ),
    }
}

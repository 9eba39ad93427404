//! An allowlist that somebody has changed: noticed by the next sweep, whoever did it and however.
use super::error::KeepError;
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::Printable;
use crate::sources::load_allowlist;
use crate::system::Dir;
use crate::voice::trail;

/// What was seen last, in the folder of what outlives a reboot.
const SEEN: &str = "allowlist-seen";

/// Longest that this can be.
const LIMIT: usize = 8 * 1024;

/// Writes down that the allowlist which counts is another one than at the last sweep.
///
/// # Errors
/// [`KeepError`] where it cannot be remembered or written down; the next sweep tries again.
pub fn note_changes(config: &Config) -> Result<(), KeepError> {
    let is = match load_allowlist(config) {
        Ok(loaded) => format!("{} with SHA-256 {}", loaded.path.display(), loaded.sha256),
        Err(not_loaded) => format!(
            "{}, which allows nothing ({})",
            not_loaded.path.display(),
            not_loaded.deny.reason
        ),
    };
    let failed = |error: crate::system::FileError| KeepError::Failed(error.to_string());
    let folder = Dir::open_or_make(&config.paths.data, 0o700).map_err(failed)?;
    let was = match folder.read(SEEN, LIMIT) {
        Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(failed(error)),
    };
    if was.as_deref() == Some(is.as_str()) {
        return Ok(());
    }
    if let Some(was) = was {
        let text = format!("the allowlist was changed: it was {was}; it is {is}");
        trail(config)?.record(&Record {
            text: Some(Printable::sentence(&text)),
            ..Record::of_node(Event::ConfigChanged)
        })?;
    }
    folder
        .replace_durably(SEEN, is.as_bytes(), 0o600)
        .map_err(failed)
}

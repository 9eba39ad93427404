//! Where hookscripts are, and which guests name one.
use super::guests::{GuestsUnknown, existing_guests};
use crate::config::Config;
use crate::model::VmId;
use crate::system::{self, FileError, Trust};
use crate::vmconfig::{Storage, parse_storages};

/// Largest file of pmxcfs.
const LIMIT: usize = 1024 * 1024;

/// The storages that may hold hookscripts.
///
/// # Errors
/// [`FileError`] where storage.cfg is there and cannot be read.
pub fn storages(config: &Config) -> Result<Vec<Storage>, FileError> {
    match system::read(&config.paths.pve.join("storage.cfg"), Trust::Data, LIMIT) {
        Ok(bytes) => Ok(parse_storages(&bytes)),
        Err(error) if error.is_missing() => Ok(parse_storages(b"")),
        Err(error) => Err(error),
    }
}

/// The guests of the whole cluster, containers too, whose config has the hookscript `volume`, be it
/// only in a snapshot: a rollback brings it back.
///
/// # Errors
/// [`GuestsUnknown`] where a config cannot be read.
pub fn guests_naming(config: &Config, volume: &str) -> Result<Vec<VmId>, GuestsUnknown> {
    let mut found = Vec::new();
    for guest in existing_guests(config)? {
        match system::read(&guest.path, Trust::Data, LIMIT) {
            Ok(bytes) if names(&bytes, volume) => found.push(guest.vmid),
            Ok(_) => {}
            // Gone since the folder was read.
            Err(error) if error.is_missing() => {}
            Err(error) => {
                return Err(GuestsUnknown {
                    path: guest.path,
                    why: error.to_string(),
                });
            }
        }
    }
    found.dedup();
    Ok(found)
}

fn names(config: &[u8], volume: &str) -> bool {
    config
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"hookscript:"))
        .any(|value| value.trim_ascii() == volume.as_bytes())
}

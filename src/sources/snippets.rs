//! Where hookscripts are, and which guests name one.
use std::fmt;
use std::path::PathBuf;

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

/// Why it cannot be known which guests name a volume.
#[derive(Debug)]
pub struct GuestsUnknown {
    path: PathBuf,
    why: String,
}

impl fmt::Display for GuestsUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "which guests name it cannot be known: {}: {}",
            self.path.display(),
            self.why
        )
    }
}

impl std::error::Error for GuestsUnknown {}

/// The guests of the whole cluster, containers too, whose config has the hookscript `volume`, be it
/// only in a snapshot: a rollback brings it back.
///
/// # Errors
/// [`GuestsUnknown`] where a config cannot be read.
pub fn guests_naming(config: &Config, volume: &str) -> Result<Vec<VmId>, GuestsUnknown> {
    let nodes = config.paths.pve.join("nodes");
    let mut found = Vec::new();
    for node in entries(&nodes)? {
        for kind in ["qemu-server", "lxc"] {
            let folder = node.join(kind);
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                let stem = path.file_name().and_then(|name| name.to_str());
                let stem = stem.and_then(|name| name.strip_suffix(".conf"));
                let Some(vmid) = stem.and_then(|stem| VmId::parse(stem.as_bytes()).ok()) else {
                    continue;
                };
                match system::read(&path, Trust::Data, LIMIT) {
                    Ok(bytes) if names(&bytes, volume) => found.push(vmid),
                    Ok(_) => {}
                    // Gone since the folder was read.
                    Err(error) if error.is_missing() => {}
                    Err(error) => {
                        let why = error.to_string();
                        return Err(GuestsUnknown { path, why });
                    }
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

fn entries(folder: &PathBuf) -> Result<Vec<PathBuf>, GuestsUnknown> {
    let unknown = |error: std::io::Error| GuestsUnknown {
        path: folder.clone(),
        why: error.to_string(),
    };
    let entries = std::fs::read_dir(folder).map_err(unknown)?;
    entries
        .map(|entry| Ok(entry.map_err(unknown)?.path()))
        .collect()
}

fn names(config: &[u8], volume: &str) -> bool {
    config
        .split(|byte| *byte == b'\n')
        .filter_map(|line| line.strip_prefix(b"hookscript:"))
        .any(|value| value.trim_ascii() == volume.as_bytes())
}

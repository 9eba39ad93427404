//! Pinned certificates: the cluster's, beside its allowlist, before this node's.
use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::model::{Peer, Pin};
use crate::system::{self, Dir, FileError, Trust};

/// Largest pin that is read.
const LIMIT: usize = 16 * 1024;

/// The name of the folder with pins.
const FOLDER: &str = "certs";

/// Where the cluster's are, and where this node's.
fn folders(config: &Config) -> [PathBuf; 2] {
    [
        config.paths.cluster_allowlist.with_file_name(FOLDER),
        config.paths.data.join(FOLDER),
    ]
}

/// The pin of a server, if there is one. A bad one never falls back to the other.
///
/// # Errors
/// What is wrong with it and what to do, for people.
pub fn load_pin(config: &Config, peer: &Peer) -> Result<Option<Pin>, String> {
    for folder in folders(config) {
        let path = folder.join(peer.file_name());
        let again = |why: &str| {
            format!(
                "{}: {why}; pin it again: time-shift cert pin {peer}",
                path.display()
            )
        };
        match system::read(&path, Trust::Decides, LIMIT) {
            Ok(bytes) => {
                return Pin::parse(&bytes, peer)
                    .map(Some)
                    .map_err(|why| again(&why));
            }
            Err(error) if error.is_missing() => {}
            Err(error) => {
                return Err(format!(
                    "{error}; once that is in order, pin it again if need be: time-shift cert pin {peer}"
                ));
            }
        }
    }
    Ok(None)
}

/// The files that are a server's pins, the one that counts first.
#[must_use]
pub fn pin_files(config: &Config, peer: &Peer) -> Vec<PathBuf> {
    let files = folders(config).map(|folder| folder.join(peer.file_name()));
    let there = |file: &PathBuf| file.symlink_metadata().is_ok();
    files.into_iter().filter(there).collect()
}

/// The file that is a server's pin, or would be.
#[must_use]
pub fn pin_path(config: &Config, peer: &Peer) -> PathBuf {
    let own = || config.paths.data.join(FOLDER).join(peer.file_name());
    pin_files(config, peer)
        .into_iter()
        .next()
        .unwrap_or_else(own)
}

/// Removes a server's pins: this node's too, which would count again without the cluster's.
///
/// # Errors
/// [`FileError`].
pub fn remove_pin(config: &Config, peer: &Peer) -> Result<(), FileError> {
    for folder in folders(config) {
        match Dir::open(&folder) {
            Ok(folder) => folder.remove(&peer.file_name())?,
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The servers with a pin.
///
/// # Errors
/// [`FileError`] where a folder is there and cannot be read.
pub fn pinned_peers(config: &Config) -> Result<Vec<Peer>, FileError> {
    let mut peers = Vec::new();
    for folder in folders(config) {
        match Dir::open(&folder) {
            Ok(folder) => {
                let names = folder.names()?;
                peers.extend(names.iter().filter_map(|name| Peer::of_file_name(name)));
            }
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error),
        }
    }
    peers.sort_unstable();
    peers.dedup();
    Ok(peers)
}

/// Writes a pin, where there is a cluster's allowlist for the whole cluster; where comes back.
///
/// # Errors
/// [`FileError`].
pub fn save_pin(config: &Config, pin: &Pin) -> Result<PathBuf, FileError> {
    let name = pin.peer.file_name();
    let path = saved_path(config, &pin.peer);
    let mut bytes = serde_json::to_vec_pretty(pin).unwrap_or_default();
    bytes.push(b'\n');
    let [shared, own] = folders(config);
    if path.starts_with(&shared) {
        // pmxcfs has modes of its own.
        Dir::open_or_make_plain(&shared)?.replace_durably(&name, &bytes, 0o640)?;
    } else {
        make(&config.paths.data)?;
        make(&own)?.replace_durably(&name, &bytes, 0o600)?;
    }
    Ok(path)
}

/// Where a pin is written.
fn saved_path(config: &Config, peer: &Peer) -> PathBuf {
    let name = peer.file_name();
    let [shared, own] = folders(config).map(|folder| folder.join(&name));
    match config.paths.cluster_allowlist.exists() || shared.exists() {
        true => shared,
        false => own,
    }
}

/// Whether a server's pin is only this node's, although the allowlist is the cluster's: its VMs have none on
/// the other nodes.
#[must_use]
pub fn is_pinned_here_only(config: &Config, peer: &Peer) -> bool {
    pin_path(config, peer) != saved_path(config, peer)
}

fn make(folder: &Path) -> Result<Dir, FileError> {
    Dir::open_or_make(folder, 0o700)
}

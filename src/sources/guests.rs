//! The guests of the whole cluster, as far as their configs say.
use std::fmt;
use std::path::PathBuf;

use crate::config::Config;
use crate::model::{NodeName, VmId};

/// A guest that exists.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Existing {
    /// Its number.
    pub vmid: VmId,
    /// The node it is on.
    pub node: NodeName,
    /// Whether it is a container.
    pub container: bool,
    /// Its config.
    pub path: PathBuf,
}

/// Why it cannot be known which guests there are.
#[derive(Debug)]
pub struct GuestsUnknown {
    pub(super) path: PathBuf,
    pub(super) why: String,
}

impl fmt::Display for GuestsUnknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "which guests there are, and what they name, cannot be known: {}: {}",
            self.path.display(),
            self.why
        )
    }
}

impl std::error::Error for GuestsUnknown {}

/// All guests of the cluster by their numbers, containers too.
///
/// # Errors
/// [`GuestsUnknown`] where a folder of a node cannot be read.
pub fn existing_guests(config: &Config) -> Result<Vec<Existing>, GuestsUnknown> {
    let mut found = Vec::new();
    for folder in entries(&config.paths.pve.join("nodes"))? {
        let name = folder.file_name().and_then(|name| name.to_str());
        let Some(Ok(node)) = name.map(NodeName::parse) else {
            continue;
        };
        for (kind, container) in [("qemu-server", false), ("lxc", true)] {
            let folder = folder.join(kind);
            if !folder.is_dir() {
                continue;
            }
            for path in entries(&folder)? {
                let stem = path.file_name().and_then(|name| name.to_str());
                let stem = stem.and_then(|name| name.strip_suffix(".conf"));
                if let Some(vmid) = stem.and_then(|stem| VmId::parse(stem.as_bytes()).ok()) {
                    found.push(Existing {
                        vmid,
                        node: node.clone(),
                        container,
                        path,
                    });
                }
            }
        }
    }
    found.sort();
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

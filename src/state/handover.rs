//! What the next start of a guest that goes on from a saved state has to know, here or on another
//! node: its exact offset, when its time is over, what was stopped in it.
//!
//! The guest's RTC says the same of the offset to a second and is what counts; this only refines it.
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::store::StateError;
use crate::model::{Offset, Printable, ProfileName, Timestamp, VmId};
use crate::system::{Dir, Generation};

/// Largest file that is read.
const LIMIT: usize = 64 * 1024;

/// One guest's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Handover {
    /// Version of this format.
    pub version: u32,
    /// The VM.
    pub vmid: VmId,
    /// The node that wrote it.
    pub node: String,
    /// When.
    pub written: Timestamp,
    /// The profile under which the clock was set.
    pub profile: ProfileName,
    /// Guest minus host.
    pub offset_ns: Offset,
    /// When the guest gets its real time back.
    pub restore_by: Option<Timestamp>,
    /// The guest commands that take back what was stopped in the guest.
    pub undo: Vec<String>,
    /// The life of the guest in which it was written, as its node knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
}

/// One QEMU process of one boot of a node.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Life {
    /// The node's boot.
    pub boot_id: String,
    /// The process.
    pub generation: Generation,
}

/// Where they are: in a folder of this node, and in one that the cluster shares.
#[derive(Clone, Debug)]
pub struct Handovers {
    own: PathBuf,
    shared: PathBuf,
}

impl Handover {
    /// The version that this program writes and reads.
    pub const VERSION: u32 = 1;
}

impl Handovers {
    /// Those in `data` (`/var/lib/time-shift`) and, where it can be written, in the folder `state`
    /// beside the cluster's allowlist.
    #[must_use]
    pub fn new(data: &Path, cluster_allowlist: &Path) -> Handovers {
        Handovers {
            own: data.join("guests"),
            shared: cluster_allowlist.with_file_name("state"),
        }
    }

    /// The newest about a VM. One that cannot be read is as good as none: the RTC says it too.
    #[must_use]
    pub fn load(&self, vmid: VmId) -> Option<Handover> {
        let read = |folder: &Path| -> Option<Handover> {
            let bytes = Dir::open(folder).ok()?.read(&file_name(vmid), LIMIT).ok()?;
            let handover: Handover = serde_json::from_slice(&bytes).ok()?;
            (handover.version == Handover::VERSION && handover.vmid == vmid).then_some(handover)
        };
        let both = [read(&self.own), read(&self.shared)];
        both.into_iter().flatten().max_by_key(|one| one.written)
    }

    /// Writes one: where the cluster has a folder for it there too, so that the node to which the VM
    /// migrates finds it.
    ///
    /// # Errors
    /// [`StateError`] where neither could be written; the text of what went wrong with the cluster's
    /// where only that could not.
    pub fn save(&self, handover: &Handover) -> Result<Option<Printable>, StateError> {
        let name = file_name(handover.vmid);
        let bytes = serde_json::to_vec(handover).map_err(|error| StateError::NoNote {
            path: self.own.join(&name),
            why: error.to_string(),
        })?;
        if let Some(above) = self.own.parent() {
            Dir::open_or_make(above, 0o700)?;
        }
        Dir::open_or_make(&self.own, 0o700)?.replace_durably(&name, &bytes, 0o600)?;
        let beside = self.shared.parent();
        if !beside.is_some_and(Path::exists) {
            return Ok(None);
        }
        // pmxcfs has modes of its own.
        let shared = Dir::open_or_make_plain(&self.shared)
            .and_then(|folder| folder.replace(&name, &bytes, 0o640));
        Ok(shared
            .err()
            .map(|error| Printable::sentence(&error.to_string())))
    }

    /// Forgets what is known about a VM.
    ///
    /// # Errors
    /// [`StateError`].
    pub fn remove(&self, vmid: VmId) -> Result<(), StateError> {
        let name = file_name(vmid);
        for folder in [&self.shared, &self.own] {
            match Dir::open(folder) {
                Ok(folder) => folder.remove(&name)?,
                Err(error) if error.is_missing() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn file_name(vmid: VmId) -> String {
    format!("{vmid}.json")
}

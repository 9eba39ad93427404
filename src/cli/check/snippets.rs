//! The hookscript's copies that VMs of this node name: whether they are there, and what they are.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{numbers, writable};
use crate::cli::snippet::{self, LIMIT, NAME};
use crate::config::Config;
use crate::model::{Printable, VmId};
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::storages;
use crate::system::{self, Trust};
use crate::vmconfig::Storage;

/// What a volume is.
enum Volume {
    /// Not a copy of ours.
    Other,
    /// What is named as ours are, and keeps its VMs from starting.
    Missing { path: PathBuf, why: String },
    /// A copy.
    Copy { storage: String, path: PathBuf },
}

/// What the VMs name.
pub(super) struct Snippets {
    storages: Vec<Storage>,
    volumes: BTreeMap<String, (Volume, Vec<VmId>)>,
}

impl Snippets {
    pub(super) fn new(config: &Config, found: &mut Vec<Finding>) -> Snippets {
        let storages = storages(config).unwrap_or_else(|error| {
            found.push(Finding {
                severity: Severity::Error,
                code: Code::StoragesUnreadable,
                place: Place::Path {
                    file: config.paths.pve.join("storage.cfg"),
                },
                text: error.to_string(),
            });
            Vec::new()
        });
        Snippets {
            storages,
            volumes: BTreeMap::new(),
        }
    }

    /// Whether a VM's hookscript is time-shift's.
    pub(super) fn is_ours(&mut self, vmid: VmId, hookscript: Option<&Printable>) -> bool {
        let Some(name) = hookscript.map(ToString::to_string) else {
            return false;
        };
        let storages = &self.storages;
        let (volume, vmids) = self.volumes.entry(name).or_insert_with_key(|name| {
            let volume = look(storages, name);
            (volume, Vec::new())
        });
        vmids.push(vmid);
        !matches!(volume, Volume::Other)
    }

    /// The copies' files.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        self.volumes
            .values()
            .filter_map(|(volume, _)| match volume {
                Volume::Copy { path, .. } => Some(path.as_path()),
                Volume::Other | Volume::Missing { .. } => None,
            })
    }

    /// What is wrong with them.
    pub(super) fn findings(&self, found: &mut Vec<Finding>) {
        for (name, (volume, vmids)) in &self.volumes {
            let mut add = |severity, code, file: &Path, text| {
                found.push(Finding {
                    severity,
                    code,
                    place: Place::Path {
                        file: file.to_owned(),
                    },
                    text,
                });
            };
            match volume {
                Volume::Other => {}
                Volume::Missing { path, why } => add(
                    Severity::Error,
                    Code::SnippetMissing,
                    path,
                    format!(
                        "{why}, so these VMs, whose hookscript {name} is, do not start: {}",
                        numbers(vmids)
                    ),
                ),
                Volume::Copy { storage, path } => {
                    if let Some(text) = writable(path) {
                        let text = format!("{text}, and Proxmox VE runs it as root");
                        add(Severity::Error, Code::SnippetWritable, path, text);
                    }
                    if let Some(text) = differs(path, storage) {
                        add(Severity::Warning, Code::SnippetOld, path, text);
                    }
                }
            }
        }
    }
}

fn look(storages: &[Storage], name: &str) -> Volume {
    let Some((id, file)) = name.split_once(":snippets/") else {
        return Volume::Other;
    };
    let named_so = file == NAME;
    if file.contains('/') || file == ".." || file == "." {
        return Volume::Other;
    }
    let storage = storages.iter().find(|storage| storage.id == id);
    let Some(storage) = storage else {
        return missing(named_so, PathBuf::from(name), || {
            format!("there is no storage {id} of files")
        });
    };
    let path = storage.snippets.join(file);
    if storage.disabled {
        return missing(named_so, path, || {
            format!("the storage is switched off (pvesm set {id} --disable 0)")
        });
    }
    // As Proxmox VE does, this follows links.
    match fs::metadata(&path) {
        Ok(data) if !data.is_file() => {
            return missing(named_so, path, || "it is no regular file".to_owned());
        }
        Ok(data) if data.mode() & 0o111 == 0 => {
            return missing(named_so, path, || {
                "it is not executable (chmod 755)".to_owned()
            });
        }
        Ok(_) => {}
        Err(error) => {
            return missing(named_so, path, || {
                format!("{error} (time-shift install-hook --storage {id})")
            });
        }
    }
    match system::read(&path, Trust::Data, LIMIT) {
        Ok(bytes) if snippet::is_copy(&bytes) => Volume::Copy {
            storage: id.to_owned(),
            path,
        },
        _ => Volume::Other,
    }
}

fn missing(named_so: bool, path: PathBuf, why: impl FnOnce() -> String) -> Volume {
    match named_so {
        true => Volume::Missing { path, why: why() },
        false => Volume::Other,
    }
}

/// Whether a copy is not what the installed version copies.
fn differs(path: &Path, storage: &str) -> Option<String> {
    let bytes = system::read(path, Trust::Data, LIMIT).ok()?;
    let same = bytes == snippet::TEXT.as_bytes() || bytes == snippet::strict().as_bytes();
    (!same).then(|| {
        format!(
            "it is of another version than the installed one, or was changed; time-shift install-hook \
             --storage {storage}"
        )
    })
}

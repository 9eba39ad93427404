//! The storages that hold hookscripts, from storage.cfg.
use std::path::PathBuf;

use super::values::{boolean, trim};

/// A storage whose volumes are files.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Storage {
    /// Its name: a letter, then letters, digits and `. _ -`.
    pub id: String,
    /// The folder of its snippets.
    pub snippets: PathBuf,
    /// What it may hold, in the file's order: `iso`, `snippets` ...
    pub content: Vec<String>,
    /// Whether it is switched off.
    pub disabled: bool,
    /// Where another file system is mounted as long as the storage is there; none where that is not said.
    pub mount: Option<PathBuf>,
}

impl Storage {
    /// Whether a hookscript can be in it.
    #[must_use]
    pub fn offers_snippets(&self) -> bool {
        self.content.iter().any(|content| content == "snippets")
    }

    /// `local`, as Proxmox VE has it where the file does not say otherwise (`PVE::Storage::Plugin`,
    /// `parse_config`).
    #[must_use]
    pub fn local() -> Storage {
        Storage {
            id: "local".to_owned(),
            snippets: PathBuf::from("/var/lib/vz/snippets"),
            content: ["images", "rootdir", "vztmpl", "iso", "snippets"]
                .map(str::to_owned)
                .to_vec(),
            disabled: false,
            mount: None,
        }
    }
}

/// What a section says before it is known whether that is a storage for us.
struct Section<'a> {
    id: &'a str,
    path: Option<String>,
    folder: &'a str,
    content: Vec<String>,
    disabled: bool,
    mount: Mount<'a>,
}

/// What has to be mounted for a storage to be there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mount<'a> {
    /// Nothing.
    Nothing,
    /// Its own folder.
    Itself,
    /// This folder.
    At(&'a str),
}

/// Reads storage.cfg as `PVE::SectionConfig` does: `TYPE: ID`, then indented `KEY VALUE` lines. Only
/// storages whose volumes are files come back; `local` does always.
#[must_use]
pub fn parse_storages(bytes: &[u8]) -> Vec<Storage> {
    let mut storages = Vec::new();
    let mut section: Option<Section<'_>> = None;
    for line in bytes.split(|byte| *byte == b'\n') {
        let Ok(text) = std::str::from_utf8(trim(line)) else {
            continue;
        };
        if line.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            storages.extend(section.take().and_then(Section::storage));
            section = begin(text);
        } else if let Some(section) = &mut section {
            let (key, value) = text.split_once([' ', '\t']).unwrap_or((text, ""));
            section.set(key, value.trim());
        }
    }
    storages.extend(section.and_then(Section::storage));
    if !storages.iter().any(|storage| storage.id == "local") {
        storages.push(Storage::local());
    }
    storages
}

fn begin(header: &str) -> Option<Section<'_>> {
    let (kind, id) = header.split_once(':')?;
    let id = id.trim();
    let mounted = match kind {
        "dir" | "btrfs" => false,
        "nfs" | "cifs" | "cephfs" | "glusterfs" => true,
        _ => return None,
    };
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !id.starts_with(|c: char| c.is_ascii_alphabetic()) || !id.chars().all(known) {
        return None;
    }
    Some(Section {
        id,
        path: mounted.then(|| format!("/mnt/pve/{id}")),
        folder: "snippets",
        content: Vec::new(),
        disabled: false,
        mount: match mounted {
            true => Mount::Itself,
            false => Mount::Nothing,
        },
    })
}

impl<'a> Section<'a> {
    fn set(&mut self, key: &str, value: &'a str) {
        match key {
            "path" => self.path = Some(value.to_owned()),
            "content" => {
                let words = value.split(',').map(str::trim);
                self.content = words.map(str::to_owned).collect();
            }
            "disable" => self.disabled = value != "0",
            // A boolean, or a folder (`PVE::Storage::DirPlugin`, `parse_is_mountpoint`).
            "is_mountpoint" => {
                self.mount = match (boolean(value.as_bytes()), value.starts_with('/')) {
                    (Some(true), _) => Mount::Itself,
                    (None, true) => Mount::At(value),
                    _ => Mount::Nothing,
                };
            }
            "content-dirs" => {
                let folders = value.split(',').filter_map(|pair| pair.split_once('='));
                for (content, folder) in folders {
                    if content.trim() == "snippets" {
                        self.folder = folder.trim();
                    }
                }
            }
            _ => {}
        }
    }

    fn storage(self) -> Option<Storage> {
        let path = self.path.filter(|path| path.starts_with('/'))?;
        Some(Storage {
            id: self.id.to_owned(),
            mount: match self.mount {
                Mount::Nothing => None,
                Mount::Itself => Some(PathBuf::from(&path)),
                Mount::At(folder) => Some(PathBuf::from(folder)),
            },
            snippets: PathBuf::from(path).join(self.folder.trim_start_matches('/')),
            content: self.content,
            disabled: self.disabled,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let storages = parse_storages(text.as_bytes());
        let line = |storage: &Storage| {
            let offers = if storage.offers_snippets() { "+" } else { "-" };
            let off = if storage.disabled { " off" } else { "" };
            format!(
                "{}{offers}{}{off}\n",
                storage.id,
                storage.snippets.display()
            )
        };
        storages.iter().map(line).collect()
    }

    #[test]
    fn storages_of_files_are_found_with_the_folder_of_their_snippets() {
        let text = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,vztmpl , snippets\n\n\
                    zfspool: tank\n\tpool tank\n\tcontent images,snippets\n\n\
                    nfs: share\n\texport /x\n\tserver 192.0.2.1\n\tcontent snippets\n\
                    \tcontent-dirs iso=a,snippets=scripts\n\n\
                    dir: off\n\tpath /srv/off\n\tcontent snippets\n\tdisable\n\
                    dir: bad name\n\tpath /x\n\tcontent snippets\n\
                    dir: relative\n\tpath x\n\tcontent snippets\n\
                    dir: last\n        path /srv/with blank\n        content iso";
        assert_eq!(
            shown(text),
            "local+/var/lib/vz/snippets\nshare+/mnt/pve/share/scripts\noff+/srv/off/snippets off\n\
             last-/srv/with blank/snippets\n"
        );
    }

    #[test]
    fn what_has_to_be_mounted_for_a_storage_is_known() {
        let mount = |text: &str| {
            let storages = parse_storages(text.as_bytes());
            storages.first().unwrap().mount.clone()
        };
        let dir = |line: &str| mount(&format!("dir: a\n\tpath /srv/a\n\t{line}\n"));
        for yes in ["is_mountpoint 1", "is_mountpoint yes", "is_mountpoint on"] {
            assert_eq!(dir(yes), Some(PathBuf::from("/srv/a")), "{yes}");
        }
        for no in ["content snippets", "is_mountpoint 0", "is_mountpoint no"] {
            assert_eq!(dir(no), None, "{no}");
        }
        assert_eq!(dir("is_mountpoint /srv"), Some(PathBuf::from("/srv")));
        let share = mount("nfs: share\n\texport /x\n\tserver 192.0.2.1\n");
        assert_eq!(share, Some(PathBuf::from("/mnt/pve/share")));
    }

    #[test]
    fn local_is_there_even_if_the_file_does_not_name_it() {
        assert_eq!(shown(""), "local+/var/lib/vz/snippets\n");
        assert_eq!(shown("dir: local\n\tpath /srv\n"), "local-/srv/snippets\n");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
            let _ = parse_storages(&bytes);
        }
    }
}

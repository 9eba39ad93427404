//! `time-shift install-hook` and `uninstall-hook`: the snippet's copy in a storage, without which no
//! VM can name it.
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::arguments::{InstallHook, UninstallHook};
use super::snippet::{self, LIMIT, NAME};
use super::{Exit, Failure, put, put_json};
use crate::config::Config;
use crate::sources::{guests_naming, storages};
use crate::system::{self, Dir};
use crate::vmconfig::Storage;

/// What `install-hook --json` prints.
#[derive(Debug, Serialize)]
struct Installed {
    volume: String,
    file: PathBuf,
    strict: bool,
    /// Whether the file is another one than before.
    changed: bool,
    /// For a shell on the VM's node, with VMID to be filled in.
    qm: String,
    /// For a shell on any node of the cluster, with NODE and VMID to be filled in.
    pvesh: String,
}

/// What `uninstall-hook --json` prints.
#[derive(Debug, Serialize)]
struct Removed {
    volume: String,
    file: PathBuf,
    /// Whether there was one.
    changed: bool,
}

/// Installs the snippet where a storage of this node has none, unless that is only to be known. A copy that
/// is there stays as it is. Whether it was missing comes back.
pub(super) fn ensure(config: &Config, storage: &str, dry_run: bool) -> Result<bool, Failure> {
    let storage = find(config, storage)?;
    // Nothing is made only to be looked into.
    if dry_run && !storage.snippets.exists() {
        return Ok(true);
    }
    let folder = open(&storage)?;
    let missing = copy_in(&folder)?.is_none();
    if missing && !dry_run {
        write(&folder, snippet::TEXT)?;
    }
    Ok(missing)
}

pub(super) fn install(config: &Config, options: &InstallHook) -> Result<Exit, Failure> {
    let storage = find(config, &options.storage)?;
    let folder = open(&storage)?;
    let text = if options.strict {
        snippet::strict()
    } else {
        snippet::TEXT.to_owned()
    };
    let before = copy_in(&folder)?;
    let changed = before.as_deref() != Some(text.as_bytes());
    let file = folder.path_of(NAME);
    if changed {
        write(&folder, &text)?;
    }
    let volume = snippet::volume(&storage.id);
    let answer = Installed {
        qm: format!("qm set VMID --hookscript {volume}"),
        pvesh: format!("pvesh set /nodes/NODE/qemu/VMID/config --hookscript {volume}"),
        volume,
        file,
        strict: options.strict,
        changed,
    };
    if options.json {
        put_json(&answer)?;
    } else {
        put(&text_of(&answer))?;
    }
    Ok(Exit::Done)
}

pub(super) fn uninstall(config: &Config, options: &UninstallHook) -> Result<Exit, Failure> {
    // Whatever it offers by now: what is there may go.
    let storage = named(config, &options.storage)?;
    mounted(&storage)?;
    let volume = snippet::volume(&storage.id);
    let folder = match Dir::open(&real_folder(&storage)?) {
        Ok(folder) => Some(folder),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    let file = match &folder {
        Some(folder) => folder.path_of(NAME),
        None => storage.snippets.join(NAME),
    };
    let changed = match &folder {
        Some(folder) => copy_in(folder)?.is_some(),
        None => false,
    };
    if let Some(folder) = folder.filter(|_| changed) {
        let guests = guests_naming(config, &volume).map_err(|error| {
            format!("{volume} stays: which guests name it cannot be known: {error}")
        })?;
        if !guests.is_empty() {
            let guests: Vec<String> = guests.iter().map(ToString::to_string).collect();
            return Err(Failure(format!(
                "{volume} stays, since these guests would no longer start: {}; take it off each first: \
                 qm set VMID --delete hookscript (a snapshot that names it has to go, too)",
                guests.join(" ")
            )));
        }
        folder.remove(NAME)?;
    }
    let answer = Removed {
        volume,
        file,
        changed,
    };
    if options.json {
        put_json(&answer)?;
    } else if answer.changed {
        put(&format!("{} is removed.\n", answer.file.display()))?;
    } else {
        put(&format!("There is no {}.\n", answer.file.display()))?;
    }
    Ok(Exit::Done)
}

/// The storage of this name.
fn named(config: &Config, id: &str) -> Result<Storage, Failure> {
    let storages = storages(config)?;
    if let Some(storage) = storages.iter().find(|storage| storage.id == id) {
        return Ok(storage.clone());
    }
    let others = storages
        .iter()
        .filter(|storage| storage.offers_snippets() && !storage.disabled);
    let others: Vec<&str> = others.map(|storage| storage.id.as_str()).collect();
    Err(Failure(format!(
        "there is no storage {id} of files; these offer snippets: {}",
        others.join(" ")
    )))
}

/// Refuses a storage whose file system is away: what were written then would be hidden by it later.
fn mounted(storage: &Storage) -> Result<(), Failure> {
    let Some(mount) = &storage.mount else {
        return Ok(());
    };
    match system::is_mount_point(mount) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure(format!(
            "storage {} is not there: nothing is mounted at {}; pvesm status --storage {0} mounts it, or \
             says why not",
            storage.id,
            mount.display()
        ))),
        Err(error) => Err(Failure(format!("storage {}: {error}", storage.id))),
    }
}

/// The storage, if it can hold a snippet.
fn find(config: &Config, id: &str) -> Result<Storage, Failure> {
    let storage = named(config, id)?;
    if storage.disabled {
        return Err(Failure(format!(
            "storage {id} is switched off; pvesm set {id} --disable 0"
        )));
    }
    if !storage.offers_snippets() {
        let mut content = storage.content.clone();
        content.push("snippets".to_owned());
        return Err(Failure(format!(
            "storage {id} does not offer snippets; to let it: pvesm set {id} --content {}",
            content.join(",")
        )));
    }
    mounted(&storage)?;
    Ok(storage)
}

/// The storage's folder of snippets, made where it is missing.
fn open(storage: &Storage) -> Result<Dir, Failure> {
    Ok(Dir::open_or_make(&real_folder(storage)?, 0o755)?)
}

/// The storage's folder of snippets. A storage may well be behind a link; the snippet itself may not.
fn real_folder(storage: &Storage) -> Result<PathBuf, Failure> {
    let parent = storage.snippets.parent().unwrap_or(Path::new("/"));
    let real = fs::canonicalize(parent)
        .map_err(|error| format!("storage {}: {}: {error}", storage.id, parent.display()))?;
    let name = storage.snippets.file_name().unwrap_or_default();
    Ok(real.join(name))
}

/// The copy that is there. Another file of that name is nobody's to touch.
fn copy_in(folder: &Dir) -> Result<Option<Vec<u8>>, Failure> {
    match folder.read(NAME, LIMIT) {
        Ok(bytes) if snippet::is_copy(&bytes) => Ok(Some(bytes)),
        Err(error) if error.is_missing() => Ok(None),
        Ok(_) => Err(Failure(format!(
            "{} is not time-shift's snippet, or was made somebody's own by taking its second line out; \
             move it away first",
            folder.path_of(NAME).display()
        ))),
        Err(error) => Err(error.into()),
    }
}

fn write(folder: &Dir, text: &str) -> Result<(), Failure> {
    folder.install(NAME, text.as_bytes(), 0o755)?;
    // A hookscript that a power cut made empty would keep its VMs from starting.
    Ok(durable(&folder.path_of(NAME))?)
}

fn durable(file: &Path) -> std::io::Result<()> {
    fs::File::open(file)?.sync_all()?;
    match file.parent() {
        Some(folder) => fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

fn text_of(answer: &Installed) -> String {
    let done = if answer.changed {
        "is installed"
    } else {
        "was there already"
    };
    let strict = if answer.strict {
        "Without the package its VMs will not start (--strict).\n"
    } else {
        ""
    };
    format!(
        "{} {done}: {}\n{strict}To put a VM under it, as root@pam on its node:\n  {}\n\
         or from any node of the cluster:\n  {}\n",
        answer.volume,
        answer.file.display(),
        answer.qm,
        answer.pvesh
    )
}

//! `token status`: how secrets are unlocked on this node, and what should be done about them.
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::{Exit, put, put_json};
use super::Trouble;
use super::list::unlocked_until;
use super::remind::due;
use crate::cli::style::pairs;
use crate::model::{Printable, Timestamp};
use crate::system;
use crate::token::{self, CREDENTIAL, Error, Store};

/// Where systemd looks for encrypted credentials of units (systemd.exec(5)).
const CREDSTORE: &str = "/etc/credstore.encrypted";

/// The unit that unlocks with one.
const UNIT: &str = "time-shift-unlock.service";

/// Where tokens used to be kept in the clear, in a home folder.
const PLAINTEXT: [&str; 2] = [".pat", ".time-shift-proxmox-token"];

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Status {
    folder: PathBuf,
    secrets: usize,
    unlocked: usize,
    unlocked_until: Option<Timestamp>,
    /// Whether the kernel's keyring can be used; else `keyring_why` says why not.
    keyring: bool,
    keyring_why: Option<String>,
    /// `credential` in a unit that has one, `unit` where time-shift-unlock.service can be started, else
    /// `passphrase`: somebody has to type it.
    unlock_by: &'static str,
    rotation_due: Vec<String>,
    locked_out: Vec<String>,
    /// Files that may have a token in the clear.
    plaintext: Vec<PathBuf>,
    /// Sealed files that are of no use.
    unusable: Vec<String>,
}

pub(super) fn run(store: &Store, json: bool) -> Result<Exit, Trouble> {
    let now = system::now().map_err(Error::from)?;
    let names = store.names()?;
    let mut unusable = Vec::new();
    let mut ends = Vec::new();
    for name in &names {
        match store.info(name) {
            Ok(info) => ends.extend(unlocked_until(&info, now)),
            Err(error) => unusable.push(error.to_string()),
        }
    }
    let credential = token::credential().unwrap_or_else(|error| {
        unusable.push(error.to_string());
        None
    });
    let keyring = token::sessions_here();
    let encrypted = Path::new(CREDSTORE).join(CREDENTIAL);
    let status = Status {
        folder: store.folder(),
        secrets: names.len(),
        unlocked: ends.len(),
        unlocked_until: ends.iter().min().copied(),
        keyring: keyring.is_ok(),
        keyring_why: keyring.err().map(|error| error.to_string()),
        unlock_by: match credential {
            Some(_) => "credential",
            None if encrypted.exists() => "unit",
            None => "passphrase",
        },
        rotation_due: due(store, now)?.into_iter().map(|(_, text)| text).collect(),
        locked_out: store
            .lockout()
            .locked()?
            .iter()
            .map(ToString::to_string)
            .collect(),
        plaintext: plaintext(),
        unusable,
    };
    if json {
        put_json(&status)?;
    } else {
        put(&text(&status))?;
    }
    Ok(match status.unusable.is_empty() {
        true => Exit::Done,
        false => Exit::Failed,
    })
}

fn text(status: &Status) -> String {
    let unlocked = match status.unlocked_until {
        Some(until) => format!("{}, the first until {until}", status.unlocked),
        None => "none".to_owned(),
    };
    let keyring = match &status.keyring_why {
        None => "the kernel's, of root".to_owned(),
        Some(why) => format!("none: {why}; the passphrase is asked for each time"),
    };
    let unlock_by = match status.unlock_by {
        "credential" => format!("the systemd credential {CREDENTIAL} of this unit"),
        "unit" => format!("a systemd credential: systemctl start {UNIT}; or the passphrase"),
        _ => "the passphrase".to_owned(),
    };
    let mut text = pairs(&[
        (
            "secrets",
            format!("{} in {}", status.secrets, status.folder.display()),
        ),
        ("unlocked", unlocked),
        ("keyring", keyring),
        ("unlocked by", unlock_by),
    ]);
    let lists = [&status.rotation_due, &status.locked_out, &status.unusable];
    for line in lists.into_iter().flatten() {
        text.push_str(&format!("{line}\n"));
    }
    for path in &status.plaintext {
        let path = Printable::from(path.display().to_string());
        text.push_str(&format!(
            "{path} may have a token in the clear; time-shift token import {path} --name NAME\n"
        ));
    }
    text
}

/// The old files that exist: in this folder, in the caller's home and in root's.
fn plaintext() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::env::current_dir().into_iter().collect();
    folders.extend(std::env::var_os("HOME").map(PathBuf::from));
    folders.push(PathBuf::from("/root"));
    let mut found: Vec<PathBuf> = folders
        .iter()
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| PLAINTEXT.map(|name| folder.join(name)))
        .filter(|path| path.is_file())
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

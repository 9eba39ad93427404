//! A new allowlist takes the place of the old one: whole, and only of the one that was looked at.
use std::path::Path;
use std::time::Duration;

use super::By;
use super::place::Place;
use crate::audit::{Event, Record};
use crate::cli::{Failure, complain};
use crate::config::Config;
use crate::keeper::Replacing;
use crate::model::Printable;
use crate::sources::{ALLOWLIST_LIMIT, AllowlistFile, sha256_hex};
use crate::system::{self, ClusterLock, Deadline, Dir, FileError, Trust};
use crate::voice;

/// What pmxcfs calls the lock, in the manner of Proxmox VE's own files.
const LOCK: &str = "file-time-shift_allowlist";

/// How long another node may take to replace it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Installs a valid allowlist, and writes down who did.
///
/// # Errors
/// [`Failure`]; the old one is then still there.
pub(super) fn install(
    config: &Config,
    place: &Place,
    bytes: &[u8],
    by: &By<'_>,
) -> Result<(), Failure> {
    let (folder, _lock) = match place.file {
        AllowlistFile::Node => (folder_of(&place.path, Dir::open)?, None),
        AllowlistFile::Cluster => {
            let pve = &config.paths.pve;
            let lock = ClusterLock::take(pve, LOCK, Deadline::after(PATIENCE))
                .map_err(|error| not_written(&error))?;
            (folder_of(&place.path, Dir::open_or_make_plain)?, Some(lock))
        }
    };
    let replacing = Replacing::begin(config)?;
    must_be_unchanged(place)?;
    let (old, new) = (place.sha256(), sha256_hex(bytes));
    let trail = voice::trail(config)?;
    let change = format!(
        "{} ({}): SHA-256 was {}, is to be {new}",
        place.path.display(),
        by.command,
        old.as_deref().unwrap_or("none, there was no file")
    );
    // Written down first: nothing is allowed that the trail does not know.
    trail.record(&Record {
        allowlist_sha256: Some(&new),
        text: Some(Printable::sentence(&change)),
        vmid: by.vmid,
        profile: by.profile,
        ..Record::of_node(by.event)
    })?;
    if let Err(why) = put(&folder, place, bytes) {
        let text = format!("{} was not replaced: {}", place.path.display(), why.0);
        trail.record(&Record {
            text: Some(Printable::sentence(&text)),
            ..Record::of_node(Event::Note)
        })?;
        return Err(why);
    }
    // It is installed: that the next sweep writes it down once more is no failure.
    if let Err(error) = replacing.done(config) {
        complain(&error);
    }
    Ok(())
}

fn folder_of(path: &Path, open: impl Fn(&Path) -> Result<Dir, FileError>) -> Result<Dir, Failure> {
    let folder = path
        .parent()
        .ok_or_else(|| Failure(format!("{} is in no folder", path.display())))?;
    open(folder).map_err(|error| not_written(&error))
}

fn must_be_unchanged(place: &Place) -> Result<(), Failure> {
    let now = match system::read(&place.path, Trust::Decides, ALLOWLIST_LIMIT) {
        Ok(bytes) => Some(sha256_hex(&bytes)),
        Err(error) if error.is_missing() => None,
        Err(error) => return Err(error.into()),
    };
    match now == place.sha256() {
        true => Ok(()),
        false => Err(Failure(format!(
            "{} was changed by somebody else meanwhile, so nothing was installed: look at what it says \
             now (time-shift allowlist show) and start from that",
            place.path.display()
        ))),
    }
}

fn put(folder: &Dir, place: &Place, bytes: &[u8]) -> Result<(), Failure> {
    let name = place.path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Failure(format!("{} is no file", place.path.display())))?;
    match place.file {
        AllowlistFile::Node => folder.install(name, bytes, 0o644),
        // pmxcfs gives it its own mode, and has stored what a write has returned from.
        AllowlistFile::Cluster => folder.replace(name, bytes, 0o640),
    }
    .map_err(|error| not_written(&error))?;
    let there = system::read(&place.path, Trust::Decides, ALLOWLIST_LIMIT)?;
    match there == bytes {
        true => Ok(()),
        false => Err(Failure(format!(
            "{} does not hold what was written to it: check it at once (time-shift allowlist show)",
            place.path.display()
        ))),
    }
}

/// A folder that lets not even root write.
fn not_written(error: &FileError) -> Failure {
    match error.is_refused() {
        false => Failure(error.to_string()),
        true => Failure(format!(
            "{error}. It can be read and not changed, and what it says goes on to hold: the cluster has \
             no quorum (pvecm status), or the file system is mounted read-only. Nothing was changed"
        )),
    }
}

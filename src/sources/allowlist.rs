//! The allowlist that counts: the cluster's if it exists, else this node's.
use std::path::{Path, PathBuf};

use super::settings::{sha256_hex, write_first};
use crate::allowlist::{self, Allowlist};
use crate::config::Config;
use crate::model::{Deny, DenyReason, VmId};
use crate::strict::{self, Finding};
use crate::system::{self, FileError, Trust};

/// Largest allowlist that is read: what pmxcfs holds in a file.
pub const LIMIT: usize = 1024 * 1024;

/// An allowlist with where it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says.
    pub allowlist: Allowlist,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// Why no allowlist could be loaded, in the form of a refusal and with all findings.
#[derive(Clone, Debug)]
pub struct NotLoaded {
    /// The refusal that follows from it.
    pub deny: Deny,
    /// The file.
    pub path: PathBuf,
    /// All that is wrong in the file; empty where it could not even be read.
    pub findings: Vec<Finding>,
}

/// One of the two files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AllowlistFile {
    /// The cluster's, which counts wherever it is.
    Cluster,
    /// This node's.
    Node,
}

impl AllowlistFile {
    /// Where it is.
    #[must_use]
    pub fn path(self, config: &Config) -> &Path {
        match self {
            AllowlistFile::Cluster => &config.paths.cluster_allowlist,
            AllowlistFile::Node => &config.paths.allowlist,
        }
    }
}

/// Which of the two files counts, and why, for people.
#[must_use]
pub fn counts(config: &Config) -> (AllowlistFile, &'static str) {
    match read_counting(config) {
        (AllowlistFile::Node, _) => (AllowlistFile::Node, "the cluster has none"),
        (AllowlistFile::Cluster, Ok(_)) => (
            AllowlistFile::Cluster,
            "it is there, so this node's does not count",
        ),
        (AllowlistFile::Cluster, Err(_)) => (
            AllowlistFile::Cluster,
            "it cannot be read, and this node's never takes its place",
        ),
    }
}

/// The content of the file that counts.
fn read_counting(config: &Config) -> (AllowlistFile, Result<Vec<u8>, FileError>) {
    let read = |file: AllowlistFile| system::read(file.path(config), Trust::Decides, LIMIT);
    match read(AllowlistFile::Cluster) {
        Err(error) if error.is_missing() && !is_hidden(config) => {
            (AllowlistFile::Node, read(AllowlistFile::Node))
        }
        other => (AllowlistFile::Cluster, other),
    }
}

/// Whether the cluster's file may be there and not be seen: without pmxcfs its folder is empty.
fn is_hidden(config: &Config) -> bool {
    let pve = &config.paths.pve;
    config.paths.cluster_allowlist.starts_with(pve) && !pve.join("nodes").exists()
}

/// Reads the allowlist that counts. A bad one never falls back to the other, nor to a default.
///
/// # Errors
/// [`NotLoaded`].
pub fn load_allowlist(config: &Config) -> Result<Loaded, Box<NotLoaded>> {
    load(config, parse_allowlist)
}

/// The same, with the rule of one VM only: see [`allowlist::parse_for`].
///
/// # Errors
/// [`NotLoaded`].
pub fn load_allowlist_for(config: &Config, vmid: VmId) -> Result<Loaded, Box<NotLoaded>> {
    load(config, |bytes| {
        allowlist::parse_for(strict::utf8(bytes)?, vmid)
    })
}

fn load(
    config: &Config,
    parse: impl FnOnce(&[u8]) -> Result<Allowlist, Vec<Finding>>,
) -> Result<Loaded, Box<NotLoaded>> {
    let (file, content) = read_counting(config);
    let path = file.path(config);
    let bytes = match content {
        Ok(bytes) => bytes,
        Err(error) if file == AllowlistFile::Cluster && error.is_missing() => {
            return Err(Box::new(NotLoaded {
                deny: Deny::new(
                    DenyReason::AllowlistUnreadable,
                    format!(
                        "{} is not there, so the cluster's file system is not up and whether the \
                         cluster has an allowlist cannot be known: systemctl status pve-cluster",
                        config.paths.pve.join("nodes").display()
                    ),
                ),
                path: path.to_owned(),
                findings: Vec::new(),
            }));
        }
        Err(error) => return Err(not_readable(path.to_owned(), &error)),
    };
    let allowlist = parse(&bytes).map_err(|findings| {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write_first(&mut text, path, &findings);
        Box::new(NotLoaded {
            deny: Deny::new(DenyReason::AllowlistInvalid, text),
            path: path.to_owned(),
            findings,
        })
    })?;
    Ok(Loaded {
        allowlist,
        path: path.to_owned(),
        sha256: sha256_hex(&bytes),
    })
}

/// Reads the content of an allowlist.
///
/// # Errors
/// All that is wrong with it.
pub fn parse_allowlist(bytes: &[u8]) -> Result<Allowlist, Vec<Finding>> {
    allowlist::parse(strict::utf8(bytes)?)
}

fn not_readable(path: PathBuf, error: &FileError) -> Box<NotLoaded> {
    let deny = if error.is_missing() {
        Deny::new(
            DenyReason::AllowlistMissing,
            format!(
                "there is no allowlist, so nothing is allowed; write one to {} (the \
                 README shows an example), or take the hook off this VM",
                path.display()
            ),
        )
    } else {
        Deny::new(DenyReason::AllowlistUnreadable, error.to_string())
    };
    Box::new(NotLoaded {
        deny,
        path,
        findings: Vec::new(),
    })
}

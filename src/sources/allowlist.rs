//! The allowlist that counts: the cluster's if it exists, else this node's.
use std::path::PathBuf;

use super::settings::{sha256_hex, write_first};
use crate::allowlist::{self, Allowlist};
use crate::config::Config;
use crate::model::{Deny, DenyReason};
use crate::strict::{self, Finding};
use crate::system::{self, FileError, Trust};

/// Largest allowlist that is read: what pmxcfs holds in a file.
const LIMIT: usize = 1024 * 1024;

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

/// Reads the allowlist that counts. A bad one never falls back to the other, nor to a default.
///
/// # Errors
/// [`NotLoaded`].
pub fn load_allowlist(config: &Config) -> Result<Loaded, Box<NotLoaded>> {
    let cluster = &config.paths.cluster_allowlist;
    let (path, content) = match system::read(cluster, Trust::Decides, LIMIT) {
        Err(error) if error.is_missing() => {
            let local = &config.paths.allowlist;
            (local, system::read(local, Trust::Decides, LIMIT))
        }
        other => (cluster, other),
    };
    let bytes = content.map_err(|error| not_readable(path.clone(), &error))?;
    let invalid = |findings: Vec<Finding>| {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = write_first(&mut text, path, &findings);
        let deny = Deny::new(DenyReason::AllowlistInvalid, text);
        Box::new(NotLoaded {
            deny,
            path: path.clone(),
            findings,
        })
    };
    let text = strict::utf8(&bytes).map_err(invalid)?;
    let allowlist = allowlist::parse(text).map_err(invalid)?;
    let sha256 = sha256_hex(&bytes);
    Ok(Loaded {
        allowlist,
        path: path.clone(),
        sha256,
    })
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

//! Where an allowlist goes, and what is there now.
use std::path::PathBuf;

use crate::allowlist::Allowlist;
use crate::cli::Failure;
use crate::cli::arguments::allowlist::Which;
use crate::config::Config;
use crate::model::Deny;
use crate::sources::{ALLOWLIST_LIMIT, AllowlistFile, counts, load_allowlist, sha256_hex};
use crate::system::{self, Trust};

/// One of the two files as it was when it was looked at.
#[derive(Debug)]
pub(in crate::cli) struct Place {
    /// Which.
    pub(in crate::cli) file: AllowlistFile,
    /// Where it is.
    pub(in crate::cli) path: PathBuf,
    /// Its content; none where it is not there.
    pub(in crate::cli) bytes: Option<Vec<u8>>,
}

impl Place {
    /// The file that was asked for, else the one that counts.
    ///
    /// # Errors
    /// [`Failure`] where it is there and cannot be read.
    pub(in crate::cli) fn of(config: &Config, which: Which) -> Result<Place, Failure> {
        let file = match which {
            Which { cluster: true, .. } => AllowlistFile::Cluster,
            Which { local: true, .. } => AllowlistFile::Node,
            _ => counts(config).0,
        };
        let path = file.path(config).to_owned();
        let bytes = match system::read(&path, Trust::Decides, ALLOWLIST_LIMIT) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Place { file, path, bytes })
    }

    /// SHA-256 of the content, if there is one.
    pub(in crate::cli) fn sha256(&self) -> Option<String> {
        self.bytes.as_deref().map(sha256_hex)
    }

    /// What counts on this node as long as nothing is installed; where nothing can, that allows
    /// nothing, and this is why.
    pub(super) fn before(config: &Config) -> (Allowlist, Option<Deny>) {
        match load_allowlist(config) {
            Ok(loaded) => (loaded.allowlist, None),
            Err(not_loaded) => (Allowlist::default(), Some(not_loaded.deny)),
        }
    }

    /// Whether what is installed here will count.
    pub(super) fn will_count(&self, config: &Config) -> bool {
        self.file == AllowlistFile::Cluster || counts(config).0 == AllowlistFile::Node
    }
}

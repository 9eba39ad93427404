//! How a guest was started.
use std::fmt;

use serde::{Deserialize, Serialize};

/// The kinds of start that a guest's clock has to be treated differently for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartKind {
    /// An ordinary start: the guest boots.
    Cold,
    /// QEMU was started with `-S` (by a backup, or `freeze: 1`): it boots once somebody continues
    /// it, and that somebody is not this program.
    Paused,
    /// The guest goes on from a saved state (hibernation, or a snapshot with RAM).
    Resume,
    /// The guest arrives by live migration.
    Incoming,
}

impl StartKind {
    /// The word used in files and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            StartKind::Cold => "cold",
            StartKind::Paused => "paused",
            StartKind::Resume => "resume",
            StartKind::Incoming => "incoming",
        }
    }
}

impl fmt::Display for StartKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

//! The files that a decision is made from: config.toml, the VM's config, the allowlist.
//!
//! Belongs here: which file is read, how far it is trusted, and what it means when it cannot be.
#![forbid(unsafe_code)]

mod allowlist;
mod approvals;
mod guests;
mod pins;
mod settings;
mod snippets;
mod starter;
mod vm;

pub use allowlist::{
    AllowlistFile, LIMIT as ALLOWLIST_LIMIT, Loaded, NotLoaded, counts, load_allowlist,
    load_allowlist_for, parse_allowlist,
};
pub use approvals::{confirmation, judged};
pub use guests::{Existing, GuestsUnknown, existing_guests};
pub use pins::{
    is_pinned_here_only, load_pin, pin_files, pin_path, pinned_peers, remove_pin, save_pin,
};
pub use settings::{CONFIG_PATH, ConfigError, config_sha256, load_config, sha256_hex};
pub use snippets::{guests_naming, storages};
pub use starter::{starter, starter_by_hand};
pub use vm::{Guest, GuestError, config_path, find_guest, pending, pins, registered_tags, request};

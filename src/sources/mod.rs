//! The files that a decision is made from, config.toml, the VM's config, the allowlist; and where
//! config.toml wants things written down.
//!
//! Belongs here: which file is read, how far it is trusted, and what it means when it cannot be.
#![forbid(unsafe_code)]

mod allowlist;
mod settings;
mod trail;
mod vm;

pub use allowlist::{Loaded, NotLoaded, load_allowlist};
pub use settings::{CONFIG_PATH, ConfigError, load_config};
pub use trail::{syslog, trail};
pub use vm::{Guest, GuestError, config_path, find_guest, registered_tags};

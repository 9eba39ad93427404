//! The state of a start: what pre-start decided, for post-start and everything after it.
//!
//! Belongs here: `/run/time-shift/VMID.json` and nothing else. It is root's alone, like the
//! allowlist whose bounds it carries.
#![forbid(unsafe_code)]

mod note;
mod store;

pub use note::{Note, RtcResult, Stage};
pub use store::{StateError, Store};

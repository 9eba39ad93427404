//! The state of a start: what pre-start decided, for post-start and everything after it.
//!
//! Belongs here: the files of a VM in `/run/time-shift` (the note of its start, how its clock is
//! kept) and what outlives its QEMU process. They are root's alone, like the allowlist whose bounds
//! they carry.
#![forbid(unsafe_code)]

mod approval;
mod handover;
mod keep;
mod note;
mod store;

pub use approval::Approval;
pub use handover::{Handover, Handovers, Life};
pub use keep::{AgentResult, Keep, KeepStage};
pub use note::{Note, RtcResult, Stage};
pub use store::{StateError, Store};

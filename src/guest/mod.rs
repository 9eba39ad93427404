//! The guest: finding its QEMU process, talking to its monitor, setting its clock.
//!
//! Belongs here: everything that touches a guest. What it answers is its own claim: bounded before
//! it is parsed, checked before it is used, sanitised before it is shown.
#![forbid(unsafe_code)]

mod halt;
mod launch;
mod qemu;
pub mod qga;
mod qmp;
mod rescue;
pub mod rtc;
mod status;

pub use halt::Witness;
pub use launch::{Launch, LaunchRtc};
pub use qemu::{Qemu, QemuError};
pub use qmp::{Monitor, QmpError};
pub use rescue::{Rescue, RescueError, rescue};
pub use status::{RunState, Treatment, treatment};

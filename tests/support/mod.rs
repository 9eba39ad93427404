//! What the tests that drive the built programs share: a node's file system of their own, the hook
//! called as Proxmox VE calls it, and guests in it.
// Each test program uses a part of it.
#![allow(dead_code, unreachable_pub, unused_imports)]
// A test that cannot go on says so by a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod agent;
mod fake;
pub mod fake_agent;
mod guest;
mod monitor;
mod ntp;
pub mod order;
pub mod peak;
mod proxmox;
pub mod saved;
mod standing;
pub mod strace;
mod syslog;
mod terminal;
mod world;

pub use agent::{TestAgent, Went};
pub use fake::{Fake, wait_until};
pub use guest::{Clocks, Guest};
pub use monitor::{Edge, TestMonitor};
pub use ntp::Ntp;
pub use proxmox::Run;
pub use standing::Standing;
pub use syslog::{Daemon, journal};
pub use terminal::Session;
pub use world::{World, allow, time_shift};

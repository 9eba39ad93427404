//! A server's certificates: read from the network, understood, and made into a date.
//!
//! Belongs here: everything between a server's name and what its certificates say. Which VM gets the
//! date is for others. The hook uses none of this: a start never waits for a network.
#![forbid(unsafe_code)]

mod ask;
mod certificate;
mod choose;
mod dial;
mod error;
mod hello;
mod inbox;
mod modern;
mod protocol;
mod verdict;

pub use ask::{Depth, Http, Reading, http, read};
pub use certificate::{AltName, Certificate, Key};
pub use choose::{Conflict, Window, choose, common};
pub use error::ReadError;
pub use inbox::{Inbox, Progress};
pub use protocol::Protocol;
pub use verdict::{Remark, verdict};

/// Most certificates in a chain that are read.
pub const CHAIN_LIMIT: usize = 10;

/// Most bytes in a chain that are read.
pub const BYTES_LIMIT: usize = 64 * 1024;

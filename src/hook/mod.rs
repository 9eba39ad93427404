//! The hookscript. Start reading at [`pipeline`].
//!
//! Belongs here: the order of things and what is said about them. A failure of ours never keeps a
//! VM from starting, unless its profile says `block`.
#![forbid(unsafe_code)]

mod bug;
mod call;
mod context;
mod later;
pub mod pipeline;
mod planned;
mod rtc;

use std::process::ExitCode;

use self::call::{BadCall, Call};
use crate::voice::complain;

/// The variable in which Proxmox VE names the node a live migration comes from.
const MIGRATED_FROM: &str = "PVE_MIGRATED_FROM";

/// What a run of the hook ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// Done, or nothing to do, or nothing that may stop a VM: 0.
    Done,
    /// The VM must not start: 1. Only Proxmox VE's pre-start cares.
    Block,
    /// The call names no VM: 2.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0_u8,
            Exit::Block => 1,
            Exit::Usage => 2,
        })
    }
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    bug::never_die_of_a_bug();
    let arguments = std::env::args_os().skip(1);
    match Call::parse(arguments, std::env::var_os(MIGRATED_FROM)) {
        Ok(call) => pipeline::run(&call).into(),
        Err(bad) => {
            complain(&bad.to_string());
            match bad {
                BadCall::NoVmid => Exit::Usage.into(),
                BadCall::UnknownPhase { .. }
                | BadCall::TooMany { .. }
                | BadCall::BadNode { .. } => Exit::Done.into(),
            }
        }
    }
}

//! Who may have which time: a request and the allowlist become a decision.
//!
//! Belongs here: every check that can say no, and the one type that says yes,
//! [`Authorized`], which nothing else can make. No file, no clock.
#![forbid(unsafe_code)]

mod authorize;
mod choose;
mod command;
mod confirm;
mod decide;
mod explain;
mod machine;
mod pins;
mod role;
mod starter;

pub use authorize::{Authorized, authorize, authorize_restore};
pub use choose::asks_for_registered_tags;
pub use command::{HostPermit, HostValues, authorize_command, authorize_host_command};
pub use confirm::Confirmation;
pub use decide::{Decision, Grant, Request, Wish, decide, decide_wish};
pub use explain::{Check, Verdict, explain, explain_plan};
pub use pins::{Pins, asks_for_pins};
pub use role::{Member, authorize_verb, role_for};
pub use starter::{Starter, asks_for_starter, authorize_starter};

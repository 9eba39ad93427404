//! Keeps the clock of a running guest: sets it through the guest's agent, looks again for as long as
//! the shift is in force, gives the real time back.
//!
//! Belongs here: everything that happens to a clock after post-start, whoever asks for it (the worker,
//! the sweep, a person). Policy is asked again each time, and what is going to be set is written down
//! first. The hook uses none of this.
#![forbid(unsafe_code)]

mod allow;
mod apply;
mod by_hand;
mod changes;
mod due;
mod error;
mod intended;
mod look;
mod restore;
mod rtc;
mod services;
mod settle;
mod shows;
mod subject;
mod sweep;
mod worker;

pub use allow::Proposal;
pub use by_hand::{propose, shift, sync};
pub use changes::{Replacing, note_changes};
pub use error::KeepError;
pub use restore::restore;
pub use shows::{Shown, shows};
pub use subject::{Quiet, Subject};
pub use sweep::{SweepReport, sweep};
pub use worker::{WorkerEnd, work};

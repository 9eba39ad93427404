//! The RTC stage: the emulated MC146818 of `pc` and `q35`, written through the monitor.
mod error;
mod look;
mod ports;
mod registers;
mod stage;

pub use error::RtcError;
pub use look::{read, run_state, tick};
pub use stage::{RtcOrder, RtcReport, set, wait_for_alignment};

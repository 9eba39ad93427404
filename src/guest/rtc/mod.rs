//! The RTC stage: the emulated MC146818 of `pc` and `q35`, written through the monitor.
mod registers;
mod stage;

pub use stage::{RtcError, RtcOrder, RtcReport, set};

//! What was read back, compared with what was intended.
//!
//! Belongs here: comparison only. Signs: `error` is measured minus intended, positive = the guest
//! is ahead of what it should show.
#![forbid(unsafe_code)]

mod rtc;

pub use rtc::{RtcObservation, Verification, Window, rtc};

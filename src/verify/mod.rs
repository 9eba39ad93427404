//! What was read back, compared with what was intended.
//!
//! Belongs here: comparison only. Signs: `error` is measured minus intended, positive = the guest
//! is ahead of what it should show.
#![forbid(unsafe_code)]

mod agent;
mod lead;
mod rtc;

pub use agent::{AgentClock, AgentSample, agent, is_unchanged};
pub use lead::{Attempt, first_lead, next_lead};
pub use rtc::{RtcObservation, Verification, Window, rtc};

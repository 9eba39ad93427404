//! The words the whole program is written in: types that can only hold valid values.
//!
//! Belongs here: a value with a rule (a VMID's range, a date's form) and nothing that reads,
//! writes, asks the clock or decides.
#![forbid(unsafe_code)]

mod deny;
mod names;
mod phase;
mod plan;
mod printable;
mod start;
mod target;
mod time;
mod vmid;

pub use deny::{Deny, DenyReason, OnTrouble};
pub use names::{NameError, NodeName, ProfileName, Tag};
pub use phase::{Phase, UnknownPhase};
pub use plan::{ClockPlan, Course, RtcZone, Stage, Stages};
pub use printable::Printable;
pub use start::StartKind;
pub use target::{ClockTarget, Shift, ShiftBound, TargetError};
pub use time::{BootInstant, Now, Offset, TimeError, Timestamp, parse_bound, parse_lapse};
pub use vmid::{VmId, VmIdError};

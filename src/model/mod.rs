//! The words the whole program is written in: types that can only hold valid values.
//!
//! Belongs here: a value with a rule (a VMID's range, a date's form) and nothing that reads,
//! writes, asks the clock or decides.
#![forbid(unsafe_code)]

mod deny;
mod instant;
mod invocation;
mod names;
mod offset;
mod peer;
mod phase;
mod pin;
mod plan;
mod printable;
mod shift;
mod start;
mod target;
mod text;
mod time;
mod upid;
mod valid;
mod validity;
mod verb;
mod vmid;

pub use deny::{Deny, DenyReason, OnTrouble};
pub use instant::{BootInstant, Now};
pub use invocation::Invocation;
pub use names::{NameError, NodeName, ProfileName, Tag, TokenName, UserName};
pub use offset::Offset;
pub use peer::{Peer, PeerError};
pub use phase::{Phase, UnknownPhase};
pub use pin::{Fingerprint, FingerprintError, Pin};
pub use plan::{ClockPlan, Course, RtcZone, Stage, Stages};
pub use printable::Printable;
pub use shift::{Shift, ShiftBound};
pub use start::StartKind;
pub use target::{ClockTarget, TargetError};
pub use text::{lapse_text, parse_bound, parse_lapse};
pub use time::{TimeError, Timestamp};
pub use upid::Upid;
pub use valid::{
    AbsolutePath, FileName, GITHUB_PREFIXES, Host, HostError, HostName, Port, PortError, PveCaller,
    PveToken, PveUser, VmName, Zone, is_api_token, is_github_token,
};
pub use validity::{CalendarSecond, Standing, Validity};
pub use verb::Verb;
pub use vmid::{VmId, VmIdError};

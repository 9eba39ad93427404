//! One line of the trail.
use serde::Serialize;

use crate::model::{DenyReason, Offset, Printable, ProfileName, StartKind, Timestamp, VmId};

/// What happened. The codes are stable.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A guest's clock is going to be changed.
    Intent,
    /// What became of an intent.
    Outcome,
    /// A guest's clock was asked to be changed and is not.
    Denied,
    /// A VM that an earlier run had left paused was continued, or could not be.
    Rescue,
    /// The VM stopped, and with it the shift of its clock ended.
    Ended,
    /// Something in a guest has set its clock otherwise.
    Undone,
    /// A command was run in a guest.
    Command,
    /// A guest got its real time back.
    Restored,
}

/// A record, made of typed parts only: no text from outside gets in unless it is a [`Printable`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record<'a> {
    /// What happened.
    pub event: Event,
    /// To which VM.
    pub vmid: VmId,
    /// Its name at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a Printable>,
    /// How it was started, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_kind: Option<StartKind>,
    /// The profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'a ProfileName>,
    /// The line of the allowlist at which the rule starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<usize>,
    /// SHA-256 of the allowlist, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowlist_sha256: Option<&'a str>,
    /// What the guest shall show, or was set to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_time: Option<Timestamp>,
    /// Guest minus host, as intended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_ns: Option<Offset>,
    /// Measured minus intended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<Offset>,
    /// Whether reading back showed what was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// The same for people, sanitised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Printable>,
}

impl Event {
    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Event::Intent => "intent",
            Event::Outcome => "outcome",
            Event::Denied => "denied",
            Event::Rescue => "rescue",
            Event::Ended => "ended",
            Event::Undone => "undone",
            Event::Command => "command",
            Event::Restored => "restored",
        }
    }
}

impl<'a> Record<'a> {
    /// A record with nothing but its event and VM.
    #[must_use]
    pub fn new(event: Event, vmid: VmId) -> Record<'a> {
        Record {
            event,
            vmid,
            name: None,
            start_kind: None,
            profile: None,
            rule_line: None,
            allowlist_sha256: None,
            guest_time: None,
            offset_ns: None,
            error_ns: None,
            verified: None,
            reason: None,
            text: None,
        }
    }
}

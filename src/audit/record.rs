//! One record of the trail.
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::event::Event;
use crate::model::{
    ClockTarget, DenyReason, Offset, Printable, ProfileName, StartKind, Timestamp, VmId,
};

/// A record, made of typed parts only: no text from outside gets in unless it is a [`Printable`].
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record<'a> {
    /// What happened.
    pub event: Event,
    /// To which VM; none where it is about the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vmid: Option<VmId>,
    /// Its name at that time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a Printable>,
    /// How it was started, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_kind: Option<StartKind>,
    /// The profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'a ProfileName>,
    /// The profile's target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a ClockTarget>,
    /// The line of the allowlist at which the rule starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_line: Option<usize>,
    /// SHA-256 of the allowlist, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowlist_sha256: Option<&'a str>,
    /// What the guest shall show, or was set to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guest_time: Option<Timestamp>,
    /// Guest minus host, as intended; in [`Event::Closed`] as it was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset_ns: Option<Offset>,
    /// Measured minus intended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_ns: Option<Offset>,
    /// Whether reading back showed what was set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<bool>,
    /// How long it took.
    #[serde(
        rename = "duration-ns",
        serialize_with = "nanos",
        skip_serializing_if = "Option::is_none"
    )]
    pub duration: Option<Duration>,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// The same for people, sanitised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Printable>,
}

fn nanos<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    let nanos = duration.unwrap_or_default().as_nanos();
    serializer.serialize_u64(u64::try_from(nanos).unwrap_or(u64::MAX))
}

impl<'a> Record<'a> {
    /// A record with nothing but its event and VM.
    #[must_use]
    pub fn new(event: Event, vmid: VmId) -> Record<'a> {
        Record {
            vmid: Some(vmid),
            ..Record::of_node(event)
        }
    }

    /// A record with nothing but its event, which is about no VM.
    #[must_use]
    pub fn of_node(event: Event) -> Record<'a> {
        Record {
            event,
            vmid: None,
            name: None,
            start_kind: None,
            profile: None,
            target: None,
            rule_line: None,
            allowlist_sha256: None,
            guest_time: None,
            offset_ns: None,
            error_ns: None,
            verified: None,
            duration: None,
            reason: None,
            text: None,
        }
    }

    /// What was decided, if the record is about that.
    pub(super) fn decision(&self) -> Option<&'static str> {
        match self.event {
            Event::Intent => Some("permit"),
            Event::Denied => Some("deny"),
            _ => None,
        }
    }

    /// What came of it, if the record is about that.
    pub(super) fn result(&self) -> Option<&'static str> {
        match (self.event, self.verified) {
            (_, Some(true)) => Some("verified"),
            (_, Some(false)) => Some("not-verified"),
            (Event::Outcome, None) => Some("not-set"),
            _ => None,
        }
    }
}

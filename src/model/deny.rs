//! Why a guest's clock is left alone.
use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal,)*) => {
        /// A stable code for each way to say no. Scripts and reports rely on the spelling.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum DenyReason {
            $($(#[doc = $doc])* #[serde(rename = $code)] $variant,)*
        }

        impl DenyReason {
            /// Every reason there is.
            pub const ALL: &[DenyReason] = &[$(DenyReason::$variant,)*];

            /// The code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(DenyReason::$variant => $code,)*
                }
            }

            /// What it means, for people.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(DenyReason::$variant => concat!($($doc,)*).trim_ascii_start(),)*
                }
            }
        }
    };
}

reasons! {
    /// No rule of the allowlist names this VM, but a tag of it asks for a profile.
    NoRule = "NO_RULE",
    /// There is no allowlist.
    AllowlistMissing = "ALLOWLIST_MISSING",
    /// The allowlist cannot be read, or somebody else than root could have written it.
    AllowlistUnreadable = "ALLOWLIST_UNREADABLE",
    /// The allowlist has errors.
    AllowlistInvalid = "ALLOWLIST_INVALID",
    /// config.toml cannot be read, or has errors.
    ConfigInvalid = "CONFIG_INVALID",
    /// The VM's config cannot be read.
    VmConfigUnreadable = "VM_CONFIG_UNREADABLE",
    /// More than one `ts-` tag.
    TagsAmbiguous = "TAGS_AMBIGUOUS",
    /// A tag chooses, but any user could have set it: it is not registered in datacenter.cfg.
    TagNotRegistered = "TAG_NOT_REGISTERED",
    /// The rule does not list the profile that the tag names.
    ProfileNotAllowed = "PROFILE_NOT_ALLOWED",
    /// The allowlist does not have the command that was to be run, or its profile does not list it.
    CommandNotAllowed = "COMMAND_NOT_ALLOWED",
    /// The rule is for another VM that had this VMID (smbios1 uuid).
    UuidMismatch = "UUID_MISMATCH",
    /// The rule is for starts by certain users of Proxmox VE, and somebody else is behind this one.
    PveUserNotAllowed = "PVE_USER_NOT_ALLOWED",
    /// The rule wants a confirmation that was not given.
    ConfirmationMissing = "CONFIRMATION_MISSING",
    /// No certificate is pinned for the profile's `cert:` target.
    CertificateNotPinned = "CERTIFICATE_NOT_PINNED",
    /// The guest's time would lie before the rule's `earliest`.
    TooEarly = "TOO_EARLY",
    /// The guest's time would lie after the rule's `latest`.
    TooLate = "TOO_LATE",
    /// The guest's time would be further from the host's than the rule's `max-shift`.
    ShiftTooLarge = "SHIFT_TOO_LARGE",
    /// The machine type or firmware cannot hold the year.
    MachineCannotHold = "MACHINE_CANNOT_HOLD",
    /// The time cannot be calculated.
    TimeOutOfRange = "TIME_OUT_OF_RANGE",
    /// The audit trail could not be written, so nothing is changed.
    IntentNotLogged = "INTENT_NOT_LOGGED",
    /// No role of the allowlist lets this user do it with the command line.
    NoRole = "NO_ROLE",
    /// The state of this start could not be written, so nothing is changed.
    StateNotWritten = "STATE_NOT_WRITTEN",
}

impl fmt::Display for DenyReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What becomes of a VM's start when its clock is not to be, or cannot be, changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OnTrouble {
    /// It starts, with the real time.
    #[default]
    Start,
    /// It does not start.
    Block,
}

impl OnTrouble {
    /// The words of the files.
    pub const WORDS: &[(&str, OnTrouble)] =
        &[("start", OnTrouble::Start), ("block", OnTrouble::Block)];
}

/// A refusal: the code, and a sentence that tells the operator what to do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Deny {
    /// The stable code.
    pub reason: DenyReason,
    /// What is wrong and what to do; made of our own words and sanitised text.
    pub text: String,
    /// Whether the profile wants the VM not to start (`on-denied = "block"`).
    pub block: bool,
}

impl Deny {
    /// A refusal that lets the VM start.
    #[must_use]
    pub fn new(reason: DenyReason, text: impl Into<String>) -> Deny {
        Deny {
            reason,
            text: text.into(),
            block: false,
        }
    }

    /// The same refusal, which also keeps the VM from starting if `block`.
    #[must_use]
    pub fn blocking(self, block: bool) -> Deny {
        Deny { block, ..self }
    }
}

impl Default for Deny {
    fn default() -> Deny {
        Deny::new(DenyReason::NoRule, "no rule of the allowlist names this VM")
    }
}

impl fmt::Display for Deny {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_shouted() {
        let mut codes: Vec<_> = DenyReason::ALL.iter().map(|reason| reason.code()).collect();
        assert!(
            codes
                .iter()
                .all(|code| code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        );
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), DenyReason::ALL.len());
    }
}

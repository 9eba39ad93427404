//! Rules that apply only while somebody has approved it.
use std::time::Duration;

use crate::allowlist::Rule;
use crate::model::{Deny, DenyReason, ProfileName, VmId};

/// What is known about the approval that a rule with `confirm = true` wants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Confirmation {
    /// There is none.
    #[default]
    Missing,
    /// There was one, which has run out or belongs to another boot of the host.
    RanOut,
    /// There is one, which was given under another allowlist.
    OtherAllowlist,
    /// There is something that is no approval; the reason.
    Unusable(String),
    /// There is one for this profile, which holds for so long.
    Given {
        /// The profile.
        profile: ProfileName,
        /// How long it still holds.
        left: Duration,
    },
    /// This start was approved when it began, with this profile: that covers it to its end.
    Covered(ProfileName),
    /// Only what would be if there were one is asked.
    Assumed,
}

/// Whether the rule may apply to the VM with this profile.
pub(super) fn check(
    rule: &Rule,
    vmid: VmId,
    profile: &ProfileName,
    confirmation: &Confirmation,
) -> Result<(), Deny> {
    let there_is = match confirmation {
        _ if !rule.confirm => return Ok(()),
        Confirmation::Assumed => return Ok(()),
        Confirmation::Given { profile: given, .. } | Confirmation::Covered(given) => {
            if given == profile {
                return Ok(());
            }
            format!("; there is an approval for profile {given}")
        }
        Confirmation::Missing => String::new(),
        Confirmation::RanOut => "; the last approval has run out".to_owned(),
        Confirmation::OtherAllowlist => {
            "; an approval was given before the allowlist was changed".to_owned()
        }
        Confirmation::Unusable(why) => format!("; the approval cannot be used: {why}"),
    };
    Err(Deny::new(
        DenyReason::ConfirmationMissing,
        format!(
            "the rule (allowlist line {}) wants profile {profile} to be approved on this node \
             first{there_is}: `time-shift approve {vmid} --profile {profile}` permits it for up to an hour",
            rule.line
        ),
    ))
}

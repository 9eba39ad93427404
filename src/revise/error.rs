//! Why a text is not changed.
use std::fmt;

use crate::allowlist::no_profile;
use crate::model::{ProfileName, VmId};
use crate::strict::Finding;

/// Why a text is not changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReviseError {
    /// There is no such profile.
    UnknownProfile {
        /// The one that was asked for.
        profile: ProfileName,
        /// Those that there are.
        known: Vec<ProfileName>,
    },
    /// The VM's rule does not list the profile, so its bounds were not made for it.
    NotListed {
        /// The profile.
        profile: ProfileName,
        /// Where the rule starts.
        line: usize,
    },
    /// The VM has a rule, and bounds of its own or those of another VM were asked for.
    HasARule {
        /// Where the rule starts.
        line: usize,
    },
    /// No rule covers the VM, and none assigns the profile.
    NoBounds(ProfileName),
    /// No rule covers the VM, and several assign the profile.
    SeveralRules {
        /// The profile.
        profile: ProfileName,
        /// Where they start.
        lines: Vec<usize>,
    },
    /// The rule of the VM that was named as an example does not assign the profile, or there is none.
    NotLike {
        /// That VM.
        other: VmId,
        /// The profile.
        profile: ProfileName,
    },
    /// The rule that would be joined is for one VM only.
    Bound {
        /// Where it starts.
        line: usize,
    },
    /// The rules are not written as tables of their own.
    Layout(&'static str),
    /// The result would not load.
    Invalid(Vec<Finding>),
    /// The result would change what others may.
    Others,
}

/// What to do where this program cannot write it.
const BY_HAND: &str = "write it by hand: time-shift allowlist edit";

impl fmt::Display for ReviseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReviseError::UnknownProfile { profile, known } if known.is_empty() => write!(
                f,
                "the allowlist has no profile {profile}, nor any other; {BY_HAND}"
            ),
            ReviseError::UnknownProfile { profile, known } => {
                f.write_str(&no_profile(profile, known))
            }
            ReviseError::NotListed { profile, line } => write!(
                f,
                "its rule (allowlist line {line}) does not list profile {profile}, so the rule's bounds \
                 were not made for it; add it to the rule's profiles (time-shift allowlist edit), or take \
                 the VM out of the rule first (time-shift unassign)"
            ),
            ReviseError::HasARule { line } => write!(
                f,
                "it has a rule already (allowlist line {line}), whose bounds hold; take it out of that \
                 first (time-shift unassign), or {BY_HAND}"
            ),
            ReviseError::NoBounds(profile) => write!(
                f,
                "no rule names it, and none assigns profile {profile} that it could join, so there are \
                 no bounds for it: say --earliest, --latest and --max-shift for a rule of its own"
            ),
            ReviseError::SeveralRules { profile, lines } => {
                let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
                write!(
                    f,
                    "no rule names it, and more than one assigns profile {profile} (allowlist lines {}): \
                     say with --like VMID whose bounds it shall have",
                    lines.join(", ")
                )
            }
            ReviseError::NotLike { other, profile } => write!(
                f,
                "VM {other} has no rule that assigns profile {profile}, so there are no bounds to be taken \
                 from it"
            ),
            ReviseError::Bound { line } => write!(
                f,
                "the rule in allowlist line {line} has a `uuid`, so it is for one VM only; say --earliest, \
                 --latest and --max-shift for a rule of its own"
            ),
            ReviseError::Layout(why) => write!(f, "{why}; {BY_HAND}"),
            ReviseError::Invalid(findings) => {
                f.write_str("the file would not be valid any more")?;
                match findings.first() {
                    Some(finding) => write!(f, ": {}", finding.text),
                    None => Ok(()),
                }
            }
            ReviseError::Others => {
                write!(f, "the change would not be about this VM alone; {BY_HAND}")
            }
        }
    }
}

impl std::error::Error for ReviseError {}

//! What is to be done to the rules so that one VM has a profile, or none.
use super::error::ReviseError;
use super::{Bounds, Off, Source};
use crate::allowlist::{Allowlist, Rule};
use crate::model::{ProfileName, VmId};

/// A change of the rules, which are named by their number in the file, from 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// It is as it should be.
    Nothing,
    /// The rule is the VM's alone: its `assign` is written, or removed.
    Set {
        /// The VM's.
        rule: usize,
        /// What it assigns.
        assign: Option<ProfileName>,
    },
    /// The rule has other VMs: this one gets a copy of it with another `assign`.
    Split {
        /// The VM's.
        rule: usize,
        /// What the copy assigns.
        assign: Option<ProfileName>,
    },
    /// The VM goes into another rule.
    Join {
        /// The one in which it is.
        from: Option<usize>,
        /// The one into which it goes.
        to: usize,
    },
    /// The VM goes out of its rule, which goes with it if it is its alone.
    Leave {
        /// The VM's.
        rule: usize,
    },
    /// The VM gets a rule of its own.
    New {
        /// The profile, listed and assigned.
        profile: ProfileName,
        /// Its bounds.
        bounds: Bounds,
    },
}

/// How a VM gets a profile.
pub(super) fn to_assign(
    allowlist: &Allowlist,
    vmid: VmId,
    profile: &ProfileName,
    source: &Source,
) -> Result<Step, ReviseError> {
    if !allowlist.profiles.contains_key(profile) {
        return Err(ReviseError::UnknownProfile {
            profile: profile.clone(),
            known: allowlist.profiles.keys().cloned().collect(),
        });
    }
    let rules = &allowlist.rules;
    if let Some((number, rule)) = of(rules, vmid) {
        if rule.assign.as_ref() == Some(profile) {
            return Ok(Step::Nothing);
        }
        if *source != Source::TheOnlyRule {
            return Err(ReviseError::HasARule { line: rule.line });
        }
        if !rule.profiles.contains(profile) {
            return Err(ReviseError::NotListed {
                profile: profile.clone(),
                line: rule.line,
            });
        }
        return Ok(change(rules, number, rule, Some(profile)));
    }
    let joins = |(number, rule): (usize, &Rule)| match rule.uuid {
        None => Ok(Step::Join {
            from: None,
            to: number,
        }),
        Some(_) => Err(ReviseError::Bound { line: rule.line }),
    };
    match source {
        Source::Bounds(bounds) => Ok(Step::New {
            profile: profile.clone(),
            bounds: bounds.clone(),
        }),
        Source::RuleOf(other) => of(rules, *other)
            .filter(|(_, rule)| rule.assign.as_ref() == Some(profile))
            .ok_or_else(|| ReviseError::NotLike {
                other: *other,
                profile: profile.clone(),
            })
            .and_then(joins),
        Source::TheOnlyRule => {
            let assigning: Vec<(usize, &Rule)> = rules
                .iter()
                .enumerate()
                .filter(|(_, rule)| rule.assign.as_ref() == Some(profile))
                .collect();
            match assigning.as_slice() {
                [] => Err(ReviseError::NoBounds(profile.clone())),
                [one] => joins(*one),
                several => Err(ReviseError::SeveralRules {
                    profile: profile.clone(),
                    lines: several.iter().map(|(_, rule)| rule.line).collect(),
                }),
            }
        }
    }
}

/// How a VM is taken off.
pub(super) fn to_unassign(allowlist: &Allowlist, vmid: VmId, off: Off) -> Step {
    let rules = &allowlist.rules;
    match (of(rules, vmid), off) {
        (None, _) => Step::Nothing,
        (Some((rule, _)), Off::OfItsRule) => Step::Leave { rule },
        (Some((_, rule)), Off::OfTheAssignment) if rule.assign.is_none() => Step::Nothing,
        (Some((number, rule)), Off::OfTheAssignment) => change(rules, number, rule, None),
    }
}

/// How a VM gets another `assign` under the same bounds.
fn change(rules: &[Rule], number: usize, rule: &Rule, assign: Option<&ProfileName>) -> Step {
    if is_one_vms(rule) {
        return Step::Set {
            rule: number,
            assign: assign.cloned(),
        };
    }
    let twin = |other: &Rule| {
        *other
            == Rule {
                ranges: other.ranges.clone(),
                assign: assign.cloned(),
                line: other.line,
                ..rule.clone()
            }
    };
    match rules.iter().position(twin) {
        // A `uuid` is one VM's.
        Some(to) if rule.uuid.is_none() => Step::Join {
            from: Some(number),
            to,
        },
        _ => Step::Split {
            rule: number,
            assign: assign.cloned(),
        },
    }
}

/// Whether the rule covers one VM.
pub(super) fn is_one_vms(rule: &Rule) -> bool {
    matches!(rule.ranges.as_slice(), [(first, last)] if first == last)
}

/// The rule of a VM with its number.
fn of(rules: &[Rule], vmid: VmId) -> Option<(usize, &Rule)> {
    let holds = |rule: &Rule| {
        let mut ranges = rule.ranges.iter();
        ranges.any(|(first, last)| (first..=last).contains(&&vmid))
    };
    rules.iter().enumerate().find(|(_, rule)| holds(rule))
}

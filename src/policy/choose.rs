//! Which profile a VM gets: the one its rule assigns, else the one its tag names.
use crate::allowlist::{Allowlist, Profile, Rule};
use crate::model::{ClockTarget, Deny, DenyReason, Printable, ProfileName, Tag, VmId};
use crate::strict::nearest;
use crate::vmconfig::VmFacts;

/// What a tag that names a profile starts with.
const TAG_PREFIX: &str = "ts-";

/// The profiles that a VM's tags name, without the prefix. Proxmox VE takes tags in any case.
pub(super) fn profile_tags(facts: &VmFacts) -> Vec<String> {
    let lower = facts
        .tags
        .iter()
        .map(|tag| tag.as_str().to_ascii_lowercase());
    lower
        .filter_map(|tag| tag.strip_prefix(TAG_PREFIX).map(str::to_owned))
        .collect()
}

/// Whether the decision about this VM depends on which tags are registered in datacenter.cfg.
#[must_use]
pub fn asks_for_registered_tags(vmid: VmId, facts: &VmFacts, allowlist: &Allowlist) -> bool {
    allowlist
        .rule_for(vmid)
        .is_some_and(|rule| rule.assign.is_none() && !rule.any_tag)
        && !profile_tags(facts).is_empty()
}

/// The profile for a VM under `rule`; `None` where neither the rule nor a tag names one.
pub(super) fn choose<'a>(
    rule: &Rule,
    facts: &VmFacts,
    registered: &[Tag],
    allowlist: &'a Allowlist,
) -> Result<Option<(&'a ProfileName, &'a Profile)>, Deny> {
    let wanted = match &rule.assign {
        Some(assigned) => assigned.as_str().to_owned(),
        None => match tagged(rule, facts, registered)? {
            Some(tag) => tag,
            None => return Ok(None),
        },
    };
    let listed = rule.profiles.iter().find(|name| name.as_str() == wanted);
    match listed.and_then(|name| allowlist.profiles.get_key_value(name)) {
        Some(found) => Ok(Some(found)),
        None => Err(Deny::new(
            DenyReason::ProfileNotAllowed,
            format!(
                "tag {TAG_PREFIX}{} names a profile that the rule for this VM (allowlist line {}) does \
                 not list;{} add it to the rule's profiles or remove the tag",
                Printable::from(wanted.as_str()),
                rule.line,
                meant(&wanted, rule)
                    .map(|near| format!(" did you mean {TAG_PREFIX}{near}?"))
                    .unwrap_or_default()
            ),
        )),
    }
}

/// The profile that the VM's tags name. Tags that any user could have set count for nothing beside
/// registered ones, so that nobody can spoil the choice with one more.
fn tagged(rule: &Rule, facts: &VmFacts, registered: &[Tag]) -> Result<Option<String>, Deny> {
    let all = profile_tags(facts);
    let counts = |tag: &&String| {
        let full = format!("{TAG_PREFIX}{tag}");
        rule.any_tag
            || registered
                .iter()
                .any(|known| known.as_str().eq_ignore_ascii_case(&full))
    };
    let mut counting: Vec<&String> = all.iter().filter(counts).collect();
    match (counting.pop(), counting.is_empty()) {
        (Some(tag), true) if !(rule.any_tag && facts.tags_cut) => Ok(Some(tag.clone())),
        (Some(_), _) => Err(ambiguous(all)),
        (None, _) => match all.first() {
            Some(tag) => Err(not_registered(rule, tag)),
            None => Ok(None),
        },
    }
}

/// A profile that somebody names, if the rule lists it.
pub(super) fn listed<'a>(
    rule: &Rule,
    name: &ProfileName,
    allowlist: &'a Allowlist,
) -> Result<(&'a ProfileName, &'a Profile), Deny> {
    let found = allowlist.profiles.get_key_value(name);
    found.filter(|_| rule.profiles.contains(name)).ok_or_else(|| {
        let list: Vec<&str> = rule.profiles.iter().map(ProfileName::as_str).collect();
        Deny::new(
            DenyReason::ProfileNotAllowed,
            format!(
                "the rule for this VM (allowlist line {}) does not list the profile {name}; it lists {}{}",
                rule.line,
                list.join(", "),
                meant(name.as_str(), rule)
                    .map(|near| format!("; did you mean {near}?"))
                    .unwrap_or_default()
            ),
        )
    })
}

/// The profile of the rule that a misspelt name probably means.
fn meant<'r>(name: &str, rule: &'r Rule) -> Option<&'r str> {
    nearest(name, rule.profiles.iter().map(ProfileName::as_str))
}

/// The profile of a rule that has no other.
pub(super) fn only_one<'a>(
    rule: &Rule,
    allowlist: &'a Allowlist,
) -> Result<(&'a ProfileName, &'a Profile), Deny> {
    match rule.profiles.as_slice() {
        [one] => listed(rule, one, allowlist),
        _ => Err(Deny::new(
            DenyReason::ProfileNotAllowed,
            format!(
                "the VM has no profile of its own and its rule (allowlist line {}) lists several; say \
                 which one with --profile",
                rule.line
            ),
        )),
    }
}

/// A profile of the rule whose guests have the host's time.
pub(super) fn follows_the_host<'a>(
    rule: &Rule,
    allowlist: &'a Allowlist,
) -> Result<(&'a ProfileName, &'a Profile), Deny> {
    let known = rule.profiles.iter();
    known
        .filter_map(|name| allowlist.profiles.get_key_value(name))
        .find(|(_, profile)| profile.target == ClockTarget::Now)
        .ok_or_else(|| {
            Deny::new(
                DenyReason::ProfileNotAllowed,
                format!(
                    "the VM has no shift, and its rule (allowlist line {}) lists no profile with target \
                     \"now\" by which it could be synchronised",
                    rule.line
                ),
            )
        })
}

fn ambiguous(mut tags: Vec<String>) -> Deny {
    tags.sort_unstable();
    let tags: Vec<String> = tags
        .iter()
        .map(|tag| format!("{TAG_PREFIX}{tag}"))
        .collect();
    let tags = tags.join(", ");
    Deny::new(
        DenyReason::TagsAmbiguous,
        format!("more than one tag names a profile ({tags}); leave one"),
    )
}

/// Only a registered tag is known to have been set by somebody who may (Sys.Modify on `/`).
fn not_registered(rule: &Rule, tag: &str) -> Deny {
    Deny::new(
        DenyReason::TagNotRegistered,
        format!(
            "tag {} may have been set by any user of the VM; register it in datacenter.cfg \
             (registered-tags), or say any-tag = true in the rule (allowlist line {})",
            Printable::from(format!("{TAG_PREFIX}{tag}")),
            rule.line
        ),
    )
}

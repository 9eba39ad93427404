//! `time-shift assign` and `unassign`: one VM put under a profile, or taken off, in the allowlist's text.
use super::allowlist::{By, Manner, Place, offer, unchanged};
use super::arguments::allowlist::{Assign, Unassign, Which};
use super::role::Access;
use super::{Exit, Failure, complain};
use crate::allowlist::Allowlist;
use crate::audit::Event;
use crate::config::Config;
use crate::model::VmId;
use crate::revise::{self, Bounds, Off, Revision, Source};
use crate::sources::load_allowlist;

pub(super) fn assign(config: &Config, access: Access, options: &Assign) -> Result<Exit, Failure> {
    let source = match (
        options.like,
        &options.earliest,
        &options.latest,
        &options.max_shift,
    ) {
        (Some(other), ..) => Source::RuleOf(other),
        (None, Some(earliest), Some(latest), Some(max_shift)) => Source::Bounds(Bounds {
            earliest: earliest.clone(),
            latest: latest.clone(),
            max_shift: max_shift.clone(),
        }),
        _ => Source::TheOnlyRule,
    };
    if matches!(source, Source::Bounds(_)) && !access.is_admin() {
        complain(&format!(
            "VM {}: denied (NO_ROLE): a rule with bounds of one's own is for root and for roles with the \
             verb \"admin\"; the verb \"assign\" puts VMs under rules that are there",
            options.vmid
        ));
        return Ok(Exit::Denied);
    }
    let command = format!("assign {} {}", options.vmid, options.profile);
    let by = By {
        event: Event::Assigned,
        vmid: Some(options.vmid),
        profile: Some(&options.profile),
        command: &command,
        how: None,
    };
    let already = format!("it has profile {} already", options.profile);
    let change = |text: &str, list: &Allowlist| {
        revise::assign(text, list, options.vmid, &options.profile, &source)
    };
    let manner = Manner {
        yes: options.yes,
        json: options.json,
    };
    revise(config, options.vmid, by, &already, manner, |_| None, change)
}

pub(super) fn unassign(
    config: &Config,
    access: Access,
    options: &Unassign,
) -> Result<Exit, Failure> {
    let vmid = options.vmid;
    let refusal = |list: &Allowlist| {
        let rule = list
            .rule_for(vmid)
            .filter(|_| !options.by_tag && !access.is_admin());
        let binds = rule.is_some_and(|rule| rule.confirm || !rule.pve_users.is_empty());
        binds.then_some(
            "its rule wants an approval (confirm = true) or certain users (pve-users), and only root and roles \
             with the verb \"admin\" take a VM out of that: another rule may want neither",
        )
    };
    let (off, command, already) = match options.by_tag {
        true => (
            Off::OfTheAssignment,
            "unassign --by-tag",
            "nothing is assigned to it",
        ),
        false => (Off::OfItsRule, "unassign", "no rule names it"),
    };
    let command = format!("{command} {vmid}");
    let change = |text: &str, list: &Allowlist| revise::unassign(text, list, vmid, off);
    let by = By {
        event: Event::Assigned,
        vmid: Some(vmid),
        profile: None,
        command: &command,
        how: None,
    };
    let manner = Manner {
        yes: options.yes,
        json: options.json,
    };
    revise(config, vmid, by, already, manner, refusal, change)
}

/// Changes the file that counts, unless what it says is a reason not to.
fn revise(
    config: &Config,
    vmid: VmId,
    by: By<'_>,
    already: &str,
    manner: Manner,
    refusal: impl Fn(&Allowlist) -> Option<&'static str>,
    change: impl Fn(&str, &Allowlist) -> Result<Option<Revision>, revise::ReviseError>,
) -> Result<Exit, Failure> {
    let of_vm = |why: &dyn std::fmt::Display| Failure(format!("VM {vmid}: {why}"));
    let which = Which {
        cluster: false,
        local: false,
    };
    let place = Place::of(config, which)?;
    let loaded = load_allowlist(config).map_err(|not_loaded| not_loaded.deny)?;
    let text = place.bytes.as_deref().map(std::str::from_utf8);
    let Some(Ok(text)) = text else {
        return Err(of_vm(&"the allowlist cannot be read"));
    };
    if place.sha256().as_ref() != Some(&loaded.sha256) {
        return Err(of_vm(&"the allowlist is just being changed; try again"));
    }
    if let Some(why) = refusal(&loaded.allowlist) {
        complain(&format!("VM {vmid}: denied (NO_ROLE): {why}"));
        return Ok(Exit::Denied);
    }
    match change(text, &loaded.allowlist).map_err(|error| of_vm(&error))? {
        None => {
            let how = format!("VM {vmid}: {already}");
            unchanged(&place, Some(&how), manner.json)
        }
        Some(revision) => {
            let how = format!("VM {vmid}: {}", revision.how);
            let by = By {
                how: Some(&how),
                ..by
            };
            offer(config, &place, revision.text.as_bytes(), manner, &by)
        }
    }
}

//! What becomes different for the VMs of a rule.
use super::{Change, Kind, becomes, or_none, profile};
use crate::allowlist::{Allowlist, Rule};
use crate::model::{ProfileName, PveCaller, Stages};

/// What becomes different for VMs that have this rule now and that one then.
pub(super) fn changes(
    (old_list, old): (&Allowlist, Option<&Rule>),
    (new_list, new): (&Allowlist, Option<&Rule>),
) -> Vec<Change> {
    match (old, new) {
        (None, None) => Vec::new(),
        (None, Some(rule)) => whole(new_list, rule, Kind::Gains),
        (Some(rule), None) => whole(old_list, rule, Kind::Loses),
        (Some(old), Some(new)) => between((old_list, old), (new_list, new)),
    }
}

/// All that a rule permits.
fn whole(list: &Allowlist, rule: &Rule, kind: Kind) -> Vec<Change> {
    let mut changes: Vec<Change> = rule
        .profiles
        .iter()
        .map(|name| of_profile(list, rule, name, kind))
        .collect();
    let mut bounds = format!(
        "bounds: {} to {}, at most {} from the host's time; stages {}",
        rule.earliest,
        rule.latest,
        rule.max_shift,
        stages(rule.stages)
    );
    if rule.confirm {
        bounds.push_str("; wants an approval");
    }
    if rule.any_tag {
        bounds.push_str("; any user's tag counts");
    }
    if let Some(uuid) = &rule.uuid {
        bounds.push_str(&format!("; only with uuid {uuid}"));
    }
    if !rule.pve_users.is_empty() {
        bounds.push_str(&format!("; only for starts by {}", users(&rule.pve_users)));
    }
    changes.push(Change::new(kind, bounds));
    changes
}

fn of_profile(list: &Allowlist, rule: &Rule, name: &ProfileName, kind: Kind) -> Change {
    let way = match &rule.assign {
        Some(assigned) if assigned == name => "assigned".to_owned(),
        Some(_) => "by hand".to_owned(),
        None => format!("by the tag ts-{name}"),
    };
    let what = list.profiles.get(name).map_or_else(String::new, |profile| {
        format!(": {}", profile::summary(profile))
    });
    Change::new(kind, format!("profile {name} ({way}){what}"))
}

fn between(
    (old_list, old): (&Allowlist, &Rule),
    (new_list, new): (&Allowlist, &Rule),
) -> Vec<Change> {
    // Taken apart, so that no key is forgotten.
    let Rule {
        ranges: _,
        profiles,
        assign,
        earliest,
        latest,
        max_shift,
        confirm,
        any_tag,
        uuid,
        pve_users,
        stages: permitted,
        line: _,
    } = new;
    let mut changes = Vec::new();
    for name in &old.profiles {
        match (old_list.profiles.get(name), new_list.profiles.get(name)) {
            _ if !profiles.contains(name) => {
                changes.push(of_profile(old_list, old, name, Kind::Loses));
            }
            (Some(old), Some(new)) => changes.extend(profile::changes(name, old, new)),
            _ => {}
        }
    }
    let added = profiles.iter().filter(|name| !old.profiles.contains(name));
    changes.extend(added.map(|name| of_profile(new_list, new, name, Kind::Gains)));
    let mut put = |kind, text: String| changes.push(Change::new(kind, text));
    if *assign != old.assign {
        let word = |assign: &Option<ProfileName>| match assign {
            Some(name) => name.to_string(),
            None => "none (a tag chooses)".to_owned(),
        };
        let text = becomes("assigned profile", &word(&old.assign), &word(assign));
        put(Kind::Changes, text);
    }
    let wider = |wider: bool| match wider {
        true => Kind::Gains,
        false => Kind::Loses,
    };
    if *earliest != old.earliest {
        let text = becomes("earliest", &old.earliest.to_string(), &earliest.to_string());
        put(wider(*earliest < old.earliest), text);
    }
    if *latest != old.latest {
        let text = becomes("latest", &old.latest.to_string(), &latest.to_string());
        put(wider(*latest > old.latest), text);
    }
    if *max_shift != old.max_shift {
        let text = becomes(
            "max-shift",
            &old.max_shift.to_string(),
            &max_shift.to_string(),
        );
        // Which of a month and 30 days is more depends on the month.
        put(Kind::Changes, text);
    }
    match (old.confirm, *confirm) {
        (true, false) => put(Kind::Gains, "needs no approval any more".to_owned()),
        (false, true) => put(Kind::Loses, "needs an approval (confirm)".to_owned()),
        _ => {}
    }
    match (old.any_tag, *any_tag) {
        (false, true) => put(Kind::Gains, "any user's tag counts (any-tag)".to_owned()),
        (true, false) => put(Kind::Loses, "only registered tags count".to_owned()),
        _ => {}
    }
    if *uuid != old.uuid {
        let kind = match (&old.uuid, uuid) {
            (Some(_), None) => Kind::Gains,
            (None, _) => Kind::Loses,
            (Some(_), Some(_)) => Kind::Changes,
        };
        let text = becomes("uuid", &or_none(old.uuid.as_ref()), &or_none(uuid.as_ref()));
        put(kind, text);
    }
    if *pve_users != old.pve_users {
        // None is everybody.
        let any = |list: &[PveCaller]| list.is_empty();
        let has = |all: &[PveCaller], some: &[PveCaller]| {
            any(all) || (!any(some) && some.iter().all(|user| all.contains(user)))
        };
        let kind = match (
            has(pve_users, &old.pve_users),
            has(&old.pve_users, pve_users),
        ) {
            (true, false) => Kind::Gains,
            (false, true) => Kind::Loses,
            _ => Kind::Changes,
        };
        put(
            kind,
            becomes("pve-users", &users(&old.pve_users), &users(pve_users)),
        );
    }
    if *permitted != old.stages {
        let gained = (permitted.rtc && !old.stages.rtc) || (permitted.agent && !old.stages.agent);
        let lost = (!permitted.rtc && old.stages.rtc) || (!permitted.agent && old.stages.agent);
        let kind = match (gained, lost) {
            (true, true) => Kind::Changes,
            (gained, _) => wider(gained),
        };
        put(
            kind,
            becomes("stages", &stages(old.stages), &stages(*permitted)),
        );
    }
    changes
}

fn users(users: &[PveCaller]) -> String {
    match users {
        [] => "everybody".to_owned(),
        users => {
            let names: Vec<String> = users.iter().map(ToString::to_string).collect();
            names.join(", ")
        }
    }
}

pub(super) fn stages(stages: Stages) -> String {
    let names: Vec<&str> = stages.iter().map(|stage| stage.as_str()).collect();
    names.join(", ")
}

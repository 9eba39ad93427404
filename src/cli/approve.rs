//! `time-shift approve`, `approvals` and `revoke`: rules with `confirm = true` apply only while
//! somebody has approved it.
use std::time::Duration;

use serde::Serialize;

use super::arguments::approve::{Approvals, Approve, Revoke};
use super::style::table;
use super::{Exit, Failure, complain, put, put_json};
use crate::allowlist::no_profile;
use crate::audit::{Event, Record, Trail};
use crate::config::Config;
use crate::model::{Deny, DenyReason, Offset, Printable, ProfileName, Timestamp, VmId};
use crate::plan;
use crate::policy::{Confirmation, Decision, Grant, Starter, Wish, authorize, decide_wish};
use crate::report::Tone;
use crate::sources::{Guest, Loaded, find_guest, judged, load_allowlist, request};
use crate::state::{Approval, Store};
use crate::system;
use crate::vmconfig::VmFacts;
use crate::voice::{self, Voice};

/// An approval, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    vmid: VmId,
    profile: ProfileName,
    /// `valid`, `run-out`, or `other-allowlist`: the file was changed since.
    state: &'static str,
    left_seconds: u64,
    since: Timestamp,
    by: Printable,
    reason: Option<Printable>,
}

impl Row {
    fn new(approval: Approval, state: &'static str, left: Duration) -> Row {
        Row {
            vmid: approval.vmid,
            profile: approval.profile,
            state,
            left_seconds: left.as_secs(),
            since: approval.since,
            by: approval.by,
            reason: approval.reason,
        }
    }
}

/// Whose approval was withdrawn, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Withdrawn {
    vmid: VmId,
    /// `false`: nothing was approved for it.
    withdrawn: bool,
}

pub(super) fn approve(config: &Config, options: &Approve) -> Result<Exit, Failure> {
    let vmid = options.vmid;
    let facts = match find_guest(config, vmid, None)? {
        Guest::Qemu(facts) => facts,
        Guest::Container | Guest::Nobody => {
            return Err(Failure(format!(
                "VM {vmid}: there is no such VM on this node, and an approval counts only on the node \
                 on which it is given"
            )));
        }
    };
    let loaded = load_allowlist(config).map_err(|not_loaded| not_loaded.deny)?;
    if !loaded
        .allowlist
        .rule_for(vmid)
        .is_some_and(|rule| rule.confirm)
    {
        return Err(Failure(format!(
            "VM {vmid}: no rule of the allowlist wants an approval for it (confirm = true), so there is \
             nothing to approve"
        )));
    }
    let grant = match would_be_permitted(config, vmid, &facts, &loaded, options.profile.as_ref()) {
        Ok(grant) => grant,
        Err(deny) => {
            complain(&format!(
                "VM {vmid}: not approved, since it would be denied all the same: {deny}"
            ));
            return Ok(Exit::Denied);
        }
    };
    let trail = voice::trail(config)?;
    let now = system::now()?;
    let approval = Approval {
        version: Approval::VERSION,
        vmid,
        profile: grant.profile().clone(),
        allowlist_sha256: loaded.sha256.clone(),
        boot_id: trail.boot_id().to_owned(),
        since: now.real,
        since_boot: now.boot,
        length: options.length,
        by: trail.actor().actor.clone(),
        reason: options.reason.as_deref().map(Printable::from),
    };
    let text = format!(
        "profile {} is approved for {} on this node{}",
        approval.profile,
        spoken(approval.length),
        because(approval.reason.as_ref())
    );
    // Written down first: there is no approval that the trail does not know.
    trail.record(&Record {
        name: facts.name.as_ref(),
        profile: Some(&approval.profile),
        rule_line: Some(grant.rule_line()),
        allowlist_sha256: Some(&loaded.sha256),
        duration: Some(approval.length),
        text: Some(Printable::sentence(&text)),
        ..Record::new(Event::Approved, vmid)
    })?;
    Store::new(&config.paths.state).save_approval(&approval)?;
    let mut voice = voice(vmid, config, options.json);
    voice.call(facts.name.clone());
    voice.say(Event::Approved, &text);
    if options.json {
        put_json(&Row::new(approval, "valid", options.length))?;
    }
    Ok(Exit::Done)
}

/// Says it on standard output too, unless that is for a script.
fn voice(vmid: VmId, config: &Config, json: bool) -> Voice {
    match json {
        true => Voice::in_background(vmid, config),
        false => Voice::new(vmid, config),
    }
}

/// What the VM would be granted if it were approved now.
fn would_be_permitted(
    config: &Config,
    vmid: VmId,
    facts: &VmFacts,
    loaded: &Loaded,
    profile: Option<&ProfileName>,
) -> Result<Grant, Deny> {
    // The one that is assigned is what a start asks for, with its anchor.
    let assigned = loaded.allowlist.rule_for(vmid);
    let assigned = assigned.and_then(|rule| rule.assign.as_ref());
    let profile = profile.filter(|name| assigned != Some(*name));
    let known = profile.and_then(|name| loaded.allowlist.profiles.get(name));
    let wish = match (profile, known) {
        (Some(_), Some(profile_of)) => Wish::Target {
            target: &profile_of.target,
            profile,
        },
        (Some(name), None) => {
            return Err(Deny::new(
                DenyReason::ProfileNotAllowed,
                no_profile(name, loaded.allowlist.profiles.keys()),
            ));
        }
        (None, _) => Wish::Profile,
    };
    let mut request = request(config, vmid, facts, loaded, wish);
    request.confirmation = Confirmation::Assumed;
    // Whoever approves is not who starts.
    request.starter = Starter::Assumed;
    let grant = match decide_wish(&request, facts, &loaded.allowlist, wish) {
        Decision::Permitted(grant) => *grant,
        Decision::Denied(deny) => return Err(deny),
        Decision::NotConcerned => {
            return Err(Deny::new(
                DenyReason::NoRule,
                "neither its rule nor a tag gives it a profile; say which one with --profile",
            ));
        }
    };
    let now = system::now().map_err(|error| {
        Deny::new(
            DenyReason::TimeOutOfRange,
            format!("the host's clock: {error}"),
        )
    })?;
    let plan = plan::make(&grant, now)?;
    authorize(grant.clone(), plan, now).map(|_| grant)
}

fn because(reason: Option<&Printable>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

/// A length of time for people, to the second.
fn spoken(length: Duration) -> String {
    let nanos = i128::from(length.as_secs()).saturating_mul(1_000_000_000);
    match Offset::from_nanos(nanos) {
        Ok(offset) => offset.to_string().trim_start_matches('+').to_owned(),
        Err(_) => format!("{} s", length.as_secs()),
    }
}

pub(super) fn list(config: &Config, options: &Approvals) -> Result<Exit, Failure> {
    let store = Store::new(&config.paths.state);
    let sha256 = load_allowlist(config).map(|loaded| loaded.sha256);
    let (boot_id, now) = (system::boot_id()?, system::now()?);
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for vmid in store.approved()? {
        let approval = match store.load_approval(vmid) {
            Ok(Some(approval)) => approval,
            Ok(None) => continue,
            Err(error) => {
                // One bad file must not hide the others.
                complain(&error);
                exit = Exit::Failed;
                continue;
            }
        };
        let sha256 = sha256.as_deref().unwrap_or_default();
        let (state, left) = match judged(approval.clone(), &boot_id, now.boot, sha256) {
            Confirmation::Given { left, .. } => ("valid", left),
            Confirmation::OtherAllowlist => ("other-allowlist", Duration::ZERO),
            _ => ("run-out", Duration::ZERO),
        };
        rows.push(Row::new(approval, state, left));
    }
    if options.json {
        put_json(&rows)?;
    } else if rows.is_empty() && exit == Exit::Done {
        put("Nothing is approved on this node.\n")?;
    } else if !rows.is_empty() {
        put(&text(&rows))?;
    }
    Ok(exit)
}

fn text(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        vec![
            row.vmid.to_string(),
            row.profile.to_string(),
            row.state.to_owned(),
            spoken(Duration::from_secs(row.left_seconds)),
            row.since.to_string(),
            row.by.to_string(),
            row.reason
                .as_ref()
                .map_or("-".to_owned(), ToString::to_string),
        ]
    };
    let header = ["VMID", "PROFILE", "STATE", "LEFT", "SINCE", "BY", "REASON"];
    let toned = |row: &Row| {
        let tone = (row.state != "valid").then_some(Tone::Aside);
        (cells(row), tone)
    };
    table(&header, &rows.iter().map(toned).collect::<Vec<_>>())
}

pub(super) fn revoke(config: &Config, options: &Revoke) -> Result<Exit, Failure> {
    let store = Store::new(&config.paths.state);
    let trail = voice::trail(config)?;
    let mut exit = Exit::Done;
    let mut rows = Vec::new();
    for vmid in &options.vmids {
        // What is there goes, whatever it is.
        let there = match store.load_approval(*vmid) {
            Ok(None) => false,
            Ok(Some(_)) => true,
            Err(error) => {
                complain(&error);
                true
            }
        };
        rows.push(Withdrawn {
            vmid: *vmid,
            withdrawn: there,
        });
        if !there {
            complain(&format!(
                "VM {vmid}: nothing is approved for it on this node"
            ));
            exit = Exit::Failed;
            continue;
        }
        // Nobody's start may profit from a trail that cannot be written.
        store.remove_approval(*vmid)?;
        let text = "its approval was withdrawn; a start that it covered goes on";
        write_down(&trail, *vmid, Event::Revoked, text)?;
        voice(*vmid, config, options.json).say(
            Event::Revoked,
            &format!("{text} (`time-shift restore {vmid}` ends it)"),
        );
    }
    if options.json {
        put_json(&rows)?;
    }
    Ok(exit)
}

/// Removes what has run out, and writes that down. Called by the sweep.
pub(super) fn forget_what_ran_out(config: &Config) -> Result<(), Failure> {
    let store = Store::new(&config.paths.state);
    for vmid in store.approved()? {
        // What is no approval lets nobody through; `approvals` and a denial name it.
        let Ok(Some(approval)) = store.load_approval(vmid) else {
            continue;
        };
        if approval
            .left(&system::boot_id()?, system::now()?.boot)
            .is_some()
        {
            continue;
        }
        store.remove_approval(vmid)?;
        let text = format!("the approval for profile {} has run out", approval.profile);
        write_down(&voice::trail(config)?, vmid, Event::Expired, &text)?;
    }
    Ok(())
}

fn write_down(trail: &Trail, vmid: VmId, event: Event, text: &str) -> Result<(), Failure> {
    trail.record(&Record {
        text: Some(Printable::sentence(text)),
        ..Record::new(event, vmid)
    })?;
    Ok(())
}

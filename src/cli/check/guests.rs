//! What starts of this node's VMs would come to.
use std::path::Path;

use super::files::whole;
use super::snippets::Snippets;
use crate::config::Config;
use crate::judge::{Judgement, judge, warnings};
use crate::model::{DenyReason, Now, Tag, VmId};
use crate::policy::{Confirmation, Request, Starter, Wish};
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{Guest, Loaded, find_guest, pending, pins, registered_tags};
use crate::system;

pub(super) fn all(
    config: &Config,
    loaded: Option<&Loaded>,
    now: Now,
    snippets: &mut Snippets,
    found: &mut Vec<Finding>,
) {
    let tags = registered_tags(config);
    let folder = config.paths.pve.join("qemu-server");
    match vmids(&folder) {
        Ok(vmids) => {
            for vmid in vmids {
                check_vm(config, vmid, loaded, &tags, now, snippets, found);
            }
        }
        Err(error) => found.push(whole(&folder, Code::VmsUnreadable, &error.to_string())),
    }
}

/// The VMs of this node.
fn vmids(folder: &Path) -> std::io::Result<Vec<VmId>> {
    let mut vmids = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let stem = name.to_str().and_then(|name| name.strip_suffix(".conf"));
        vmids.extend(stem.and_then(|stem| VmId::parse(stem.as_bytes()).ok()));
    }
    vmids.sort_unstable();
    Ok(vmids)
}

fn check_vm(
    config: &Config,
    vmid: VmId,
    loaded: Option<&Loaded>,
    tags: &[Tag],
    now: Now,
    snippets: &mut Snippets,
    found: &mut Vec<Finding>,
) {
    let mut add = |severity, code, text: String| {
        found.push(Finding {
            severity,
            code,
            place: Place::Vm { vmid },
            text,
        });
    };
    let facts = match find_guest(config, vmid, None) {
        Ok(Guest::Qemu(facts)) => facts,
        // Gone since the folder was read.
        Ok(Guest::Container | Guest::Nobody) => return,
        Err(error) => {
            let code = Code::Denied(DenyReason::VmConfigUnreadable);
            return add(Severity::Error, code, error.to_string());
        }
    };
    let ours = snippets.is_ours(vmid, facts.hookscript.as_ref());
    let judged = loaded.map(|loaded| {
        let request = Request {
            vmid,
            registered_tags: tags.to_vec(),
            // That nobody has approved it yet is as it should be.
            confirmation: Confirmation::Assumed,
            starter: Starter::Assumed,
            pins: pins(config, vmid, &loaded.allowlist, Wish::Profile),
        };
        judge(&request, &facts, &loaded.allowlist, now)
    });
    let mut rtc_is_set = false;
    match &judged {
        None => {}
        Some(Judgement::NotConcerned) => {
            let rule = loaded.and_then(|loaded| loaded.allowlist.rule_for(vmid));
            if ours && rule.is_none() {
                add(
                    Severity::Warning,
                    Code::HookWithoutRule,
                    format!(
                        "it has time-shift's hookscript, but no rule of the allowlist names it; add an [[allow]] for it, or qm set {vmid} --delete hookscript"
                    ),
                );
            }
        }
        Some(Judgement::Denied(deny)) => add(
            Severity::Error,
            Code::Denied(deny.reason),
            format!("its clock will be left alone: {}", deny.text),
        ),
        Some(Judgement::Permitted(authorized)) => {
            let profile = authorized.grant().profile();
            rtc_is_set = ours && authorized.plan().stages.rtc;
            match &facts.hookscript {
                None => add(
                    Severity::Warning,
                    Code::NoHookscript,
                    format!(
                        "it may have profile {profile}, but has no hookscript, so nothing will be done"
                    ),
                ),
                Some(other) if !ours => add(
                    Severity::Warning,
                    Code::OtherHookscript,
                    format!(
                        "it may have profile {profile}, but its hookscript {other} is not time-shift's, so nothing will be done unless that runs time-shift-hook"
                    ),
                ),
                Some(_) => {}
            }
            let synchronised = system::host_clock_synchronised();
            for warning in warnings(&facts, authorized, now, synchronised) {
                // Nothing is written over it without the hookscript: see below.
                if !ours && ["STARTDATE", "ARGS_RTC"].contains(&warning.code) {
                    continue;
                }
                add(
                    Severity::Warning,
                    Code::Planned(warning.code),
                    format!("profile {profile}: {}", warning.text),
                );
            }
        }
    }
    if rtc_is_set {
        return;
    }
    let pending = pending(config, vmid);
    let later = pending.as_ref();
    let dates = [
        (facts.startdate.as_ref(), "at each start"),
        (
            later.and_then(|later| later.startdate.as_ref()),
            "from its next start on, since it is pending",
        ),
    ];
    for (date, when) in dates {
        let Some(date) = date else { continue };
        add(
            Severity::Warning,
            Code::StartdateBypass,
            format!(
                "its startdate ({date}) gives it another time {when}, past the allowlist, and any user who may \
                 change its options can set one; qm set {vmid} --delete startdate, or a rule with the stage \
                 \"rtc\""
            ),
        );
    }
    let args = [
        (facts.args_move_clock, ""),
        (
            later.is_some_and(|later| later.args_move_clock),
            " from its next start on, since it is pending",
        ),
    ];
    for (_, when) in args.iter().filter(|(moves, _)| *moves) {
        add(
            Severity::Warning,
            Code::ArgsBypass,
            format!(
                "its args have an -rtc option, or a -readconfig option by which they can, so its clock can \
                 start at another time{when}, past the allowlist; look at `qm config {vmid}`"
            ),
        );
    }
}

//! What starts of this node's VMs would come to.
use std::path::Path;

use super::files::whole;
use crate::config::Config;
use crate::judge::{Judgement, judge, warnings};
use crate::model::{DenyReason, Now, Tag, VmId};
use crate::policy::{Confirmation, Request, Wish};
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{Guest, Loaded, find_guest, pins, registered_tags};
use crate::system;

pub(super) fn all(config: &Config, loaded: Option<&Loaded>, now: Now, found: &mut Vec<Finding>) {
    let tags = registered_tags(config);
    let folder = config.paths.pve.join("qemu-server");
    match vmids(&folder) {
        Ok(vmids) => {
            for vmid in vmids {
                check_vm(config, vmid, loaded, &tags, now, found);
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
    let Some(loaded) = loaded else {
        return;
    };
    let request = Request {
        vmid,
        registered_tags: tags.to_vec(),
        // That nobody has approved it yet is as it should be.
        confirmation: Confirmation::Assumed,
        pins: pins(config, vmid, &loaded.allowlist, Wish::Profile),
    };
    match judge(&request, &facts, &loaded.allowlist, now) {
        Judgement::NotConcerned => {}
        Judgement::Denied(deny) => add(
            Severity::Error,
            Code::Denied(deny.reason),
            format!("its clock will be left alone: {}", deny.text),
        ),
        Judgement::Permitted(authorized) => {
            let profile = authorized.grant().profile();
            if facts.hookscript.is_none() {
                add(
                    Severity::Warning,
                    Code::NoHookscript,
                    format!(
                        "it may have profile {profile}, but has no hookscript, so nothing will be done"
                    ),
                );
            }
            for warning in warnings(&facts, &authorized, now, system::host_clock_synchronised()) {
                add(
                    Severity::Warning,
                    Code::Planned(warning.code),
                    format!("profile {profile}: {}", warning.text),
                );
            }
        }
    }
}

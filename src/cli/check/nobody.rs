//! Rules and approvals for VMs that do not exist: who gets such a VMID next, inherits them.
use std::path::PathBuf;

use super::{MOST, numbers};
use crate::allowlist::Rule;
use crate::config::Config;
use crate::model::VmId;
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{Existing, Guest, Loaded, existing_guests, find_guest};
use crate::state::Store;

pub(super) fn rules(config: &Config, loaded: &Loaded, found: &mut Vec<Finding>) {
    // A folder of nodes is there on every node; where config.toml names another /etc/pve, it may not.
    let nodes = config.paths.pve.join("nodes");
    if !nodes.exists() {
        return;
    }
    let guests = match existing_guests(config) {
        Ok(guests) => guests,
        Err(error) => {
            return found.push(Finding {
                severity: Severity::Warning,
                code: Code::VmsUnreadable,
                place: Place::Path { file: nodes },
                text: format!("which VMs the cluster has cannot be known: {error}"),
            });
        }
    };
    for rule in &loaded.allowlist.rules {
        let mut add = |text| {
            found.push(Finding {
                severity: Severity::Warning,
                code: Code::RuleForNobody,
                place: at(&loaded.path, rule),
                text,
            });
        };
        let (mut nobodys, mut containers) = (Vec::new(), Vec::new());
        let has_vm = |range: &(VmId, VmId)| within(&guests, *range).iter().any(is_vm);
        // A range of a rule that has VMs may well be for those to come.
        let used = rule.ranges.iter().any(has_vm);
        for range in &rule.ranges {
            match within(&guests, *range) {
                [] if !used || range.0 == range.1 => nobodys.push(*range),
                those if !those.iter().any(is_vm) => {
                    containers.extend(those.iter().map(|guest| guest.vmid));
                }
                _ => {}
            }
        }
        if !nobodys.is_empty() {
            add(format!(
                "the cluster has no VM {}; take it out of the rule's `vmids`, or the next VM with that \
                 number may do what the rule permits",
                ranges(&nobodys)
            ));
        }
        if !containers.is_empty() {
            add(format!(
                "a container has its host's clock, so the rule does nothing for {}; take it out of its \
                 `vmids`",
                numbers(&containers)
            ));
        }
    }
}

pub(super) fn approvals(config: &Config, found: &mut Vec<Finding>) {
    let store = Store::new(&config.paths.state);
    let mut add = |severity, code, place, text| {
        found.push(Finding {
            severity,
            code,
            place,
            text,
        });
    };
    let vmids = match store.approved() {
        Ok(vmids) => vmids,
        Err(error) => {
            let file = config.paths.state.clone();
            let place = Place::Path { file };
            let code = Code::ApprovalUnusable;
            return add(Severity::Error, code, place, error.to_string());
        }
    };
    for vmid in vmids {
        let place = Place::Vm { vmid };
        if let Err(error) = store.load_approval(vmid) {
            let text = format!("its approval cannot be used: {error}");
            add(Severity::Error, Code::ApprovalUnusable, place, text);
        } else if !matches!(find_guest(config, vmid, None), Ok(Guest::Qemu(_)) | Err(_)) {
            let text = format!(
                "something is approved for it, but this node, where alone that counts, has no such VM; \
                 time-shift revoke {vmid}"
            );
            add(Severity::Warning, Code::ApprovalForNobody, place, text);
        }
    }
}

/// Where a rule is.
pub(super) fn at(path: &std::path::Path, rule: &Rule) -> Place {
    Place::File {
        file: PathBuf::from(path),
        line: rule.line,
        column: 1,
    }
}

fn is_vm(guest: &Existing) -> bool {
    !guest.container
}

/// The guests whose numbers are in a range.
fn within(guests: &[Existing], (first, last): (VmId, VmId)) -> &[Existing] {
    let from = guests.partition_point(|guest| guest.vmid < first);
    let to = guests.partition_point(|guest| guest.vmid <= last);
    guests.get(from..to).unwrap_or_default()
}

fn ranges(ranges: &[(VmId, VmId)]) -> String {
    let names: Vec<String> = ranges
        .iter()
        .take(MOST)
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    super::listed(&names, ranges.len())
}

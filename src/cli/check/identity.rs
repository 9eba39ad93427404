//! Rules that a VM would inherit for which they were not written: one with a reused VMID, or a clone.
//!
//! What can be known is what the configs of the cluster say. That a VMID will be used again cannot, so the
//! rules that would then count for another VM are notes.
use std::collections::BTreeMap;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::files::whole;
use crate::allowlist::{Rule, Uuid};
use crate::config::Config;
use crate::model::{Timestamp, VmId};
use crate::report::{Code, Finding, Place, Severity, vmid_ranges};
use crate::sources::{ALLOWLIST_LIMIT, Existing, Loaded, existing_guests};
use crate::system::{self, Trust};
use crate::vmconfig;

/// A VM of the cluster.
struct Vm {
    vmid: VmId,
    uuid: Option<String>,
    created: Option<i64>,
}

pub(super) fn all(config: &Config, loaded: &Loaded, found: &mut Vec<Finding>) {
    let guests = match existing_guests(config) {
        Ok(guests) => guests,
        Err(error) => {
            let nodes = config.paths.pve.join("nodes");
            // No Proxmox VE, or not its folders: there is nobody to compare with.
            if !nodes.exists() {
                return;
            }
            return found.push(whole(&nodes, Code::VmsUnreadable, &error.to_string()));
        }
    };
    let vms: BTreeMap<VmId, Vm> = guests
        .iter()
        .filter_map(vm)
        .map(|vm| (vm.vmid, vm))
        .collect();
    let changed = changed(&loaded.path);
    for rule in &loaded.allowlist.rules {
        match &rule.uuid {
            Some(uuid) => bound(loaded, rule, uuid, &vms, found),
            None => {
                found.extend(newer(rule, changed, &vms));
                found.push(inherited(loaded, rule, &guests));
            }
        }
    }
}

/// A config that cannot be read is found where it is looked at for its own sake.
fn vm(guest: &Existing) -> Option<Vm> {
    if guest.container {
        return None;
    }
    let bytes = system::read(&guest.path, Trust::Data, ALLOWLIST_LIMIT).ok()?;
    Some(Vm {
        vmid: guest.vmid,
        uuid: vmconfig::parse(&bytes).smbios_uuid,
        created: vmconfig::created(&bytes),
    })
}

/// Seconds since 1970 at which the file was last changed.
fn changed(path: &Path) -> Option<i64> {
    let time = std::fs::metadata(path).ok()?.modified().ok()?;
    i64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn covers(rule: &Rule, vmid: VmId) -> bool {
    let mut ranges = rule.ranges.iter();
    ranges.any(|(first, last)| (*first..=*last).contains(&vmid))
}

/// A rule that says which VM it means.
fn bound(
    loaded: &Loaded,
    rule: &Rule,
    uuid: &Uuid,
    vms: &BTreeMap<VmId, Vm>,
    found: &mut Vec<Finding>,
) {
    let having: Vec<VmId> = vms
        .values()
        .filter(|vm| vm.uuid.as_deref() == Some(uuid.as_str()))
        .map(|vm| vm.vmid)
        .collect();
    let ranges: Vec<(VmId, VmId)> = having.iter().map(|vmid| (*vmid, *vmid)).collect();
    let (code, text) = match having.as_slice() {
        [one] if covers(rule, *one) => return,
        [] => (
            Code::UuidOfNobody,
            format!(
                "no VM of the cluster has the uuid {uuid}, so this rule permits nothing: the VM that was \
                 meant is gone, or got another uuid; remove the rule or correct the uuid"
            ),
        ),
        [one] => (
            Code::UuidOfNobody,
            format!(
                "the uuid {uuid} is VM {one}'s, which this rule does not name, so it permits nothing; \
                 correct one of the two"
            ),
        ),
        _ => (
            Code::UuidShared,
            format!(
                "VMs {} have the same uuid {uuid} (smbios1), so it tells no VM from another: give all \
                 but the one that is meant a new one",
                vmid_ranges(&ranges)
            ),
        ),
    };
    found.push(in_rule(loaded, rule, Severity::Warning, code, text));
}

/// VMs that are younger than the file that names them one by one.
fn newer<'a>(
    rule: &'a Rule,
    changed: Option<i64>,
    vms: &'a BTreeMap<VmId, Vm>,
) -> impl Iterator<Item = Finding> + 'a {
    let named = rule.ranges.iter().filter(|(first, last)| first == last);
    named.filter_map(move |(vmid, _)| {
        let vm = vms.get(vmid)?;
        let (created, changed) = (vm.created?, changed?);
        (created > changed).then(|| Finding {
            severity: Severity::Warning,
            code: Code::VmYoungerThanRule,
            place: Place::Vm { vmid: *vmid },
            text: format!(
                "it was made at {}, after the allowlist was last changed ({}), so the rule in line {} was \
                 not written for it, but perhaps for one that had its VMID before; if it is meant, bind \
                 the rule to it{}",
                spoken(created),
                spoken(changed),
                rule.line,
                vm.uuid
                    .as_ref()
                    .map_or_else(String::new, |uuid| format!(": uuid = \"{uuid}\""))
            ),
        })
    })
}

/// A rule that says which numbers it means, and not which VMs.
fn inherited(loaded: &Loaded, rule: &Rule, guests: &[Existing]) -> Finding {
    let taken = guests
        .iter()
        .filter(|guest| covers(rule, guest.vmid))
        .count();
    let all: u64 = rule
        .ranges
        .iter()
        .map(|(first, last)| u64::from(last.get().saturating_sub(first.get())).saturating_add(1))
        .sum();
    let free = all.saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    let choice = match &rule.assign {
        Some(profile) => format!("has profile {profile} from its first start"),
        None => "has the profile that its tags name, which a clone brings along".to_owned(),
    };
    let text = format!(
        "no uuid binds this rule: whoever makes a VM with a VMID of {} ({free} of {all} are free now), or \
         again with one that was destroyed, has made one that {choice}",
        vmid_ranges(&rule.ranges)
    );
    in_rule(loaded, rule, Severity::Note, Code::RuleInherited, text)
}

fn in_rule(loaded: &Loaded, rule: &Rule, severity: Severity, code: Code, text: String) -> Finding {
    Finding {
        severity,
        code,
        place: Place::File {
            file: loaded.path.clone(),
            line: rule.line,
            column: 1,
        },
        text,
    }
}

fn spoken(seconds: i64) -> String {
    let nanos = i128::from(seconds).saturating_mul(1_000_000_000);
    Timestamp::from_nanos(nanos).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

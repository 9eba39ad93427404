//! What another allowlist would change for whom: not its text, but what it permits.
//!
//! Each struct of the allowlist is taken apart field by field here, so that a new key cannot be
//! forgotten: what is permitted by it would be installed without anybody being told.
mod command;
mod host;
mod profile;
mod role;
mod rule;
mod segment;

use std::collections::BTreeMap;

use serde::Serialize;

use super::Allowlist;
use crate::model::VmId;

use segment::segments;

/// Whether somebody may more than before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// More than before.
    Gains,
    /// Less than before.
    Loses,
    /// Something else than before, which is neither.
    Changes,
}

/// One thing that becomes different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Change {
    /// More or less.
    pub kind: Kind,
    /// What.
    pub text: String,
}

impl Change {
    fn new(kind: Kind, text: impl Into<String>) -> Change {
        let text = text.into();
        Change { kind, text }
    }
}

/// VMIDs for which the same becomes different.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Affected {
    /// First and last of each range, in order, none touching another.
    pub ranges: Vec<(VmId, VmId)>,
    /// What; at least one.
    pub changes: Vec<Change>,
}

/// All that becomes different.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Difference {
    /// For VMs, by their first VMID.
    pub vms: Vec<Affected>,
    /// For users of the node's system.
    pub roles: Vec<Change>,
    /// In what is run.
    pub commands: Vec<Change>,
}

impl Difference {
    /// Whether nothing becomes different.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vms.is_empty() && self.roles.is_empty() && self.commands.is_empty()
    }

    /// Whether nothing becomes different but for this VM.
    #[must_use]
    pub fn is_only_about(&self, vmid: VmId) -> bool {
        let mut ranges = self.vms.iter().flat_map(|affected| &affected.ranges);
        self.roles.is_empty()
            && self.commands.is_empty()
            && ranges.all(|(first, last)| *first == vmid && *last == vmid)
    }
}

/// What becomes different when `new` takes the place of `old`.
#[must_use]
pub fn difference(old: &Allowlist, new: &Allowlist) -> Difference {
    // Taken apart, see above.
    let Allowlist {
        profiles: _,
        rules: _,
        guest_commands: _,
        host_commands: _,
        deny: _,
        roles: _,
        index: _,
        warnings: _,
    } = new;
    let mut by_change: BTreeMap<Vec<Change>, Vec<(VmId, VmId)>> = BTreeMap::new();
    for (pair, ranges) in segments(old, new) {
        let changes = rule::changes((old, pair.0), (new, pair.1));
        if !changes.is_empty() {
            by_change.entry(changes).or_default().extend(ranges);
        }
    }
    let mut vms: Vec<Affected> = by_change
        .into_iter()
        .map(|(changes, ranges)| Affected {
            ranges: segment::joined(ranges),
            changes,
        })
        .collect();
    vms.sort_by(|one, other| one.ranges.cmp(&other.ranges));
    let mut commands = command::changes(&old.guest_commands, &new.guest_commands);
    commands.extend(host::changes(&old.host_commands, &new.host_commands));
    commands.extend(host::deny_changes(&old.deny, &new.deny));
    Difference {
        vms,
        roles: role::changes(&old.roles, &new.roles),
        commands,
    }
}

/// What is said about a key whose value is another now.
fn becomes(what: &str, old: &str, new: &str) -> String {
    format!("{what}: {old} -> {new}")
}

/// The values that are others now, of things that are described by the same keys in the same order.
fn others(old: &[(&str, String)], new: &[(&str, String)]) -> Vec<String> {
    let pairs = old.iter().zip(new);
    pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((key, old), (_, new))| becomes(key, old, new))
        .collect()
}

/// Keys with their values, of a thing that is new or gone.
fn listed(described: &[(&str, String)]) -> String {
    let said = described
        .iter()
        .map(|(key, value)| format!("{key} {value}"));
    said.collect::<Vec<_>>().join(", ")
}

fn or_none<T: std::fmt::Display>(value: Option<&T>) -> String {
    value.map_or_else(|| "none".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests;

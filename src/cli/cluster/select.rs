//! Which VMs are meant.
use super::reach::{Found, Reach};
use crate::cli::arguments::cluster::Selection;
use crate::cli::{Failure, complain};
use crate::model::VmId;

/// What was meant: VMs, and numbers for which there is nothing to be done.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) found: Vec<Found>,
    pub(super) absent: Vec<Absent>,
}

/// A number that was named and means no VM that something can be done with.
#[derive(Debug)]
pub(super) struct Absent {
    pub(super) vmid: VmId,
    pub(super) why: &'static str,
    /// How many of those found were named before it.
    pub(super) after: usize,
}

impl Selected {
    /// Says what is absent, where there is no row for it.
    pub(super) fn tell_absent(&self) -> bool {
        for Absent { vmid, why, .. } in &self.absent {
            complain(&format!("VM {vmid}: {why}"));
        }
        !self.absent.is_empty()
    }
}

/// Adds those that are not there yet.
fn add<'r>(picked: &mut Vec<&'r Found>, found: Vec<&'r Found>) {
    for one in found {
        if !picked.iter().any(|other| std::ptr::eq(*other, one)) {
            picked.push(one);
        }
    }
}

/// The VMs that a selection means, in its order: those that are named, then those with a tag. Of a range
/// those that exist are meant; a single one that does not exist, or is a template, is absent.
pub(super) fn select(reach: &Reach, selection: &Selection) -> Result<Selected, Failure> {
    let on_node = |found: &&Found| {
        let nodes = &selection.nodes;
        nodes.is_empty() || nodes.contains(&found.guest.node)
    };
    for node in &selection.nodes {
        let mut nodes = reach
            .clusters
            .iter()
            .flat_map(|member| &member.cluster.nodes);
        if !nodes.any(|(name, _)| name == node) {
            return Err(Failure(format!(
                "there is no node {node} in what was asked"
            )));
        }
    }
    let all: Vec<&Found> = reach.guests.iter().filter(on_node).collect();
    let vms = || all.iter().copied().filter(|one| !one.guest.template);
    let mut picked: Vec<&Found> = Vec::new();
    let mut absent = Vec::new();
    for range in &selection.vmids {
        let inside = |found: &&Found| (range.first..=range.last).contains(&found.guest.vmid);
        let mut found: Vec<&Found> = all.iter().copied().filter(inside).collect();
        if range.first == range.last {
            let mut none = |why| {
                absent.push(Absent {
                    vmid: range.first,
                    why,
                    after: picked.len(),
                });
            };
            match found.as_slice() {
                [] => none("there is no such VM, or it may not be seen"),
                [one] if one.guest.template => none("it is a template, which has no clock"),
                [_] => {}
                several => {
                    return Err(Failure(format!(
                        "VM {}: {} of the hosts that are asked have one; say which with --host",
                        range.first,
                        several.len()
                    )));
                }
            }
        }
        found.retain(|one| !one.guest.template);
        add(&mut picked, found);
    }
    if !selection.tags.is_empty() {
        let tagged = |found: &&Found| {
            let mut tags = selection.tags.iter();
            tags.any(|tag| {
                let mut own = found.guest.tags.iter();
                own.any(|own| own.as_str().eq_ignore_ascii_case(tag.as_str()))
            })
        };
        let found: Vec<&Found> = vms().filter(tagged).collect();
        add(&mut picked, found);
    }
    if selection.is_empty() || selection.all {
        picked = vms().collect();
    }
    Ok(Selected {
        found: picked.into_iter().cloned().collect(),
        absent,
    })
}

//! Which VMs are meant.
use super::reach::{Found, Reach};
use crate::cli::Failure;
use crate::cli::arguments::cluster::Selection;
use crate::model::VmId;

/// What was meant: VMs, and numbers that no VM has.
#[derive(Debug)]
pub(super) struct Selected {
    pub(super) found: Vec<Found>,
    pub(super) missing: Vec<VmId>,
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
/// those that exist are meant; a single one that does not exist is missing.
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
    let mut picked: Vec<&Found> = Vec::new();
    let mut missing = Vec::new();
    for range in &selection.vmids {
        let inside = |found: &&Found| (range.first..=range.last).contains(&found.guest.vmid);
        let found: Vec<&Found> = all.iter().copied().filter(inside).collect();
        if range.first == range.last {
            match found.as_slice() {
                [] => missing.push(range.first),
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
        let found: Vec<&Found> = all.iter().copied().filter(tagged).collect();
        add(&mut picked, found);
    }
    if selection.is_empty() || selection.all {
        picked.clone_from(&all);
    }
    let found = picked.into_iter().filter(|one| !one.guest.template);
    Ok(Selected {
        found: found.cloned().collect(),
        missing,
    })
}

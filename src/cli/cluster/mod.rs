//! The commands that ask Proxmox VE's API: the cluster's VMs and clocks, the hook on VMs, their power.
mod attach;
mod batch;
mod detach;
mod drift;
mod hosts;
mod local;
mod login;
mod own;
mod power;
mod reach;
mod second;
mod select;
mod status;
mod stop;
mod write;

pub(super) use attach::attach;
pub(super) use detach::detach;
pub(super) use drift::drift;
pub(super) use login::{login, logout};
pub(super) use power::power;
pub(super) use status::status;

use super::{Exit, Failure};
use crate::api::Method;
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::{Printable, ProfileName, Tag, VmId};
use crate::sources::Loaded;
use crate::voice::trail;

/// What a tag that names a profile starts with.
const TAG_PREFIX: &str = "ts-";

/// The profile that a tag names.
fn profile_of(tag: &Tag) -> Option<ProfileName> {
    let tag = tag.as_str().to_ascii_lowercase();
    ProfileName::parse(tag.strip_prefix(TAG_PREFIX)?).ok()
}

/// The profile of a VM: by the rule of this node's allowlist, else by its tag.
fn profile(vmid: VmId, tags: &[Tag], allowlist: Option<&Loaded>) -> Option<ProfileName> {
    let rule = allowlist.and_then(|loaded| loaded.allowlist.rule_for(vmid));
    let assigned = rule.and_then(|rule| rule.assign.clone());
    assigned.or_else(|| tags.iter().find_map(profile_of))
}

/// Whether a hookscript is a copy of ours.
fn is_ours(hookscript: &str) -> bool {
    hookscript
        .split_once(':')
        .is_some_and(|(_, path)| path == "snippets/time-shift")
}

/// Writes something down that is about no VM.
fn note(config: &Config, event: Event, text: &str) -> Result<(), Failure> {
    trail(config)?.record(&Record {
        text: Some(Printable::sentence(text)),
        ..Record::of_node(event)
    })?;
    Ok(())
}

/// How a command that changes something is going to ask.
fn needs(dry_run: bool, changes: Method) -> Method {
    match dry_run {
        true => Method::Get,
        false => changes,
    }
}

/// Failed in part, or not at all.
fn exit(failed: bool) -> Exit {
    if failed { Exit::Failed } else { Exit::Done }
}

//! `time-shift attach`: the hook, and the tag of a profile, on VMs.
use std::collections::BTreeMap;

use super::batch::run;
use super::hosts::{Asked, open};
use super::reach::{Found, Reach, look};
use super::select::{Selected, select};
use super::write::{Change, Writer, tell};
use super::{is_ours, needs, profile_of};
use crate::allowlist::no_profile;
use crate::api::{Api, GuestConfig, Method, Path, Pvesh, StorageId};
use crate::cli::arguments::cluster::Attach;
use crate::cli::install_hook::ensure;
use crate::cli::{Exit, Failure, complain};
use crate::config::Config;
use crate::model::{NodeName, Tag};
use crate::sources::load_allowlist;
use crate::system;

/// Why a hookscript cannot be set by everybody.
const ROOT_ONLY: &str = "Proxmox VE lets only root@pam set or remove a hookscript: with a ticket, not with an \
                         API token, or on a node through pvesh. Nothing was asked for";

/// Which node lacks the snippet, and why that is thought.
type Lacking = BTreeMap<NodeName, String>;

/// Says no, before anything is asked, where somebody may not set hookscripts.
pub(super) fn may_set_hookscripts(asked: &[Asked]) -> bool {
    let mut may_not = asked
        .iter()
        .filter(|one| !one.may_set_hookscripts)
        .peekable();
    let all = may_not.peek().is_none();
    for one in may_not {
        complain(&format!(
            "{} as {}: {ROOT_ONLY}",
            one.api.name(),
            one.identity
        ));
    }
    all
}

pub(in crate::cli) fn attach(config: &Config, options: &Attach) -> Result<Exit, Failure> {
    if options.selection.is_empty() {
        complain(&"say which VMs: by number, by --tag, or --all");
        return Ok(Exit::Usage);
    }
    let asked = match open(
        config,
        &options.hosts,
        &options.selection,
        needs(options.changing.dry_run, Method::Put),
    ) {
        Ok(asked) => asked,
        Err(stop) => return Ok(stop.tell()),
    };
    if !may_set_hookscripts(&asked) {
        return Ok(Exit::Denied);
    }
    let reach = match look(config, asked) {
        Ok(reach) => reach,
        Err(stop) => return Ok(stop.tell()),
    };
    let selected = select(&reach, &options.selection)?;
    known_profile(config, &reach, &selected, options)?;
    let installed = install_here(config, &reach, &selected, options)?;
    let mut lacking: Vec<Lacking> = (0..reach.clusters.len())
        .map(
            |cluster| match selected.found.iter().any(|found| found.cluster == cluster) {
                true => lacking(&reach, cluster, &options.storage),
                false => Lacking::new(),
            },
        )
        .collect();
    // Only a dry run has installed nothing that could be seen now.
    if let Some((cluster, node)) = &installed {
        if let Some(lacking) = lacking.get_mut(*cluster) {
            lacking.remove(node);
        }
    }
    for (node, why) in lacking.iter().flatten() {
        complain(&format!(
            "node {node}: {why}; on that node: time-shift install-hook --storage {}",
            options.storage
        ));
    }
    let writer = Writer::new(config)?;
    let changing = &options.changing;
    let parts = run(
        &reach,
        &selected.found,
        changing.fail_fast,
        |asked, found| {
            let none = Lacking::new();
            let lacking = lacking.get(found.cluster).unwrap_or(&none);
            one(asked, found, lacking, options, &writer)
        },
    );
    tell(&selected, parts, changing, reach.partly)
}

/// A profile for VMs of this node's own cluster has to be one of the allowlist, as far as that can be read.
fn known_profile(
    config: &Config,
    reach: &Reach,
    selected: &Selected,
    options: &Attach,
) -> Result<(), Failure> {
    let own = selected.found.iter().any(|found| reach.is_own(found));
    let (Some(profile), true) = (&options.profile, own) else {
        return Ok(());
    };
    let Ok(loaded) = load_allowlist(config) else {
        return Ok(());
    };
    let known = &loaded.allowlist.profiles;
    if known.contains_key(profile) {
        return Ok(());
    }
    Err(Failure(no_profile(profile, known.keys())))
}

/// Installs the snippet where this is a node of a cluster of one of the VMs, or says that it would: then
/// the place of the cluster and the node come back.
fn install_here(
    config: &Config,
    reach: &Reach,
    selected: &Selected,
    options: &Attach,
) -> Result<Option<(usize, NodeName)>, Failure> {
    let storage = &options.storage;
    let mut own = selected.found.iter().filter(|found| reach.is_own(found));
    let (Some(found), true) = (own.next(), Pvesh::is_here()) else {
        return Ok(None);
    };
    let dry_run = options.changing.dry_run;
    if !ensure(config, storage.as_str(), dry_run)? {
        return Ok(None);
    }
    if !dry_run {
        complain(&format!("the snippet is now in {storage} of this node"));
        return Ok(None);
    }
    complain(&format!(
        "the snippet would be put into {storage} of this node"
    ));
    let here = NodeName::parse(&system::hostname()).ok();
    Ok(here.map(|node| (found.cluster, node)))
}

fn volume(storage: &StorageId) -> String {
    format!("{storage}:snippets/time-shift")
}

/// The nodes of a cluster whose storage does not have the snippet, as far as it can be seen.
fn lacking(reach: &Reach, cluster: usize, storage: &StorageId) -> Lacking {
    let mut lacking = Lacking::new();
    let member = reach.clusters.get(cluster);
    let asked = member.and_then(|member| reach.asked.get(*member.asked.first()?));
    let (Some(member), Some(asked)) = (member, asked) else {
        return lacking;
    };
    let wanted = volume(storage);
    for (node, online) in &member.cluster.nodes {
        if !online {
            lacking.insert(node.clone(), "it is not there to be looked at".to_owned());
            continue;
        }
        let path = Path::storage_content(node, storage);
        let parameters = [("content", "snippets")];
        let why = match asked.api.call(Method::Get, &path, &parameters) {
            Ok(list) => {
                let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
                let mut volumes = list.iter().filter_map(|entry| entry.get("volid")?.as_str());
                match volumes.any(|volume| volume == wanted) {
                    true => continue,
                    false => format!("storage {storage} lacks the snippet there"),
                }
            }
            Err(error) => {
                format!("whether storage {storage} has the snippet there is not known: {error}")
            }
        };
        lacking.insert(node.clone(), why);
    }
    lacking
}

fn one(
    asked: &Asked,
    found: &Found,
    lacking: &Lacking,
    options: &Attach,
    writer: &Writer,
) -> Result<String, String> {
    let (api, guest): (&dyn Api, _) = (asked.api.as_ref(), &found.guest);
    // A VM whose hookscript is missing does not start at all.
    if lacking.contains_key(&guest.node) {
        return Err(format!(
            "its node {} lacks the snippet, and with the hook it would not start there",
            guest.node
        ));
    }
    if !lacking.is_empty() && !options.force {
        let nodes: Vec<&str> = lacking.keys().map(NodeName::as_str).collect();
        let how = match &guest.ha {
            Some(_) => "it is managed by HA and could be moved to",
            None => "it could migrate to",
        };
        return Err(format!(
            "{how} a node without the snippet, where it would not start: {}; --force attaches it anyway",
            nodes.join(" ")
        ));
    }
    let config =
        GuestConfig::ask(api, &guest.node, guest.vmid).map_err(|error| error.to_string())?;
    let volume = volume(&options.storage);
    let mut done = Vec::new();
    let mut parameters: Vec<(&str, &str)> = Vec::new();
    match config
        .hookscript
        .as_ref()
        .map(|hookscript| hookscript.as_str())
    {
        Some(other) if other == volume => {}
        Some(other) if !is_ours(other) && !options.replace => {
            return Err(format!(
                "it has another hookscript, {other}; --replace takes its place"
            ));
        }
        before => {
            done.push(match before {
                Some(other) => format!("hookscript {volume} instead of {other}"),
                None => format!("hookscript {volume}"),
            });
            parameters.push(("hookscript", &volume));
        }
    }
    let tags = options
        .profile
        .as_ref()
        .map(|profile| with_tag(&config.tags, &format!("ts-{profile}")));
    if let Some((tags, changed)) = &tags {
        if !changed.is_empty() {
            done.push(changed.clone());
            parameters.push(("tags", tags));
        }
    }
    if parameters.is_empty() {
        return Ok("attached already".to_owned());
    }
    // So that a change in between is not overwritten.
    parameters.extend(config.digest.as_deref().map(|digest| ("digest", digest)));
    let path = Path::config(&guest.node, guest.vmid);
    let change = Change {
        method: Method::Put,
        path: &path,
        parameters: &parameters,
    };
    if options.changing.dry_run {
        return Ok(api.shown(change.method, change.path, change.parameters));
    }
    let text = format!("set {}", done.join(", "));
    writer.make(asked, found, &change, |_| Ok((text.clone(), text)))
}

/// The tags with the one of a profile instead of that of another, and what is different.
fn with_tag(tags: &[Tag], wanted: &str) -> (String, String) {
    let same = |tag: &Tag| tag.as_str().eq_ignore_ascii_case(wanted);
    let (gone, kept): (Vec<&Tag>, Vec<&Tag>) = tags
        .iter()
        .partition(|tag| profile_of(tag).is_some() && !same(tag));
    let there = kept.iter().any(|tag| same(tag));
    let mut all: Vec<&str> = kept.iter().map(|tag| tag.as_str()).collect();
    if !there {
        all.push(wanted);
    }
    let gone: Vec<&str> = gone.iter().map(|tag| tag.as_str()).collect();
    let changed = match (there, gone.as_slice()) {
        (true, []) => String::new(),
        (_, []) => format!("tag {wanted}"),
        (_, gone) => format!("tag {wanted} instead of {}", gone.join(" ")),
    };
    (all.join(","), changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_has_one_profiles_tag_and_keeps_its_others() {
        let tags = |text: &str| -> Vec<Tag> {
            text.split(';')
                .filter_map(|tag| Tag::parse(tag).ok())
                .collect()
        };
        for (before, after, changed) in [
            ("", "ts-b", "tag ts-b"),
            ("x;y", "x,y,ts-b", "tag ts-b"),
            ("x;ts-a;y", "x,y,ts-b", "tag ts-b instead of ts-a"),
            ("TS-B;x", "TS-B,x", ""),
            ("ts-b;ts-a", "ts-b", "tag ts-b instead of ts-a"),
        ] {
            let (all, said) = with_tag(&tags(before), "ts-b");
            assert_eq!((all.as_str(), said.as_str()), (after, changed), "{before}");
        }
    }
}

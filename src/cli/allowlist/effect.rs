//! What becomes different for whom, for people and for scripts.
use std::path::PathBuf;

use serde::Serialize;

use super::place::Place;
use crate::allowlist::{Allowlist, Change, Difference, Kind, difference};
use crate::config::Config;
use crate::model::VmId;
use crate::report::vmid_ranges;
use crate::sources::{AllowlistFile, Existing, counts, existing_guests};

/// How many VMs of a range are named.
const NAMED: usize = 8;

/// A difference, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    old: String,
    new: String,
    vms: Vec<Vms>,
    roles: Vec<Change>,
    commands: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct Vms {
    vmids: String,
    /// Those of them that exist; none where that cannot be known.
    existing: Option<Vec<There>>,
    changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
struct There {
    vmid: VmId,
    node: String,
}

impl Answer {
    pub(super) fn new(config: &Config, difference: Difference, old: String, new: String) -> Answer {
        let guests = existing_guests(config).ok();
        let vms = difference.vms.into_iter().map(|affected| Vms {
            vmids: vmid_ranges(&affected.ranges),
            existing: guests
                .as_deref()
                .map(|guests| there(guests, &affected.ranges)),
            changes: affected.changes,
        });
        Answer {
            old,
            new,
            vms: vms.collect(),
            roles: difference.roles,
            commands: difference.commands,
        }
    }
}

fn there(guests: &[Existing], ranges: &[(VmId, VmId)]) -> Vec<There> {
    let within = |vmid: VmId| {
        let after = ranges.partition_point(|(first, _)| *first <= vmid);
        let range = after.checked_sub(1).and_then(|at| ranges.get(at));
        range.is_some_and(|(_, last)| vmid <= *last)
    };
    let vms = guests.iter().filter(|guest| !guest.container);
    vms.filter(|guest| within(guest.vmid))
        .map(|guest| There {
            vmid: guest.vmid,
            node: guest.node.to_string(),
        })
        .collect()
}

/// What installing an allowlist changes, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Effect {
    /// Which file goes on to count instead; nothing changes then.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts_instead: Option<PathBuf>,
    /// Why nothing is allowed until then.
    #[serde(skip_serializing_if = "Option::is_none")]
    nothing_allowed_now: Option<String>,
    /// Whether the file is the cluster's first one.
    first_of_cluster: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<Answer>,
}

/// What installing `new` at this place would change.
pub(super) fn of(config: &Config, place: &Place, new: &Allowlist) -> Effect {
    if !place.will_count(config) {
        return Effect {
            counts_instead: Some(AllowlistFile::Cluster.path(config).to_owned()),
            nothing_allowed_now: None,
            first_of_cluster: false,
            changes: None,
        };
    }
    let (old, why) = Place::before(config);
    let (before, after) = (
        counts(config).0.path(config).display().to_string(),
        place.path.display().to_string(),
    );
    Effect {
        counts_instead: None,
        nothing_allowed_now: why.map(|deny| deny.text),
        first_of_cluster: place.file == AllowlistFile::Cluster && place.bytes.is_none(),
        changes: Some(Answer::new(config, difference(&old, new), before, after)),
    }
}

impl Effect {
    pub(super) fn text(&self) -> String {
        if let Some(file) = &self.counts_instead {
            return format!(
                "Nothing changes in effect: {} counts as long as it is there.\n",
                file.display()
            );
        }
        let mut text = match &self.nothing_allowed_now {
            None => String::new(),
            Some(why) => format!("Nothing is allowed now: {why}\n"),
        };
        text.push_str(&self.changes.as_ref().map_or_else(String::new, Answer::text));
        if self.first_of_cluster {
            text.push_str(
                "From then on this file counts on all nodes of the cluster, and their own do not. What \
                 becomes different on other nodes depends on those.\n",
            );
        }
        text
    }
}

impl Answer {
    pub(super) fn text(&self) -> String {
        if self.vms.is_empty() && self.roles.is_empty() && self.commands.is_empty() {
            return "Nothing changes in effect.\n".to_owned();
        }
        let mut text = "Becomes different (+ more, - less, ~ other):\n".to_owned();
        for vms in &self.vms {
            let existing = match vms.existing.as_deref() {
                None => " (which of them exist cannot be known)".to_owned(),
                Some([]) => " (none of them exists)".to_owned(),
                Some(there) => named(there),
            };
            text.push_str(&format!("  VM {}{existing}\n", vms.vmids));
            text.push_str(&lines(&vms.changes));
        }
        for (title, changes) in [
            ("users of this node's system", &self.roles),
            ("commands", &self.commands),
        ] {
            if !changes.is_empty() {
                text.push_str(&format!("  {title}\n{}", lines(changes)));
            }
        }
        text
    }
}

fn named(there: &[There]) -> String {
    let mut named: Vec<String> = there
        .iter()
        .take(NAMED)
        .map(|one| format!("{} on {}", one.vmid, one.node))
        .collect();
    match there.len().saturating_sub(NAMED) {
        0 => {}
        more => named.push(format!("and {more} more")),
    }
    format!(" (exist: {})", named.join(", "))
}

fn lines(changes: &[Change]) -> String {
    let mut text = String::new();
    for change in changes {
        let sign = match change.kind {
            Kind::Gains => '+',
            Kind::Loses => '-',
            Kind::Changes => '~',
        };
        text.push_str(&format!("    {sign} {}\n", change.text));
    }
    text
}

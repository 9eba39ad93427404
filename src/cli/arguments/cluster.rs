//! The arguments of the commands that ask Proxmox VE's API.
use std::time::Duration;

use clap::{Args, Subcommand};

use super::token::Passphrase;
use crate::api::StorageId;
use crate::model::{NodeName, ProfileName, Tag, VmId, parse_lapse};

/// Most VMs that ranges may name together.
const MOST: u32 = 10_000;

/// VMIDs, first and last included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::cli) struct Range {
    pub(in crate::cli) first: VmId,
    pub(in crate::cli) last: VmId,
}

/// Who is asked.
#[derive(Debug, Args)]
pub(in crate::cli) struct Hosts {
    /// Asks this [[api.host]] of config.toml alone, or `pvesh` of this node; may be repeated
    #[arg(long = "host", value_name = "NAME", value_parser = NodeName::parse)]
    pub(in crate::cli) hosts: Vec<NodeName>,
    /// Says who is asked, and as whom
    #[arg(short, long)]
    pub(in crate::cli) verbose: bool,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
}

/// Which VMs.
#[derive(Debug, Args)]
pub(in crate::cli) struct Selection {
    /// VMs by number, or ranges of them like 100-199 (those that exist)
    #[arg(value_name = "VMID", value_parser = parse_range)]
    pub(in crate::cli) vmids: Vec<Range>,
    /// VMs with this tag; may be repeated
    #[arg(long = "tag", value_name = "TAG", value_parser = Tag::parse)]
    pub(in crate::cli) tags: Vec<Tag>,
    /// All VMs
    #[arg(long, conflicts_with_all = ["vmids", "tags"])]
    pub(in crate::cli) all: bool,
    /// Of these only those on this node; may be repeated
    #[arg(long = "node", value_name = "NODE", value_parser = NodeName::parse)]
    pub(in crate::cli) nodes: Vec<NodeName>,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Cluster {
    /// Shows each VM with its state, hook, profile and guest clock, and who is logged in
    #[command(
        after_help = "offset is guest minus this host, positive = the guest is ahead; its error is at most \
                      half the round trip. Exit codes: 0 done, 1 failed in part, 3 denied, 5 no host reached.\n\n\
                      Example:\n  time-shift cluster status --node pve2"
    )]
    Status(Survey),
    /// Measures the clocks of running guests, the worst first
    #[command(
        after_help = "A clock is measured against what it should show: the time of its shift where this \
                      node or its cluster knows that, else this host's. Exit codes: 0 all inside the \
                      tolerance, 1 failed in part, 3 denied, 4 at least one outside, 5 no host reached.\n\n\
                      Example:\n  time-shift cluster drift --tolerance 500ms"
    )]
    Drift(Drift),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Survey {
    #[command(flatten)]
    pub(in crate::cli) selection: Selection,
    #[command(flatten)]
    pub(in crate::cli) hosts: Hosts,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Drift {
    #[command(flatten)]
    pub(in crate::cli) selection: Selection,
    #[command(flatten)]
    pub(in crate::cli) hosts: Hosts,
    /// How far off a clock may be
    #[arg(long, value_name = "LENGTH", default_value = "1s", value_parser = parse_lapse)]
    pub(in crate::cli) tolerance: Duration,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// How several VMs are changed.
#[derive(Debug, Args)]
pub(in crate::cli) struct Changing {
    /// Changes nothing, and prints the requests that would be made
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Begins with no further VM once one has failed
    #[arg(long)]
    pub(in crate::cli) fail_fast: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Attach {
    #[command(flatten)]
    pub(in crate::cli) selection: Selection,
    #[command(flatten)]
    pub(in crate::cli) hosts: Hosts,
    #[command(flatten)]
    pub(in crate::cli) changing: Changing,
    /// Chooses a profile by the tag ts-NAME
    #[arg(long, value_name = "NAME", value_parser = ProfileName::parse)]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// The storage with the snippet
    #[arg(long, value_name = "STORAGE", default_value = "local", value_parser = StorageId::parse)]
    pub(in crate::cli) storage: StorageId,
    /// Takes the place of another hookscript
    #[arg(long)]
    pub(in crate::cli) replace: bool,
    /// Also where a node to which the VM may migrate lacks the snippet
    #[arg(long)]
    pub(in crate::cli) force: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Detach {
    #[command(flatten)]
    pub(in crate::cli) selection: Selection,
    #[command(flatten)]
    pub(in crate::cli) hosts: Hosts,
    #[command(flatten)]
    pub(in crate::cli) changing: Changing,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct PowerOf {
    #[command(flatten)]
    pub(in crate::cli) selection: Selection,
    #[command(flatten)]
    pub(in crate::cli) hosts: Hosts,
    #[command(flatten)]
    pub(in crate::cli) changing: Changing,
    /// How long each task is followed; pvesh ends when the task does, however long that is
    #[arg(long, value_name = "LENGTH", default_value = "10m", value_parser = parse_lapse)]
    pub(in crate::cli) wait: Duration,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LoginAt {
    /// The [[api.host]] of config.toml
    #[arg(value_name = "HOST", value_parser = NodeName::parse)]
    pub(in crate::cli) host: NodeName,
    /// Does not ask before a password is sent to a host with `verify = false`
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct LogoutAt {
    /// The [[api.host]] of config.toml
    #[arg(value_name = "HOST", value_parser = NodeName::parse)]
    pub(in crate::cli) host: NodeName,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn parse_range(text: &str) -> Result<Range, String> {
    let vmid = |text: &str| VmId::parse(text.as_bytes()).map_err(|error| error.to_string());
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (vmid(first)?, vmid(last)?);
    match last.get().checked_sub(first.get()) {
        None => Err(format!("the range is reversed; write {last}-{first}")),
        Some(more) if more >= MOST => Err(format!("a range has at most {MOST} VMIDs")),
        Some(_) => Ok(Range { first, last }),
    }
}

impl Selection {
    /// What is wrong with it: the ranges name too many VMs together.
    pub(in crate::cli) fn fault(&self) -> Option<String> {
        let count = self.vmids.iter().fold(0_u32, |count, range| {
            let more = range.last.get().saturating_sub(range.first.get());
            count.saturating_add(more).saturating_add(1)
        });
        (count > MOST)
            .then(|| format!("{count} VMIDs; the ranges may have at most {MOST} together"))
    }

    /// Whether it names any VM.
    pub(in crate::cli) fn is_empty(&self) -> bool {
        self.vmids.is_empty() && self.tags.is_empty() && !self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_have_ten_thousand_vmids_at_most() {
        assert!(parse_range("100-10099").is_ok());
        for (bad, says) in [
            ("100-10100", "at most"),
            ("200-100", "write 100-200"),
            ("99", "from 100"),
            ("100-", "from 100"),
            ("-100", "from 100"),
            ("100-200-300", "from 100"),
        ] {
            let error = parse_range(bad).unwrap_err();
            assert!(error.contains(says), "{bad}: {error}");
        }
        let range = parse_range("100-10099").unwrap();
        let mut selection = Selection {
            vmids: vec![range],
            tags: vec![],
            all: false,
            nodes: vec![],
        };
        assert!(selection.fault().is_none());
        selection.vmids.push(parse_range("20000").unwrap());
        assert!(selection.fault().is_some());
    }
}

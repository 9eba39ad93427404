//! The arguments of `time-shift allowlist`, `assign` and `unassign`.
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::parse_vmid;
use crate::model::{ProfileName, VmId};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Allowlist {
    /// Prints the allowlist, and says which file that is and why it counts
    #[command(
        after_help = "Exit codes: 0 shown, 1 failed.\n\nExample:\n  time-shift allowlist show --cluster >allowlist.toml"
    )]
    Show(Show),
    /// Shows what another allowlist would change for whom
    #[command(
        after_help = "Without FILE, this node's file is compared with the cluster's.\n\n\
                      Exit codes: 0 compared, 1 one of them is not valid.\n\nExample:\n  time-shift allowlist diff new.toml --cluster"
    )]
    Diff(Diff),
    /// Opens a copy in an editor, shows what would change for whom, asks and installs it
    #[command(
        after_help = "The editor is $VISUAL, $EDITOR, else the system's; its words are split at blanks, and no \
                      shell sees them. A file with errors is not installed.\n\n\
                      Exit codes: 0 installed or not changed, 1 failed, 2 not agreed.\n\n\
                      Example:\n  time-shift allowlist edit --cluster"
    )]
    Edit(Edit),
    /// Shows what a file would change for whom, asks and installs it
    #[command(
        after_help = "Exit codes: 0 installed or not changed, 1 failed, 2 not asked or not agreed.\n\n\
                      Example:\n  time-shift allowlist install new.toml --cluster --yes"
    )]
    Install(Install),
}

/// Which file; without either, the one that counts.
#[derive(Clone, Copy, Debug, Args)]
#[group(multiple = false)]
pub(in crate::cli) struct Which {
    /// The cluster's file, whether it is there yet or not; else the one that counts
    #[arg(long)]
    pub(in crate::cli) cluster: bool,
    /// This node's file, which does not count where the cluster has one
    #[arg(long)]
    pub(in crate::cli) local: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    /// The file that would be installed
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: Option<PathBuf>,
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Edit {
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Install {
    /// The new allowlist
    #[arg(value_name = "FILE")]
    pub(in crate::cli) file: PathBuf,
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Assign {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(in crate::cli) vmid: VmId,
    /// The profile
    #[arg(value_parser = ProfileName::parse)]
    pub(in crate::cli) profile: ProfileName,
    /// The VM goes into the rule of this one, where several assign the profile
    #[arg(long, value_name = "VMID", value_parser = parse_vmid, conflicts_with = "earliest")]
    pub(in crate::cli) like: Option<VmId>,
    /// For a rule of its own: the guest's time must not lie before this
    #[arg(long, value_name = "DATE", requires_all = ["latest", "max_shift"])]
    pub(in crate::cli) earliest: Option<String>,
    /// For a rule of its own: the guest's time must not lie after this
    #[arg(long, value_name = "DATE", requires = "earliest")]
    pub(in crate::cli) latest: Option<String>,
    /// For a rule of its own: how far the guest's time may be from the host's, like 20y
    #[arg(long, value_name = "SPAN", requires = "earliest")]
    pub(in crate::cli) max_shift: Option<String>,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Unassign {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(in crate::cli) vmid: VmId,
    /// Leaves it in its rule, so that it may choose by a tag what the rule lists
    #[arg(long)]
    pub(in crate::cli) by_tag: bool,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

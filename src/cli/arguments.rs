//! The arguments, and their help texts.
pub(super) mod audit;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::model::{Timestamp, VmId};
use crate::sources::CONFIG_PATH;

/// Gives Proxmox VE guests another time than now, by allowlist only.
#[derive(Debug, Parser)]
#[command(
    name = "time-shift",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong call, 3 denied by policy.\n\n\
                  Examples:\n  time-shift check\n  time-shift plan 100\n  time-shift status --json"
)]
pub(super) struct Arguments {
    /// Reads another config.toml
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG_PATH)]
    pub(super) config: PathBuf,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows what a start of a VM would do to its clock, and touches nothing
    #[command(
        after_help = "Exit codes: 0 permitted or nothing to do, 1 failed, 3 denied.\n\n\
                            Example:\n  time-shift plan 100 --at 2027-01-01T00:00:00Z"
    )]
    Plan(Plan),
    /// Checks config.toml, the allowlist and the VMs' configs
    #[command(
        after_help = "Prints findings as FILE:LINE:COLUMN: text or VMID: text. \
                            Exit codes: 0 no error found, 1 errors found."
    )]
    Check(Check),
    /// Reads and checks the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shows the VMs that were started with another time and what was done to their clocks
    #[command(
        after_help = "error is measured minus intended; offset is guest minus host, \
                            positive = the guest is ahead."
    )]
    Status(Status),
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(super) vmid: VmId,
    /// Pretends that it is TIME now (RFC 3339, or a date, which means noon UTC)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub(super) at: Option<Timestamp>,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// The VMs' numbers; all that have a state if none is given
    #[arg(value_name = "VMID", value_parser = parse_vmid)]
    pub(super) vmids: Vec<VmId>,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

fn parse_vmid(text: &str) -> Result<VmId, crate::model::VmIdError> {
    VmId::parse(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_hold_together() {
        Arguments::command().debug_assert();
    }
}

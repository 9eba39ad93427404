//! The arguments, and their help texts.
pub(super) mod allowlist;
pub(super) mod approve;
pub(super) mod audit;
pub(super) mod cert;
pub(super) mod cluster;
pub(super) mod command;
pub(super) mod token;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::model::{ClockTarget, ProfileName, Timestamp, VmId};
use crate::report::When;
use crate::sources::CONFIG_PATH;

/// Gives Proxmox VE guests another time than now, by allowlist only.
#[derive(Debug, Parser)]
#[command(
    name = "time-shift",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong call, 3 denied by policy, 4 set and not \
                  verified, 5 guest not reached, 6 locked out after failed attempts. For every command \
                  2 is a wrong call, and 3 that no role of the allowlist permits it.\n\n\
                  Examples:\n  time-shift doctor\n  time-shift plan 100 --why\n  time-shift status --json\n  \
                  time-shift install-hook"
)]
pub(super) struct Arguments {
    /// Reads another config.toml
    #[arg(long, global = true, value_name = "FILE", default_value = CONFIG_PATH)]
    pub(super) config: PathBuf,
    /// When there are colours; `NO_COLOR` in the environment means never unless this is said
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    pub(super) color: Color,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// When there are colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(super) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<Color> for When {
    fn from(color: Color) -> When {
        match color {
            Color::Auto => When::Auto,
            Color::Always => When::Always,
            Color::Never => When::Never,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows what a start of a VM would do to its clock, and touches nothing
    #[command(
        after_help = "Exit codes: 0 permitted or nothing to do, 1 failed, 3 denied.\n\n\
                            Examples:\n  time-shift plan 100 --at 2027-01-01T00:00:00Z\n  \
                            time-shift plan 100 --why"
    )]
    Plan(Plan),
    /// Checks config.toml, the allowlist, the VMs' configs, and what goes past the allowlist
    #[command(
        after_help = "Prints findings as FILE:LINE:COLUMN: text (CODE), FILE: text (CODE) or VMID: text \
                            (CODE), warnings with the word before the text; `time-shift audit explain CODE` \
                            says more. Exit codes: 0 no error found, 1 errors found.\n\n\
                            Examples:\n  time-shift check\n  time-shift check --strict --json"
    )]
    Check(Check),
    /// Shows what this node needs, step by step, each with what to do next; then what `check` finds
    #[command(
        after_help = "Exit codes: 0 nothing is missing, 1 something is.\n\nExample:\n  time-shift doctor"
    )]
    Doctor(Doctor),
    /// Shows which version this is
    #[command(after_help = "Exit codes: 0 said, 1 not.\n\nExample:\n  time-shift version --json")]
    Version(Version),
    /// Reads servers' certificates and proposes a date at which they are valid
    #[command(
        after_help = "Reads what servers from SSLv3 to TLS 1.3 show, and checks nobody's signature: what \
                      a server shows proves nothing until somebody has compared the fingerprint.\n\n\
                      Exit codes: 0 read, 1 failed or no date for all, 5 server not reached.\n\n\
                      Examples:\n  time-shift cert 10.0.0.20\n  time-shift cert --http [fe80::1%vmbr0]:8443\n  \
                      time-shift cert pin idrac.example"
    )]
    Cert(cert::Cert),
    /// Reads and checks the audit trail
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Shows the VMs that were started with another time and what was done to their clocks
    #[command(
        after_help = "error is measured minus intended; offset is guest minus host, \
                            positive = the guest is ahead.\n\n\
                            Exit codes: 0 shown, 1 a state file is of no use.\n\nExamples:\n  time-shift status\n  time-shift status 100 --json"
    )]
    Status(Status),
    /// Shows who the caller is taken for, and what the allowlist lets him do
    #[command(
        after_help = "Root who logged in as root may everything. Through su or sudo the user who logged \
                            in counts, and needs a [[role]] of the allowlist.\n\nExit codes: 0 shown, 1 failed.\n\nExamples:\n  time-shift whoami\n  sudo time-shift whoami --json"
    )]
    Whoami(Whoami),
    /// Approves for a while what a rule with `confirm = true` lets a VM have
    #[command(
        after_help = "It counts for this VM, its profile and the allowlist as it is now, on this node only \
                            (one that is to migrate needs it on the other node too), until LENGTH is over. \
                            A start that begins within it is covered to its end.\n\n\
                            Exit codes: 0 approved, 1 failed, 3 it would be denied all the same.\n\n\
                            Example:\n  time-shift approve 100 --for 30m --reason \"change 4711\""
    )]
    Approve(approve::Approve),
    /// Shows what is approved on this node
    #[command(
        after_help = "Exit codes: 0 shown, 1 one of them cannot be read.\n\nExample:\n  time-shift approvals --json"
    )]
    Approvals(approve::Approvals),
    /// Withdraws approvals; a start that one covered goes on
    #[command(after_help = "Exit codes: 0 withdrawn, 1 there was none.\n\n\
                            Example:\n  time-shift revoke 100")]
    Revoke(approve::Revoke),
    /// Shows, compares, edits and installs the allowlist
    #[command(subcommand)]
    Allowlist(allowlist::Allowlist),
    /// Puts a VM under a profile of the allowlist, and changes nothing for any other VM
    #[command(
        after_help = "A VM that shares its rule with others gets a copy of the rule; one without a rule goes \
                            into the only rule that assigns the profile. Comments and layout of the file \
                            stay. Shows what becomes different, and asks.\n\n\
                            Exit codes: 0 done or so already, 1 failed, 2 not asked or not agreed, 3 denied.\n\n\
                            Example:\n  time-shift assign 100 idrac-2016"
    )]
    Assign(allowlist::Assign),
    /// Takes a VM out of its rule, so that it has the real time from its next start on
    #[command(
        after_help = "A shift that is in force is ended with `time-shift restore VMID`, or by the next \
                            sweep.\n\nExit codes: 0 done or so already, 1 failed, 2 not asked or not agreed, \
                            3 denied.\n\nExample:\n  time-shift unassign 100"
    )]
    Unassign(allowlist::Unassign),
    /// Sets the clocks of running VMs to the time that they should have
    #[command(
        after_help = "A VM with a shift gets its shift again: after a pause, a rollback, a migration. \
                            One without gets the host's time, if its rule lists a profile with target \
                            \"now\".\n\nExit codes: 0 all done, 1 failed, 3 denied, 4 not verified, \
                            5 guest not reached.\n\nExample:\n  time-shift sync --all"
    )]
    Sync(Sync),
    /// Gives a running VM another time, within the bounds of its rule
    #[command(
        after_help = "Asks before it does. Exit codes: 0 done, 1 failed, 2 not asked or not agreed, \
                            3 denied, 4 not verified, 5 guest not reached.\n\n\
                            Example:\n  time-shift shift 100 2016-06-15T12:00:00Z"
    )]
    Shift(ShiftTo),
    /// Gives running VMs the real time back: system clock, RTC, time services
    #[command(
        after_help = "Asks before it does. Exit codes: 0 all done, 1 failed, 2 not asked or not \
                            agreed, 3 denied, 4 not verified, 5 guest not reached.\n\n\
                            Example:\n  time-shift restore 100 --yes"
    )]
    Restore(Restore),
    /// Shows the commands that may be run, on the host and in guests
    #[command(subcommand, name = "command")]
    Commands(command::Commands),
    /// Keeps secrets: Proxmox VE API tokens, passwords, GitHub tokens, TOTP seeds
    #[command(subcommand)]
    Token(token::Token),
    /// Shows the VMs of the cluster and their clocks, through Proxmox VE's API
    #[command(subcommand)]
    Cluster(cluster::Cluster),
    /// Puts VMs under the hook, and under a profile, through Proxmox VE's API
    #[command(
        after_help = "Needs root@pam's ticket, or root on a node: Proxmox VE lets nobody else set a \
                            hookscript. A hookscript of somebody else stays unless --replace is given. \
                            Exit codes: 0 all done, 1 failed in part, 3 no right to, 5 no host reached.\n\n\
                            Example:\n  time-shift attach 100-149 --profile idrac-2016"
    )]
    Attach(cluster::Attach),
    /// Takes VMs off the hook, and off profiles that tags chose
    #[command(
        after_help = "Exit codes: 0 all done, 1 failed in part, 3 no right to, 5 no host reached.\n\nExample:\n  time-shift detach --tag lab"
    )]
    Detach(cluster::Detach),
    /// Starts VMs through Proxmox VE's API, and shows what the hook says
    #[command(
        after_help = "Follows each task to its end. Exit codes: 0 all done, 1 failed in part, 3 denied, 5 no \
                            host reached.\n\nExample:\n  time-shift start 100"
    )]
    Start(cluster::PowerOf),
    /// Takes the power of VMs away; asks before
    #[command(
        after_help = "Exit codes: 0 all done, 1 failed in part, 2 not asked or not agreed, 3 denied, \
                            5 no host reached.\n\nExample:\n  time-shift stop 100 --yes"
    )]
    Stop(cluster::PowerOf),
    /// Asks the systems of VMs to power off; asks before
    #[command(
        after_help = "Exit codes: 0 all done, 1 failed in part, 2 not asked or not agreed, 3 denied, \
                            5 no host reached.\n\nExample:\n  time-shift shutdown 100-149 --wait 5m"
    )]
    Shutdown(cluster::PowerOf),
    /// Asks the systems of VMs to boot again; asks before
    #[command(
        after_help = "A reboot from within keeps the VM's process, so no hook is run; the sweep looks at \
                            the clock.\n\nExit codes: 0 all done, 1 failed in part, 2 not asked or not agreed, \
                            3 denied, 5 no host reached.\n\nExample:\n  time-shift reboot --tag lab --dry-run"
    )]
    Reboot(cluster::PowerOf),
    /// Logs in at a host of config.toml, for an hour at most
    #[command(
        after_help = "Asks for the password on the terminal, else reads it from standard input; then for \
                            the second factor, if one is wanted. The kernel's keyring keeps the ticket; where \
                            there is none, a file in /run that root alone can read.\n\n\
                            Exit codes: 0 logged in, 1 refused, 2 not agreed, 5 host not reached, 6 locked out.\n\n\
                            Example:\n  time-shift login pve1"
    )]
    Login(cluster::LoginAt),
    /// Forgets the ticket of a login
    #[command(
        after_help = "Exit codes: 0 logged out, 1 failed.\n\nExample:\n  time-shift logout pve1"
    )]
    Logout(cluster::LogoutAt),
    /// Copies the hookscript into a snippet storage and says how to put a VM under it
    #[command(
        after_help = "Exit codes: 0 installed, 1 failed.\n\nExample:\n  time-shift install-hook --storage local\n  \
                            qm set 100 --hookscript local:snippets/time-shift"
    )]
    InstallHook(InstallHook),
    /// Removes the hookscript from a snippet storage, unless a guest of the cluster names it
    #[command(after_help = "Exit codes: 0 removed, 1 not: it names the guests.\n\n\
                            Examples:\n  qm set 100 --delete hookscript\n  \
                            time-shift uninstall-hook --storage local")]
    UninstallHook(UninstallHook),
    /// Looks again at every shifted VM (called by time-shift-sweep.timer each minute)
    #[command(
        after_help = "Exit codes: 0 done, 1 a state file is of no use.\n\nExample:\n  time-shift sweep --json"
    )]
    Sweep(Sweep),
    /// Waits for a VM's guest agent and sets its clock (called by the hook at a start)
    #[command(
        after_help = "It runs as time-shift@VMID.service, whose journal says what it did; `time-shift \
                            sync` is what a person calls.\n\nExit codes: 0 done or nothing to do, 1 failed, 3 denied, 4 not verified, 5 guest not reached.\n\nExample:\n  time-shift worker 100"
    )]
    Worker(Worker),
}

#[derive(Debug, Args)]
pub(super) struct Plan {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(super) vmid: VmId,
    /// Pretends that it is TIME now (RFC 3339, or a date, which means noon UTC)
    #[arg(long, value_name = "TIME", value_parser = Timestamp::parse)]
    pub(super) at: Option<Timestamp>,
    /// Shows every check with its values and its verdict, also those after the one that denies
    #[arg(long)]
    pub(super) why: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Takes warnings for errors
    #[arg(long)]
    pub(super) strict: bool,
    /// Shows also what is not wrong and good to know: rules that whoever gets a VMID next inherits
    #[arg(long)]
    pub(super) notes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Version {
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

#[derive(Debug, Args)]
pub(super) struct Whoami {
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Sync {
    /// The VMs' numbers
    #[arg(value_name = "VMID", value_parser = parse_vmid, required_unless_present = "all")]
    pub(super) vmids: Vec<VmId>,
    /// All VMs that were started with another time and run
    #[arg(long, conflicts_with = "vmids")]
    pub(super) all: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShiftTo {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(super) vmid: VmId,
    /// The time: RFC 3339, a date (noon UTC), "now", or a span with its sign like -10y
    #[arg(value_parser = ClockTarget::parse, allow_hyphen_values = true)]
    pub(super) target: ClockTarget,
    /// The profile that says how, where the VM has none of its own
    #[arg(long, value_name = "NAME", value_parser = ProfileName::parse)]
    pub(super) profile: Option<ProfileName>,
    /// Does not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// The VMs' numbers
    #[arg(value_name = "VMID", value_parser = parse_vmid, required_unless_present = "all")]
    pub(super) vmids: Vec<VmId>,
    /// All VMs that were started with another time and run
    #[arg(long, conflicts_with = "vmids")]
    pub(super) all: bool,
    /// Does not ask
    #[arg(long)]
    pub(super) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Sweep {
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Worker {
    /// The VM's number
    #[arg(value_parser = parse_vmid)]
    pub(super) vmid: VmId,
}

#[derive(Debug, Args)]
pub(super) struct InstallHook {
    /// The storage; its content must include snippets
    #[arg(long, value_name = "STORAGE", default_value = "local")]
    pub(super) storage: String,
    /// Keeps the VMs from starting where the package is gone; without it they start with the real time
    #[arg(long)]
    pub(super) strict: bool,
    /// Prints JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct UninstallHook {
    /// The storage
    #[arg(long, value_name = "STORAGE", default_value = "local")]
    pub(super) storage: String,
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

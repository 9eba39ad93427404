//! The arguments of `time-shift audit`.
use clap::{Args, Subcommand, ValueEnum};

use super::parse_vmid;
use crate::audit::{Hash, Log};
use crate::model::{Timestamp, VmId, parse_lapse};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Audit {
    /// Checks that no record of the trail was changed, removed, inserted or moved
    #[command(
        after_help = "Prints FILE:LINE: KIND: text, with KIND changed, removed, inserted, reordered, \
                      truncated or torn. Exit codes: 0 as it was written, 1 not, or not to be checked.\n\n\
                      Example:\n  time-shift audit verify --since 30d"
    )]
    Verify(Verify),
    /// Shows records
    #[command(
        after_help = "On a terminal root, and who has the verb \"admin\", gets it page by page: by PAGER, else \
                      less, with a fixed environment.\n\n\
                      Exit codes: 0 shown, 1 not whole.\n\nExample:\n  time-shift audit show --vmid 100 --denied --since 7d"
    )]
    Show(Show),
    /// Explains an event code, a reason of a denial or the code of a finding of `check`
    #[command(
        after_help = "Exit codes: 0 explained, 1 there is no such code.\n\nExample:\n  time-shift audit explain NO_RULE"
    )]
    Explain(Explain),
    /// Prints records for another system
    #[command(
        after_help = "With --cursor each record comes once, however often and with whatever rotation \
                      in between this is called.\n\n\
                      Exit codes: 0 exported, 1 not whole.\n\nExample:\n  time-shift audit export --format ecs --cursor /var/lib/time-shift/siem"
    )]
    Export(Export),
    /// Says what is unusual in the trail, and why; blocks nothing
    #[command(
        after_help = "Exit codes: 0 whether or not there is anything, 1 the trail cannot be read.\n\nExample:\n  time-shift audit anomalies --since 24h"
    )]
    Anomalies(Anomalies),
}

/// A point in time, or how far back from now.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) enum Since {
    At(Timestamp),
    Ago(std::time::Duration),
}

impl Since {
    pub(in crate::cli) fn as_time(self) -> Result<Timestamp, crate::model::TimeError> {
        match self {
            Since::At(time) => Ok(time),
            Since::Ago(length) => {
                let now = crate::system::now()?.real.as_nanos();
                let back = i128::try_from(length.as_nanos()).unwrap_or(i128::MAX);
                Timestamp::from_nanos(now.saturating_sub(back))
            }
        }
    }
}

fn parse_since(text: &str) -> Result<Since, String> {
    if let Ok(time) = Timestamp::parse(text) {
        return Ok(Since::At(time));
    }
    parse_lapse(text).map(Since::Ago).map_err(|_| {
        "a time is written like \"2026-11-24T12:00:00Z\", a date like \"2026-11-24\", a length like \"7d\" or \
         \"12h\""
            .to_owned()
    })
}

/// A record that syslog has kept: LOG:SEQ:HASH.
#[derive(Clone, Copy, Debug)]
pub(in crate::cli) struct Witness {
    pub(in crate::cli) log: Log,
    pub(in crate::cli) seq: u64,
    pub(in crate::cli) hash: Hash,
}

fn parse_witness(text: &str) -> Result<Witness, String> {
    let parsed = || {
        let (log, rest) = text.split_once(':')?;
        let (seq, hash) = rest.split_once(':')?;
        let log = Log::ALL
            .into_iter()
            .find(|known| known.file_name() == log)?;
        Some(Witness {
            log,
            seq: seq.parse().ok()?,
            hash: Hash::parse(hash.as_bytes())?,
        })
    };
    parsed()
        .ok_or_else(|| "a seal is written as syslog has it, like audit.log:12:9f86d0...".to_owned())
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Verify {
    /// Leaves out files that were last written before TIME (or a length of time ago)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(in crate::cli) since: Option<Since>,
    /// Also checks against a seal from syslog ("trail sealed: LOG:SEQ:HASH"); may be repeated
    #[arg(long, value_name = "LOG:SEQ:HASH", value_parser = parse_witness)]
    pub(in crate::cli) seal: Vec<Witness>,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// Only this VM; may be repeated
    #[arg(long, value_name = "VMID", value_parser = parse_vmid)]
    pub(in crate::cli) vmid: Vec<VmId>,
    /// Only this event code; may be repeated
    #[arg(long, value_name = "CODE")]
    pub(in crate::cli) event: Vec<String>,
    /// Only this user, token or login
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) actor: Option<String>,
    /// Only denials
    #[arg(long)]
    pub(in crate::cli) denied: bool,
    /// Only from TIME on (or a length of time ago, like 7d)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(in crate::cli) since: Option<Since>,
    /// Only before TIME
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(in crate::cli) until: Option<Since>,
    /// Goes on with new records as they are written, until it is interrupted
    #[arg(long, conflicts_with = "until")]
    pub(in crate::cli) follow: bool,
    /// Prints one JSON object a line, as they are in the files
    #[arg(long)]
    pub(in crate::cli) json: bool,
    /// Shows all at once on a terminal, without a pager
    #[arg(long)]
    pub(in crate::cli) no_pager: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// Such as `intent`, `NO_RULE` or `NO_HOOKSCRIPT`
    #[arg(value_name = "CODE")]
    pub(in crate::cli) code: String,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(in crate::cli) enum ExportFormat {
    /// As they are in the files
    Json,
    /// ArcSight's Common Event Format, version 0
    Cef,
    /// JSON with the names of the Elastic Common Schema
    Ecs,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// The form
    #[arg(long, value_enum)]
    pub(in crate::cli) format: ExportFormat,
    /// Only from TIME on (or a length of time ago, like 7d)
    #[arg(long, value_name = "TIME", value_parser = parse_since)]
    pub(in crate::cli) since: Option<Since>,
    /// Goes on after what the last call with this file printed, and notes in it how far it came
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) cursor: Option<std::path::PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Anomalies {
    /// Looks at what happened from TIME on (or a length of time ago); all that is older is the history
    /// that it is compared with
    #[arg(long, value_name = "TIME", value_parser = parse_since, default_value = "7d")]
    pub(in crate::cli) since: Since,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

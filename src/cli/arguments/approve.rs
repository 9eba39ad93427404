//! The arguments of `time-shift approve`, `approvals` and `revoke`.
use std::time::Duration;

use clap::Args;

use super::parse_vmid;
use crate::model::{ProfileName, VmId, parse_lapse};
use crate::state::Approval;

#[derive(Debug, Args)]
pub(in crate::cli) struct Approve {
    /// The VM's number, 100 to 999999999
    #[arg(value_parser = parse_vmid)]
    pub(in crate::cli) vmid: VmId,
    /// How long: more than 0, at most 1h
    #[arg(long = "for", value_name = "LENGTH", value_parser = parse_length, default_value = "1h")]
    pub(in crate::cli) length: Duration,
    /// Why, for the audit trail; at most 200 characters
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub(in crate::cli) reason: Option<String>,
    /// The profile that is meant, where it is not the VM's own (for `shift --profile`)
    #[arg(long, value_name = "NAME", value_parser = ProfileName::parse)]
    pub(in crate::cli) profile: Option<ProfileName>,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Approvals {
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Revoke {
    /// The VMs' numbers
    #[arg(value_name = "VMID", value_parser = parse_vmid, required = true)]
    pub(in crate::cli) vmids: Vec<VmId>,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

fn parse_length(text: &str) -> Result<Duration, String> {
    match parse_lapse(text) {
        Ok(length) if !length.is_zero() && length <= Approval::LONGEST => Ok(length),
        Ok(_) => Err("an approval holds for more than 0 and at most 1h".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn parse_reason(text: &str) -> Result<String, String> {
    match text.chars().count() {
        0 => Err("it is empty".to_owned()),
        1..=200 if text.chars().any(char::is_control) => {
            Err("it has a control character (newline, escape ...)".to_owned())
        }
        1..=200 => Ok(text.to_owned()),
        count => Err(format!("it has {count} characters; at most 200")),
    }
}

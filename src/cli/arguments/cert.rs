//! The arguments of `time-shift cert`.
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::model::{Fingerprint, Peer, parse_lapse};
use crate::strict::nearest;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(in crate::cli) struct Cert {
    #[command(subcommand)]
    pub(in crate::cli) action: Option<Action>,
    #[command(flatten)]
    pub(in crate::cli) show: Show,
}

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Action {
    /// Confirms the certificate that a server shows, as a target cert:HOST[:PORT] needs it
    #[command(
        after_help = "Shows it and asks; says in the audit trail who confirmed it. Exit codes: 0 pinned, \
                      1 failed, 2 not asked or not agreed, 5 server not reached.\n\n\
                      Example:\n  time-shift cert pin 10.0.0.20"
    )]
    Pin(Pin),
    /// Asks pinned servers whether they still show what was pinned
    #[command(
        after_help = "Where a server shows another certificate, says so and asks whether to pin that \
                      instead. Exit codes: 0 all as pinned, 1 failed, or another certificate and not agreed \
                      to, 5 a server was not reached.\n\nExample:\n  time-shift cert refresh"
    )]
    Refresh(Refresh),
    /// Takes back what was confirmed about a server
    #[command(
        after_help = "Starts with that target are denied from then on; guests that run keep their time. \
                      Exit codes: 0 removed, 1 failed or not pinned, 2 not agreed.\n\n\
                      Example:\n  time-shift cert unpin 10.0.0.20"
    )]
    Unpin(Unpin),
}

/// How a server is brought to speak TLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(in crate::cli) enum StartTls {
    /// It does from the first byte on
    None,
}

/// A server, unless the word is one of the actions with a slip in it: nobody is asked by mistake.
fn server(text: &str) -> Result<Peer, String> {
    let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic());
    match nearest(text, ["pin", "refresh", "unpin"]) {
        Some(action) if is_word => Err(format!(
            "did you mean `time-shift cert {action}`? A server of that name is written {text}:443"
        )),
        _ => Peer::parse(text).map_err(|error| error.to_string()),
    }
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The servers: names, IPv4 addresses, IPv6 addresses in brackets; port 443 if none is given
    #[arg(value_name = "HOST[:PORT]", value_parser = server, required = true)]
    pub(in crate::cli) peers: Vec<Peer>,
    /// How a server is brought to speak TLS
    #[arg(long, value_enum, default_value = "none")]
    pub(in crate::cli) starttls: StartTls,
    /// How long before the end of the validity the proposed date is
    #[arg(long, value_name = "LENGTH", value_parser = parse_lapse, default_value = "30d")]
    pub(in crate::cli) margin: Duration,
    /// Also asks for the page / and says what the answer is (TLS 1.2 and 1.3 only)
    #[arg(long)]
    pub(in crate::cli) http: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Pin {
    /// The server, as the target names it
    #[arg(value_name = "HOST[:PORT]", value_parser = Peer::parse)]
    pub(in crate::cli) peer: Peer,
    /// Pins only the certificate with this SHA-256, and does not ask
    #[arg(long, value_name = "FINGERPRINT", value_parser = Fingerprint::parse)]
    pub(in crate::cli) sha256: Option<Fingerprint>,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Refresh {
    /// The servers; all that are pinned if none is given
    #[arg(value_name = "HOST[:PORT]", value_parser = Peer::parse)]
    pub(in crate::cli) peers: Vec<Peer>,
    /// Pins what the servers show now without asking
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Unpin {
    /// The server, as the target names it
    #[arg(value_name = "HOST[:PORT]", value_parser = Peer::parse)]
    pub(in crate::cli) peer: Peer,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

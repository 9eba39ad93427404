//! The arguments of `time-shift token`.
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::model::{TokenName, parse_lapse};
use crate::token::{Kind, SESSION};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Token {
    /// Seals a secret, which is typed without echo or comes on standard input
    #[command(
        after_help = "Recognises API tokens (USER@REALM!ID=UUID), GitHub tokens and otpauth: links; \
                      for others say --kind.\n\nExit codes: 0 sealed, 1 failed, 2 not agreed.\n\nExample:\n  time-shift token add pve"
    )]
    Add(Add),
    /// Lists the secrets, never their values: kind, age, last use, where each is held
    #[command(
        after_help = "Exit codes: 0 shown, 1 one of them cannot be read.\n\nExample:\n  time-shift token list --json"
    )]
    List(Json),
    /// Prints a secret; asks before, and writes it down
    #[command(
        after_help = "Exit codes: 0 shown, 1 failed, 2 not agreed, 6 locked out.\n\nExample:\n  time-shift token show pve --reveal"
    )]
    Show(Show),
    /// Replaces a secret by another of its kind, which is typed or comes on standard input
    #[command(
        after_help = "The old one stays until the new one is proven to be stored. For an API token it \
                      says which pveum commands make the new one and remove the old one.\n\n\
                      Exit codes: 0 sealed anew, 1 failed, 6 locked out.\n\nExample:\n  time-shift token rotate pve"
    )]
    Rotate(Rotate),
    /// Removes a secret, from its file and from the keyring; asks before
    #[command(
        after_help = "Exit codes: 0 removed, 1 failed, 2 not agreed.\n\nExample:\n  time-shift token remove github"
    )]
    Remove(Remove),
    /// Takes a token over from a plaintext file, and destroys the file once the token is proven sealed
    #[command(
        after_help = "Exit codes: 0 sealed, 1 failed, 2 not agreed.\n\nExample:\n  time-shift token import ~/.pat --name github"
    )]
    Import(Import),
    /// Unlocks secrets, so that for a while nobody is asked for the passphrase
    #[command(
        after_help = "Without a NAME, all of them. Needs the kernel's keyring.\n\n\
                            Exit codes: 0 unlocked, 1 failed in part, 6 locked out.\n\nExample:\n  time-shift token unlock --for 20m"
    )]
    Unlock(Unlock),
    /// Ends that: the keyring forgets all secrets and API tickets
    #[command(
        after_help = "Exit codes: 0 forgotten, 1 failed.\n\nExample:\n  time-shift token lock"
    )]
    Lock(Json),
    /// Says how secrets are unlocked on this node, what is due and what lies around in the clear
    #[command(
        after_help = "Exit codes: 0 all is well, 1 something is of no use.\n\nExample:\n  time-shift token status"
    )]
    Status(Json),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Json {
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// Where the passphrase comes from.
#[derive(Debug, Args)]
pub(in crate::cli) struct Passphrase {
    /// Reads the passphrase as a line from file descriptor N, which the caller opened
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i32).range(0..))]
    pub(in crate::cli) passphrase_fd: Option<i32>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    /// The secret's name: 1 to 64 letters, digits and - _ . in it
    #[arg(value_parser = TokenName::parse)]
    pub(in crate::cli) name: TokenName,
    /// What it is: api-token, password, github, totp or generic
    #[arg(long, value_parser = Kind::parse)]
    pub(in crate::cli) kind: Option<Kind>,
    /// Does not ask whether a secret of no known form is meant
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
    #[command(flatten)]
    pub(in crate::cli) output: Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Show {
    /// The secret's name
    #[arg(value_parser = TokenName::parse)]
    pub(in crate::cli) name: TokenName,
    /// Says that the value itself is to be printed
    #[arg(long, required = true)]
    pub(in crate::cli) reveal: bool,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Rotate {
    /// The secret's name
    #[arg(value_parser = TokenName::parse)]
    pub(in crate::cli) name: TokenName,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
    #[command(flatten)]
    pub(in crate::cli) output: Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Remove {
    /// The secret's name
    #[arg(value_parser = TokenName::parse)]
    pub(in crate::cli) name: TokenName,
    /// Does not ask
    #[arg(long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) output: Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Import {
    /// The file: one token, blank lines and lines that start with #
    pub(in crate::cli) file: PathBuf,
    /// The secret's name
    #[arg(long, value_parser = TokenName::parse)]
    pub(in crate::cli) name: TokenName,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
    #[command(flatten)]
    pub(in crate::cli) output: Json,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Unlock {
    /// The secrets' names; all if none is given
    #[arg(value_name = "NAME", value_parser = TokenName::parse)]
    pub(in crate::cli) names: Vec<TokenName>,
    /// For how long, from 1m to 1h
    #[arg(long = "for", value_name = "DURATION", default_value = "1h", value_parser = parse_session)]
    pub(in crate::cli) lapse: Duration,
    #[command(flatten)]
    pub(in crate::cli) passphrase: Passphrase,
    #[command(flatten)]
    pub(in crate::cli) output: Json,
}

fn parse_session(text: &str) -> Result<Duration, String> {
    let lapse = parse_lapse(text).map_err(|error| error.to_string())?;
    match (Duration::from_secs(60)..=SESSION).contains(&lapse) {
        true => Ok(lapse),
        false => Err("secrets are unlocked for 1m to 1h".to_owned()),
    }
}

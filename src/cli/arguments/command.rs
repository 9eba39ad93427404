//! The arguments of `time-shift command`.
use clap::{Args, Subcommand};

use crate::allowlist::CommandName;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Commands {
    /// Lists the commands that may be run, on the host and in guests
    #[command(
        after_help = "Exit codes: 0 shown, 1 the allowlist cannot be read.\n\nExample:\n  time-shift command list --json"
    )]
    List(List),
    /// Shows what a command runs, who may have it run, and whether its program is fit for it
    #[command(
        after_help = "Exit codes: 0 shown, 1 there is none or its program is not fit.\n\n\
                            Example:\n  time-shift command explain set-hookscript"
    )]
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// The command's name
    #[arg(value_parser = CommandName::parse)]
    pub(in crate::cli) name: CommandName,
    /// Prints JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

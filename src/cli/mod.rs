//! The command line.
//!
//! Belongs here: what a command reads and in which order it speaks. Exit codes: 0 done; 1 failed;
//! 2 wrong call; 3 denied by policy; 4 set, or to be set, and not verified; 5 the guest cannot be
//! reached; 6 locked out after failed attempts.
#![forbid(unsafe_code)]

mod allowlist;
mod approve;
mod arguments;
mod assign;
mod audit;
mod background;
mod cert;
mod check;
mod clocks;
mod cluster;
mod command;
mod confirm;
mod doctor;
mod install_hook;
mod plan;
mod role;
mod snippet;
mod status;
mod style;
mod token;
mod version;
mod whoami;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::arguments::cluster::Cluster;
use self::arguments::{Arguments, Command};
use crate::api::Power;
use crate::config::Config;
use crate::sources::{ConfigError, load_config};

/// What a command ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exit {
    Done,
    Failed,
    Usage,
    Denied,
    NotVerified,
    Unreachable,
    LockedOut,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0_u8,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::NotVerified => 4,
            Exit::Unreachable => 5,
            Exit::LockedOut => 6,
        })
    }
}

/// What went wrong with a whole command.
#[derive(Debug)]
struct Failure(String);

impl<E: fmt::Display> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.to_string())
    }
}

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    crate::system::keep_secrets_in();
    let arguments = Arguments::parse();
    style::settle(arguments.color.into());
    match run(&arguments) {
        Ok(exit) => exit.into(),
        Err(Failure(why)) => {
            complain(&why);
            Exit::Failed.into()
        }
    }
}

/// The commands and their options, for the man page and the shells' completions.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command()
}

fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    let access = match role::enter(arguments)? {
        Ok(access) => access,
        Err(deny) => {
            complain(&format!("denied ({}): {}", deny.reason, deny.text));
            return Ok(Exit::Denied);
        }
    };
    match &arguments.command {
        Command::Plan(options) => plan::run(&config(arguments)?, options),
        Command::Check(options) => check::run(&arguments.config, options),
        Command::Doctor(options) => doctor::run(&arguments.config, options),
        Command::Version(options) => version::run(options),
        Command::Cert(options) => cert::run(&config(arguments)?, options),
        Command::Audit(options) => audit::run(&config(arguments)?, access, options),
        Command::Status(options) => status::run(&config(arguments)?, options),
        Command::Whoami(options) => whoami::run(&config(arguments)?, options),
        Command::Approve(options) => approve::approve(&config(arguments)?, options),
        Command::Approvals(options) => approve::list(&config(arguments)?, options),
        Command::Revoke(options) => approve::revoke(&config(arguments)?, options),
        Command::Allowlist(options) => allowlist::run(&config(arguments)?, options),
        Command::Assign(options) => assign::assign(&config(arguments)?, access, options),
        Command::Unassign(options) => assign::unassign(&config(arguments)?, access, options),
        Command::Commands(command) => command::run(&config(arguments)?, command),
        Command::Sync(options) => clocks::sync(&config(arguments)?, options),
        Command::Shift(options) => clocks::shift(&config(arguments)?, options),
        Command::Restore(options) => clocks::restore(&config(arguments)?, options),
        Command::Token(options) => token::run(&config(arguments)?, access, options),
        Command::Sweep(options) => {
            background::sweep(&config(arguments)?, &arguments.config, options)
        }
        Command::Cluster(Cluster::Status(options)) => cluster::status(&config(arguments)?, options),
        Command::Cluster(Cluster::Drift(options)) => cluster::drift(&config(arguments)?, options),
        Command::Attach(options) => cluster::attach(&config(arguments)?, options),
        Command::Detach(options) => cluster::detach(&config(arguments)?, options),
        Command::Start(options) => cluster::power(&config(arguments)?, Power::Start, options),
        Command::Stop(options) => cluster::power(&config(arguments)?, Power::Stop, options),
        Command::Shutdown(options) => cluster::power(&config(arguments)?, Power::Shutdown, options),
        Command::Reboot(options) => cluster::power(&config(arguments)?, Power::Reboot, options),
        Command::Login(options) => cluster::login(&config(arguments)?, options),
        Command::Logout(options) => cluster::logout(&config(arguments)?, options),
        Command::Worker(options) => background::worker(&config(arguments)?, options),
        Command::InstallHook(options) => install_hook::install(&config(arguments)?, options),
        Command::UninstallHook(options) => install_hook::uninstall(&config(arguments)?, options),
    }
}

fn config(arguments: &Arguments) -> Result<Config, ConfigError> {
    load_config(&arguments.config)
}

/// Says on standard error what went wrong.
fn complain(what: &impl fmt::Display) {
    let _ = writeln!(std::io::stderr(), "time-shift: {what}");
}

/// Writes to standard output. A reader that has seen enough (`| head`) is no failure.
fn put(text: &str) -> Result<(), Failure> {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a value as indented JSON.
fn put_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    put(&text)
}

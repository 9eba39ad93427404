//! The command line.
//!
//! Belongs here: what a command reads and in which order it speaks. Exit codes: 0 done; 1 failed;
//! 2 wrong call; 3 denied by policy.
#![forbid(unsafe_code)]

mod arguments;
mod audit;
mod check;
mod plan;
mod status;

use std::fmt;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use self::arguments::{Arguments, Command};
use crate::config::Config;
use crate::sources::{ConfigError, load_config};

/// What a command ends with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Exit {
    Done,
    Failed,
    Denied,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0_u8,
            Exit::Failed => 1,
            Exit::Denied => 3,
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
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(exit) => exit.into(),
        Err(Failure(why)) => {
            complain(&why);
            Exit::Failed.into()
        }
    }
}

fn run(arguments: &Arguments) -> Result<Exit, Failure> {
    match &arguments.command {
        Command::Plan(options) => plan::run(&config(arguments)?, options),
        Command::Check(options) => check::run(&arguments.config, options),
        Command::Audit(options) => audit::run(&config(arguments)?, options),
        Command::Status(options) => status::run(&config(arguments)?, options),
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

//! `time-shift token`: secrets, which only `show --reveal` ever prints.
mod ask;
mod change;
mod done;
mod list;
mod remind;
mod rotate;
mod session;
mod status;

use super::arguments::token::Token;
use super::role::Access;
use super::{Exit, Failure, complain};
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::model::{Printable, TokenName};
use crate::token::{Error, Sessions, Store};
use crate::voice::trail;

pub(super) use ask::{Prompt, typed_code, value};
pub(super) use remind::{findings, remind};

pub(super) fn run(config: &Config, access: Access, options: &Token) -> Result<Exit, Failure> {
    let store = store(config);
    let done = match options {
        Token::Add(options) => change::add(config, &store, options),
        Token::List(options) => list::run(&store, options.json),
        Token::Show(options) => change::show(config, &store, options),
        Token::Rotate(options) => rotate::run(config, &store, options),
        Token::Remove(options) => change::remove(config, &store, options),
        Token::Import(options) => change::import(config, access, &store, options),
        Token::Unlock(options) => session::unlock(config, &store, options),
        Token::Lock(options) => session::lock(config, options),
        Token::Status(options) => status::run(&store, options.json),
    };
    match done {
        Ok(exit) => Ok(exit),
        Err(Trouble::Token(name, error)) => {
            if let Some(name) = name {
                note_failure(config, &name, &error);
            }
            // A path that somebody named may be in it.
            complain(&Printable::sentence(&error.to_string()));
            Ok(exit_of(&error))
        }
        Err(Trouble::Other(failure)) => Err(failure),
    }
}

/// The secrets, as config.toml says where they are.
pub(super) fn store(config: &Config) -> Store {
    Store::new(&config.paths.data, &config.paths.state)
}

/// The secrets that live for a session only.
pub(super) fn sessions(config: &Config) -> Sessions {
    Sessions::new(&config.paths.state)
}

/// What went wrong: with a secret, or with anything else.
#[derive(Debug)]
enum Trouble {
    /// With a secret, and with which, as far as that matters for the trail.
    Token(Option<TokenName>, Error),
    Other(Failure),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Trouble {
        Trouble::Token(None, error)
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Trouble {
        Trouble::Other(failure)
    }
}

impl From<crate::system::FileError> for Trouble {
    fn from(error: crate::system::FileError) -> Trouble {
        Trouble::Token(None, error.into())
    }
}

/// An error with the secret that it is about.
fn about(name: &TokenName) -> impl FnOnce(Error) -> Trouble + '_ {
    |error| Trouble::Token(Some(name.clone()), error)
}

/// Writes something about a secret down.
fn note(config: &Config, event: Event, text: &str) -> Result<(), Trouble> {
    let record = Record {
        text: Some(Printable::sentence(text)),
        ..Record::of_node(event)
    };
    let written = trail(config).and_then(|trail| trail.record(&record));
    written.map_err(|error| {
        let what = Printable::sentence(text);
        Trouble::Other(Failure(format!(
            "{what}; that could not be written down: {error}"
        )))
    })
}

/// Writes an attempt down that failed, or was not let.
pub(super) fn note_failure(config: &Config, name: &TokenName, error: &Error) {
    let event = match error {
        Error::LockedOut { .. } => Event::LockedOut,
        wrong if wrong.is_wrong_passphrase() => Event::UnlockFailed,
        _ => return,
    };
    let text = format!("secret {name} was not opened: {error}");
    if let Err(Trouble::Other(Failure(why))) = note(config, event, &text) {
        complain(&why);
    }
}

/// The exit code for what went wrong with a secret.
pub(super) fn exit_of(error: &Error) -> Exit {
    match error {
        Error::LockedOut { .. } => Exit::LockedOut,
        _ => Exit::Failed,
    }
}

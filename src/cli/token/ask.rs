//! Where passphrases and secrets come from: a descriptor, a systemd credential, a terminal.
use std::io::{ErrorKind, IsTerminal};

use super::super::arguments::token::Passphrase;
use crate::system::{self, SecretBytes, Typed};
use crate::token::{Ask, Error, LIMIT, Purpose, Secret, SecretError, credential};

/// Knows the passphrase once it was asked for.
pub(in crate::cli) struct Prompt {
    descriptor: Option<i32>,
    known: Option<Secret>,
}

impl Prompt {
    pub(in crate::cli) fn new(options: &Passphrase) -> Result<Prompt, Error> {
        let mut prompt = Prompt {
            descriptor: options.passphrase_fd,
            known: None,
        };
        // Of both on standard input, the passphrase is the first line.
        if prompt.descriptor == Some(0) {
            prompt.passphrase(Purpose::Open)?;
        }
        Ok(prompt)
    }

    fn obtain(&self, purpose: Purpose) -> Result<Secret, Error> {
        if let Some(descriptor) = self.descriptor {
            let from = format!("--passphrase-fd {descriptor}");
            let line = system::read_line_of(descriptor, LIMIT)
                .map_err(|error| unread("the passphrase", &from, &error))?;
            return secret("the passphrase", line);
        }
        if let Some(passphrase) = credential()? {
            return Ok(passphrase);
        }
        let none = Error::NoPassphrase;
        match purpose {
            Purpose::Open => typed("Passphrase of the secrets: ", "the passphrase", none),
            Purpose::New => {
                let first = typed("New passphrase for the secrets: ", "the passphrase", none)?;
                let again = typed("The same again: ", "the passphrase", Error::NoPassphrase)?;
                match first.same_as(&again) {
                    true => Ok(first),
                    false => Err(Error::Mistyped),
                }
            }
        }
    }
}

impl Ask for Prompt {
    fn passphrase(&mut self, purpose: Purpose) -> Result<&Secret, Error> {
        if self.known.is_none() {
            self.known = Some(self.obtain(purpose)?);
        }
        self.known.as_ref().ok_or(Error::NoPassphrase)
    }
}

/// The value of a secret: typed without echo where standard input is a terminal, else what comes on it.
pub(in crate::cli) fn value(question: &str) -> Result<Secret, Error> {
    let what = "the secret";
    if std::io::stdin().is_terminal() {
        return typed(question, what, Error::GivenUp);
    }
    // Room for a newline, and for one byte that is too many.
    match system::read_secret_input(LIMIT.saturating_add(2)) {
        Ok(Some(bytes)) => secret(what, bytes),
        Ok(None) => Err(Error::NoSecret {
            what,
            why: SecretError::TooLong,
        }),
        Err(error) => Err(Error::Host(format!(
            "standard input cannot be read: {error}"
        ))),
    }
}

/// A code of a second factor, from the terminal.
pub(in crate::cli) fn typed_code() -> Result<Secret, Error> {
    typed("Code of the second factor: ", "the code", Error::GivenUp)
}

fn typed(question: &str, what: &'static str, no_terminal: Error) -> Result<Secret, Error> {
    match system::ask_hidden(question, LIMIT) {
        Ok(Typed::Line(line)) => secret(what, line),
        Ok(Typed::Nothing) => Err(Error::GivenUp),
        Ok(Typed::NoTerminal) => Err(no_terminal),
        Err(error) => Err(unread(what, "the terminal", &error)),
    }
}

/// Why nothing came from where it should. A line that does not end in time has nowhere to be kept.
fn unread(what: &'static str, from: &str, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData => Error::NoSecret {
            what,
            why: SecretError::TooLong,
        },
        _ => Error::Host(format!("{from} cannot be read: {error}")),
    }
}

fn secret(what: &'static str, bytes: SecretBytes) -> Result<Secret, Error> {
    Secret::new(bytes).map_err(|why| Error::NoSecret { what, why })
}

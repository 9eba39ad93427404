//! `time-shift login` and `logout`: a ticket that is kept for an hour at most.
use serde::Serialize;

use super::hosts::{session, unchecked, unknown};
use super::note;
use super::stop::Stop;
use crate::api::{Client, Credentials, Error, Kind};
use crate::audit::Event;
use crate::cli::arguments::cluster::{LoginAt, LogoutAt};
use crate::cli::confirm::confirmed;
use crate::cli::token::{exit_of, sessions, store, typed_code, value};
use crate::cli::{Exit, Failure, put, put_json};
use crate::config::{ApiHost, Config, HostTrust, Login};
use crate::model::{NodeName, PveUser};
use crate::token::{Error as TokenError, Kept, SESSION, Subject};

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    host: &'a NodeName,
    user: &'a PveUser,
    logged_in: bool,
    /// For how long at most.
    seconds: Option<u64>,
    /// Where the ticket is: `keyring` or `file`.
    kept_in: Option<&'static str>,
}

/// Tries a login, unless there were too many that failed; what came of it is written down.
pub(super) fn attempt<T>(
    config: &Config,
    name: &str,
    login: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Stop> {
    let secrets = store(config);
    let attempt = match secrets.lockout().attempt(Subject::Login(name)) {
        Ok(attempt) => attempt,
        Err(error) => return Err(locked(config, name, &error)),
    };
    match login() {
        Ok(done) => {
            attempt.succeeded().map_err(|error| error.to_string())?;
            note(config, Event::Login, name)?;
            Ok(done)
        }
        Err(error) => {
            // A host that was not reached has refused nobody.
            let event = match error.kind {
                Kind::NoLogin => Event::LoginFailed,
                _ => {
                    attempt.withdrawn().map_err(|error| error.to_string())?;
                    Event::Note
                }
            };
            note(config, event, &format!("{name}: {error}"))?;
            Err(error.into())
        }
    }
}

fn locked(config: &Config, name: &str, error: &TokenError) -> Stop {
    let event = match error {
        TokenError::LockedOut { .. } => Event::LockedOut,
        _ => Event::LoginFailed,
    };
    let text = format!("{name}: {error}");
    match note(config, event, &text) {
        Ok(()) => Stop(exit_of(error), text),
        Err(failure) => failure.into(),
    }
}

pub(in crate::cli) fn login(config: &Config, options: &LoginAt) -> Result<Exit, Failure> {
    match log_in(config, options) {
        Ok(exit) => Ok(exit),
        Err(stop) => Ok(stop.tell()),
    }
}

fn log_in(config: &Config, options: &LoginAt) -> Result<Exit, Stop> {
    let (host, user) = at(config, &options.host)?;
    let name = session(host, user);
    // Nobody is asked for a password that gets nothing.
    let secrets = store(config);
    if let Err(error) = secrets.lockout().check(Subject::Login(&name)) {
        return Err(locked(config, &name, &error));
    }
    unchecked(config, host)?;
    let question = format!("send the password to whoever answers at {}", host.name);
    if host.trust == HostTrust::Nothing && !confirmed(options.yes, &question)? {
        return Ok(Exit::Usage);
    }
    let cluster_ca = config.paths.pve.join("pve-root-ca.pem");
    let nobody = Credentials::Ticket {
        user: user.as_str().to_owned(),
        kept: None,
        password: None,
        second: None,
    };
    let client = Client::new(host, nobody, &cluster_ca, 1)?;
    let password = value(&format!("Password of {user} at {}: ", host.name))
        .map_err(|error| error.to_string())?;
    let ticket = attempt(config, &name, || {
        client.login(user.as_str(), &password, &|| {
            typed_code().map_err(|_| "its code can only be typed on a terminal".to_owned())
        })
    })?;
    let line = ticket
        .line()
        .ok_or("the ticket cannot be kept: it is too long")?;
    let kept = sessions(config).keep(&name, &line, SESSION);
    let kept = kept.map_err(|error| format!("the ticket cannot be kept: {error}"))?;
    let place = match kept {
        Kept::Keyring => "keyring",
        Kept::File => "file",
    };
    let answer = Answer {
        host: &host.name,
        user,
        logged_in: true,
        seconds: Some(SESSION.as_secs()),
        kept_in: Some(place),
    };
    match options.json {
        true => put_json(&answer)?,
        false => put(&format!(
            "{user} is logged in at {} for an hour at most (the ticket is in {}); time-shift logout {} ends \
             that.\n",
            host.name,
            match kept {
                Kept::Keyring => "the kernel's keyring",
                Kept::File => "a file that root alone can read",
            },
            host.name
        ))?,
    }
    Ok(Exit::Done)
}

pub(in crate::cli) fn logout(config: &Config, options: &LogoutAt) -> Result<Exit, Failure> {
    let (host, user) = at(config, &options.host)?;
    sessions(config).forget(&session(host, user))?;
    let answer = Answer {
        host: &host.name,
        user,
        logged_in: false,
        seconds: None,
        kept_in: None,
    };
    match options.json {
        true => put_json(&answer)?,
        false => put(&format!(
            "{user} is not logged in at {} any more.\n",
            host.name
        ))?,
    }
    Ok(Exit::Done)
}

fn at<'c>(config: &'c Config, name: &NodeName) -> Result<(&'c ApiHost, &'c PveUser), Failure> {
    let host = config.api.iter().find(|host| host.name == *name);
    let host = host.ok_or_else(|| unknown(config, name))?;
    match &host.login {
        Login::Ticket { user, .. } => Ok((host, user)),
        Login::Token(token) => Err(Failure(format!(
            "{name} is asked with the API token {token}; there is nobody to log in or out"
        ))),
    }
}

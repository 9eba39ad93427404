//! `token unlock` and `lock`.
use serde::Serialize;

use super::super::arguments::token::{Json, Unlock};
use super::super::{Exit, complain, put, put_json};
use super::ask::Prompt;
use super::{Trouble, exit_of, note, note_failure, sessions};
use crate::audit::Event;
use crate::config::Config;
use crate::model::TokenName;
use crate::token::{self, Error, Store};

/// A secret that was to be unlocked, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Unlocked {
    secret: TokenName,
    unlocked_seconds: Option<u64>,
    error: Option<String>,
}

/// How many secrets the keyring has forgotten, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Forgotten {
    forgotten: usize,
}

pub(super) fn unlock(config: &Config, store: &Store, options: &Unlock) -> Result<Exit, Trouble> {
    token::sessions_here()?;
    let names = match options.names.is_empty() {
        true => store.names()?,
        false => options.names.clone(),
    };
    let json = options.output.json;
    if names.is_empty() {
        match json {
            true => put_json(&Vec::<Unlocked>::new())?,
            false => put("There are no secrets.\n")?,
        }
        return Ok(Exit::Done);
    }
    let mut prompt = Prompt::new(&options.passphrase)?;
    let mut worst = Exit::Done;
    let mut rows = Vec::new();
    for name in names {
        // One that is damaged must not keep the others locked.
        let mut row = Unlocked {
            secret: name.clone(),
            unlocked_seconds: None,
            error: None,
        };
        match token::unlock(store, &name, options.lapse, &mut prompt) {
            Ok(()) => {
                let seconds = options.lapse.as_secs();
                let text = format!("secret {name} was unlocked for {seconds} s");
                note(config, Event::Unlocked, &text)?;
                row.unlocked_seconds = Some(seconds);
                if !json {
                    put(&format!(
                        "{name} is unlocked for {} min.\n",
                        seconds.div_ceil(60)
                    ))?;
                }
            }
            Err(error @ (Error::NoPassphrase | Error::GivenUp)) => return Err(error.into()),
            Err(error) => {
                note_failure(config, &name, &error);
                complain(&format!("{name}: {error}"));
                row.error = Some(error.to_string());
                if worst != Exit::LockedOut {
                    worst = exit_of(&error);
                }
            }
        }
        rows.push(row);
    }
    if json {
        put_json(&rows)?;
    }
    Ok(worst)
}

pub(super) fn lock(config: &Config, options: &Json) -> Result<Exit, Trouble> {
    let count = sessions(config).lock()?;
    if count > 0 {
        note(
            config,
            Event::Note,
            &format!("the keyring forgot {count} secrets"),
        )?;
    }
    match options.json {
        true => put_json(&Forgotten { forgotten: count })?,
        false => put(&format!("The keyring has forgotten {count} secrets.\n"))?,
    }
    Ok(Exit::Done)
}

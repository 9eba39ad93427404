//! `token unlock` and `lock`.
use super::super::arguments::token::Unlock;
use super::super::{Exit, complain, put};
use super::ask::Prompt;
use super::{Trouble, exit_of, note, note_failure, sessions};
use crate::audit::Event;
use crate::config::Config;
use crate::token::{self, Error, Store};

pub(super) fn unlock(config: &Config, store: &Store, options: &Unlock) -> Result<Exit, Trouble> {
    token::sessions_here()?;
    let names = match options.names.is_empty() {
        true => store.names()?,
        false => options.names.clone(),
    };
    if names.is_empty() {
        put("There are no secrets.\n")?;
        return Ok(Exit::Done);
    }
    let mut prompt = Prompt::new(&options.passphrase)?;
    let mut worst = Exit::Done;
    for name in names {
        // One that is damaged must not keep the others locked.
        match token::unlock(store, &name, options.lapse, &mut prompt) {
            Ok(()) => {
                let seconds = options.lapse.as_secs();
                let text = format!("secret {name} was unlocked for {seconds} s");
                note(config, Event::Unlocked, &text)?;
                put(&format!(
                    "{name} is unlocked for {} min.\n",
                    seconds.div_ceil(60)
                ))?;
            }
            Err(error @ (Error::NoPassphrase | Error::GivenUp)) => return Err(error.into()),
            Err(error) => {
                note_failure(config, &name, &error);
                complain(&format!("{name}: {error}"));
                if worst != Exit::LockedOut {
                    worst = exit_of(&error);
                }
            }
        }
    }
    Ok(worst)
}

pub(super) fn lock(config: &Config) -> Result<Exit, Trouble> {
    let count = sessions(config).lock()?;
    if count > 0 {
        note(
            config,
            Event::Note,
            &format!("the keyring forgot {count} secrets"),
        )?;
    }
    put(&format!("The keyring has forgotten {count} secrets.\n"))?;
    Ok(Exit::Done)
}

//! `token rotate`, and what Proxmox VE has to be told for it.
use std::io::IsTerminal;

use super::super::arguments::token::Rotate;
use super::super::{Exit, complain};
use super::ask::{self, Prompt};
use super::done::Done;
use super::{Trouble, about, note};
use crate::audit::Event;
use crate::config::Config;
use crate::model::Printable;
use crate::token::{self, Kind, Store, fetch};

pub(super) fn run(config: &Config, store: &Store, options: &Rotate) -> Result<Exit, Trouble> {
    let name = &options.name;
    let kind = store.info(name)?.kind;
    let mut prompt = Prompt::new(&options.passphrase)?;
    if kind == Kind::ApiToken && std::io::stdin().is_terminal() {
        let old = fetch(store, name, &mut prompt).map_err(about(name))?;
        complain(&before(old.expose()));
    }
    let new = ask::value(&format!("New secret {name} ({kind}): "))?;
    let old = token::rotate(store, name, &new, &mut prompt).map_err(about(name))?;
    note(
        config,
        Event::SecretRotated,
        &format!("secret {name} ({kind}) was replaced by another"),
    )?;
    let mut text = format!("{name} ({kind}) is replaced.\n");
    let mut done = Done::new(name, "rotated").of(kind);
    if let (Kind::ApiToken, Some(command)) = (kind, after(old.expose(), new.expose())) {
        text.push_str(&format!(
            "The old one works until it is removed:\n  {command}\n"
        ));
        done.next = Some(command);
    }
    done.put(&options.output, &text)?;
    Ok(Exit::Done)
}

/// User and identifier of an API token, both for a shell. Neither is secret.
fn parts(token: &str) -> Option<(String, String)> {
    // A user's name may have both of these characters, a token's neither.
    let (id, _) = token.rsplit_once('=')?;
    let (user, id) = id.rsplit_once('!')?;
    Some((quoted(user), quoted(id)))
}

fn quoted(text: &str) -> String {
    format!(
        "'{}'",
        Printable::from(text).as_str().replace('\'', "'\\''")
    )
}

/// How a new API token is made, for a person who is about to be asked for it.
fn before(old: &str) -> String {
    let Some((user, id)) = parts(old) else {
        return String::new();
    };
    format!(
        "make a new API token of {user} beside {id}, with the permissions of that one (pveum acl list):\n  \
         pveum user token add {user} NEWID --privsep 1\n  \
         pveum acl modify PATH --tokens {user}'!'NEWID --roles ROLE"
    )
}

/// How the old API token is removed, where it is another than the new one.
fn after(old: &str, new: &str) -> Option<String> {
    match (parts(old), parts(new)) {
        (Some(old), Some(new)) if old != new => {
            Some(format!("pveum user token remove {} {}", old.0, old.1))
        }
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const OLD: &str = "o'b@pam!one=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";

    #[test]
    fn the_commands_name_user_and_token_and_nothing_secret() {
        let new = OLD.replace("one", "two");
        let text = format!("{}{}", before(OLD), after(OLD, &new).unwrap());
        assert!(
            text.contains("pveum user token add 'o'\\''b@pam' NEWID"),
            "{text}"
        );
        assert!(
            text.contains("pveum user token remove 'o'\\''b@pam' 'one'"),
            "{text}"
        );
        assert!(!text.contains("3f1b8f9e"));
        assert_eq!(after(OLD, &OLD.replace("3f1b", "3f1c")), None);
    }
}

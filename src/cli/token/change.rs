//! `token add`, `remove`, `import` and `show`.
use std::io::IsTerminal;

use super::super::Exit;
use super::super::arguments::token::{Add, Import, Remove, Show};
use super::super::confirm::confirmed;
use super::super::role::Access;
use super::ask::{self, Prompt};
use super::done::Done;
use super::{Trouble, about, note};
use crate::audit::Event;
use crate::config::Config;
use crate::model::Printable;
use crate::system::{self, Login, LoginUid, Plaintext};
use crate::token::{self, Kind, Store, fetch};

pub(super) fn add(config: &Config, store: &Store, options: &Add) -> Result<Exit, Trouble> {
    let name = &options.name;
    // Before anybody types it in vain.
    if store.names()?.contains(name) {
        return Err(token::Error::Exists(name.clone()).into());
    }
    let mut prompt = Prompt::new(&options.passphrase)?;
    let secret = ask::value(&format!("Secret {name}: "))?;
    let kind = options
        .kind
        .unwrap_or_else(|| Kind::recognise(secret.expose()));
    if options.kind.is_none() && kind == Kind::Generic && std::io::stdin().is_terminal() {
        let question = format!("It has no known form; seal it as a generic secret {name}");
        if !confirmed(options.yes, &question)? {
            return Ok(Exit::Usage);
        }
    }
    token::add(store, name, kind, &secret, &mut prompt).map_err(about(name))?;
    note(
        config,
        Event::SecretAdded,
        &format!("secret {name} ({kind}) was added"),
    )?;
    let text = format!(
        "{name} ({kind}) is sealed: {}\n",
        store.folder().join(name.as_str()).display()
    );
    Done::new(name, "added")
        .of(kind)
        .put(&options.output, &text)?;
    Ok(Exit::Done)
}

pub(super) fn remove(config: &Config, store: &Store, options: &Remove) -> Result<Exit, Trouble> {
    let name = &options.name;
    if !store.names()?.contains(name) {
        return Err(token::Error::Unknown(name.clone()).into());
    }
    if !confirmed(options.yes, &format!("Remove the secret {name} for good"))? {
        return Ok(Exit::Usage);
    }
    token::remove(store, name)?;
    note(
        config,
        Event::SecretRemoved,
        &format!("secret {name} was removed"),
    )?;
    Done::new(name, "removed").put(&options.output, &format!("{name} is removed.\n"))?;
    Ok(Exit::Done)
}

pub(super) fn import(
    config: &Config,
    access: Access,
    store: &Store,
    options: &Import,
) -> Result<Exit, Trouble> {
    let name = &options.name;
    let mut prompt = Prompt::new(&options.passphrase)?;
    let file = Plaintext::open(&options.file, &owners(access, system::login()))?;
    let path = Printable::from(file.path().display().to_string());
    let imported = token::import(store, file, name, &mut prompt).map_err(about(name))?;
    let kind = imported.kind;
    let text = format!("secret {name} ({kind}) was taken over from {path}, which is destroyed");
    note(config, Event::SecretAdded, &text)?;
    let mut text = format!("{name} ({kind}) is sealed, and {path} is overwritten and removed.\n");
    let mut done = Done::new(name, "imported").of(kind);
    if imported.exposed {
        let next = format!("revoke the token, then time-shift token rotate {name}");
        text.push_str(&format!("Others could read {path}: {next}\n"));
        done.next = Some(next);
    }
    done.put(&options.output, &text)?;
    Ok(Exit::Done)
}

/// Whose files the caller may have taken over and destroyed: his own. Root, and who is as good as root,
/// root's as well, and those of whoever went through su or sudo. Where the sources name two others, it is
/// not known whose call it is, and so it is nobody's.
fn owners(access: Access, login: Login) -> Vec<u32> {
    let uid = |said| match said {
        LoginUid::User(uid) => Some(uid),
        LoginUid::Nobody | LoginUid::Unreadable => None,
    };
    let process = Some(login.process);
    let said = [uid(login.kernel), uid(login.sudo), process];
    let mut named: Vec<u32> = said.into_iter().flatten().collect();
    if access.is_admin() {
        named.push(0);
        return named;
    }
    named.retain(|uid| *uid != 0);
    named.dedup();
    match named.as_slice() {
        [one] => vec![*one],
        _ => Vec::new(),
    }
}

pub(super) fn show(config: &Config, store: &Store, options: &Show) -> Result<Exit, Trouble> {
    let name = &options.name;
    if !confirmed(options.yes, &format!("Show the secret {name} here"))? {
        return Ok(Exit::Usage);
    }
    let mut prompt = Prompt::new(&options.passphrase)?;
    let secret = fetch(store, name, &mut prompt).map_err(about(name))?;
    // Before: what cannot be written down is not shown.
    let text = format!("secret {name} is to be shown");
    note(config, Event::SecretShown, &text)?;
    let out = |bytes| system::write_out(bytes).map_err(|error| Trouble::Other(error.into()));
    out(secret.expose().as_bytes())?;
    out(b"\n")?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_others_are_for_admins_and_of_two_callers_for_nobody_b5() {
        use LoginUid::{Nobody, Unreadable, User};
        for (kernel, sudo, process, wanted) in [
            (User(1000), Nobody, 0, &[1000][..]),
            (Nobody, User(1000), 0, &[1000]),
            (User(1000), User(1000), 0, &[1000]),
            (Nobody, Nobody, 1000, &[1000]),
            (User(0), User(1000), 0, &[1000]),
            (User(1000), User(1001), 0, &[]),
            (User(1000), Nobody, 1001, &[]),
            (User(1000), User(1001), 1000, &[]),
            (Nobody, Nobody, 0, &[]),
            (Unreadable, Nobody, 0, &[]),
        ] {
            let login = Login {
                kernel,
                sudo,
                process,
            };
            assert_eq!(owners(Access::to_others(), login), wanted, "{login:?}");
            assert!(owners(Access::to_root(), login).contains(&0), "{login:?}");
        }
    }
}

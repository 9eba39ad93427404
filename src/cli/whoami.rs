//! `time-shift whoami`: who the caller is taken for, and what he may do.
use serde::Serialize;

use super::arguments::Whoami;
use super::role::{User, Who, may};
use super::style::pairs;
use super::{Exit, Failure, put, put_json};
use crate::config::Config;
use crate::model::{Printable, Verb};
use crate::policy::role_for;
use crate::sources::load_allowlist;

/// As `--json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    root: bool,
    users: Vec<Caller>,
    verbs: Vec<Right>,
    /// Why there are no roles at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowlist: Option<String>,
}

#[derive(Debug, Serialize)]
struct Caller {
    uid: Option<u32>,
    name: Option<Printable>,
    groups: Vec<Printable>,
    sources: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Right {
    verb: &'static str,
    permitted: bool,
    /// Who gives it: the role and its line.
    by: Vec<String>,
}

pub(super) fn run(config: &Config, options: &Whoami) -> Result<Exit, Failure> {
    let who = Who::calls();
    let loaded = load_allowlist(config);
    let loaded = loaded.as_ref().map_err(|no| &no.deny);
    let by = |user: &User, verb: Verb| {
        let role = role_for(&loaded.ok()?.allowlist, &user.member, verb)?;
        Some(format!("{} (line {})", role.name, role.line))
    };
    let verbs = Verb::WORDS.iter().map(|(word, verb)| Right {
        verb: word,
        permitted: may(&who, loaded, *verb).is_ok(),
        by: who
            .users
            .iter()
            .filter_map(|user| by(user, *verb))
            .collect(),
    });
    let answer = Answer {
        root: who.is_root(),
        verbs: verbs.collect(),
        users: who.users.iter().map(caller).collect(),
        allowlist: match (&loaded, who.is_root()) {
            (Err(deny), false) => Some(deny.text.clone()),
            _ => None,
        },
    };
    if options.json {
        put_json(&answer)?;
    } else {
        put(&text(&answer))?;
    }
    Ok(Exit::Done)
}

fn caller(user: &User) -> Caller {
    Caller {
        uid: user.uid,
        name: user.member.name.as_deref().map(printable),
        groups: user
            .member
            .groups
            .iter()
            .map(|name| printable(name))
            .collect(),
        sources: user.sources.clone(),
    }
}

fn printable(name: &str) -> Printable {
    Printable::from(name)
}

fn text(answer: &Answer) -> String {
    if answer.root {
        return "root: may do everything.\n".to_owned();
    }
    let mut text = String::new();
    for user in &answer.users {
        let name = user.name.as_ref().map_or("unknown", Printable::as_str);
        let groups: Vec<&str> = user.groups.iter().map(Printable::as_str).collect();
        let uid = user.uid.map_or("?".to_owned(), |uid| uid.to_string());
        text.push_str(&format!(
            "{name} (uid {uid}, by {}), groups: {}\n",
            user.sources.join(" and "),
            groups.join(" ")
        ));
    }
    if answer.users.len() > 1 {
        text.push_str("Each of them has to be permitted.\n");
    }
    let line = |right: &Right| match right.permitted {
        true => format!("yes, {}", right.by.join(" and ")),
        false => "no".to_owned(),
    };
    let lines: Vec<(&str, String)> = answer
        .verbs
        .iter()
        .map(|right| (right.verb, line(right)))
        .collect();
    text.push_str(&pairs(&lines));
    if let Some(why) = &answer.allowlist {
        text.push_str(&format!("There are no roles: {why}\n"));
    }
    text
}

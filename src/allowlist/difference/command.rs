//! What becomes different in what is run.
use std::collections::BTreeMap;

use super::{Change, Kind, listed, or_none, others};
use crate::allowlist::{CommandName, Does, GuestCommand, GuestOs};
use crate::model::{Printable, lapse_text};

type Commands = BTreeMap<CommandName, GuestCommand>;

/// What becomes different, by the commands' names.
pub(super) fn changes(old: &Commands, new: &Commands) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, command) in old {
        match new.get(name) {
            None => changes.push(whole(command, Kind::Loses)),
            Some(now) => {
                let others = others(&described(command), &described(now));
                changes.extend(others.into_iter().map(|text| {
                    Change::new(Kind::Changes, format!("guest-command {name}: {text}"))
                }));
            }
        }
    }
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
    changes.extend(added.map(|(_, command)| whole(command, Kind::Gains)));
    changes
}

fn whole(command: &GuestCommand, kind: Kind) -> Change {
    let text = format!(
        "guest-command {}: {}",
        command.name,
        listed(&described(command))
    );
    Change::new(kind, text)
}

/// The program and its arguments. For people: it cannot be pasted into a shell.
fn line(command: &GuestCommand) -> String {
    let mut words = vec![Printable::from(command.path.as_str()).to_string()];
    words.extend(
        command
            .args
            .iter()
            .map(|argument| format!("\"{}\"", Printable::sentence(argument))),
    );
    words.join(" ")
}

fn described(command: &GuestCommand) -> Vec<(&'static str, String)> {
    // Taken apart, so that no key is forgotten.
    let GuestCommand {
        name: _,
        path: _,
        args: _,
        timeout,
        os,
        does,
        undo,
        query,
        output_limit,
        confirm,
        line: _,
    } = command;
    let os = os.map_or("any", |os| match os {
        GuestOs::Linux => "linux",
        GuestOs::Windows => "windows",
    });
    let does = does.map_or("nothing", |does| match does {
        Does::Stop => "stop",
        Does::Start => "start",
        Does::Query => "query",
    });
    vec![
        ("runs", line(command)),
        ("timeout", lapse_text(*timeout)),
        ("os", os.to_owned()),
        ("does", does.to_owned()),
        ("undo", or_none(undo.as_ref())),
        ("query", or_none(query.as_ref())),
        ("output-limit", output_limit.to_string()),
        ("confirm", confirm.to_string()),
    ]
}

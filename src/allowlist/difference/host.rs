//! What becomes different in what may be run on the host, and in what no command may be.
use std::collections::BTreeMap;

use super::{Change, Kind, listed, others};
use crate::allowlist::{CommandName, DenyList, HostCommand};
use crate::model::{Printable, lapse_text};

type Commands = BTreeMap<CommandName, HostCommand>;

/// What becomes different, by the commands' names.
pub(super) fn changes(old: &Commands, new: &Commands) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, command) in old {
        match new.get(name) {
            None => changes.push(whole(command, Kind::Loses)),
            Some(now) => {
                let others = others(&described(command), &described(now));
                changes.extend(others.into_iter().map(|text| {
                    Change::new(Kind::Changes, format!("host-command {name}: {text}"))
                }));
            }
        }
    }
    let added = new.iter().filter(|(name, _)| !old.contains_key(*name));
    changes.extend(added.map(|(_, command)| whole(command, Kind::Gains)));
    changes
}

/// What may be run by another list, or no more. What a list gains, commands lose.
pub(super) fn deny_changes(old: &DenyList, new: &DenyList) -> Vec<Change> {
    // Taken apart, so that no key is forgotten.
    let DenyList {
        programs,
        arguments,
        line: _,
    } = new;
    let mut changes = Vec::new();
    for (key, old, new) in [
        ("programs", &old.programs, programs),
        ("arguments", &old.arguments, arguments),
    ] {
        let entry = |kind, entry: &String| {
            Change::new(kind, format!("deny.{key}: {}", Printable::sentence(entry)))
        };
        let gone = old.iter().filter(|entry| !new.contains(entry));
        changes.extend(gone.map(|gone| entry(Kind::Loses, gone)));
        let added = new.iter().filter(|entry| !old.contains(entry));
        changes.extend(added.map(|added| entry(Kind::Gains, added)));
    }
    changes
}

fn whole(command: &HostCommand, kind: Kind) -> Change {
    let text = format!(
        "host-command {}: {}",
        command.name,
        listed(&described(command))
    );
    Change::new(kind, text)
}

/// The program and its arguments. For people: it cannot be pasted into a shell.
fn line(command: &HostCommand) -> String {
    let arguments = command.args.iter();
    let arguments = arguments.map(|argument| format!("\"{}\"", Printable::sentence(argument)));
    let mut words = vec![Printable::from(command.path.to_string()).to_string()];
    words.extend(arguments);
    words.join(" ")
}

fn described(command: &HostCommand) -> Vec<(&'static str, String)> {
    // Taken apart, so that no key is forgotten.
    let HostCommand {
        name: _,
        path: _,
        args: _,
        timeout,
        output_limit,
        confirm,
        line: _,
    } = command;
    vec![
        ("runs", line(command)),
        ("timeout", lapse_text(*timeout)),
        ("output-limit", output_limit.to_string()),
        ("confirm", confirm.to_string()),
    ]
}

//! A command that may be run in a guest: one path, one argument vector, no shell, no pattern.
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::host_command::{OUTPUT, read_limit};
use super::references::References;
use crate::strict::{Mark, Reader, Value, quoted};

/// The name of a guest command: 1 to 60 of `a-z 0-9 - _`, first a letter or digit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CommandName(String);

/// Why a text is no name of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandNameError;

impl fmt::Display for CommandNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a command's name has 1 to 60 of the characters a-z 0-9 - _ and starts with a letter or \
             digit",
        )
    }
}

impl std::error::Error for CommandNameError {}

/// Its order is that of its text, so a text finds it in a map.
impl std::borrow::Borrow<str> for CommandName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl CommandName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`CommandNameError`], which says what is allowed.
    pub fn parse(text: &str) -> Result<CommandName, CommandNameError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        let fits = (1..=60).contains(&text.len())
            && text.starts_with(plain)
            && text.chars().all(|c| plain(c) || matches!(c, '-' | '_'));
        if fits {
            Ok(CommandName(text.to_owned()))
        } else {
            Err(CommandNameError)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CommandName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The kind of guest that a command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuestOs {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

/// What a command does to a time service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Does {
    /// Stops it.
    Stop,
    /// Starts it.
    Start,
    /// Asks whether it runs.
    Query,
}

/// A command in a guest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestCommand {
    /// Its name.
    pub name: CommandName,
    /// The program, absolute: `/usr/bin/timedatectl` or `C:\Windows\System32\w32tm.exe`.
    pub path: String,
    /// The arguments, exactly these.
    pub args: Vec<String>,
    /// How long it may run; more than zero, at most 5 minutes.
    pub timeout: Duration,
    /// How many bytes of each of its two outputs are kept.
    pub output_limit: usize,
    /// Whether it is run only for VMs under a rule with `confirm`, which somebody has approved.
    pub confirm: bool,
    /// The guests it is for; none = any.
    pub os: Option<GuestOs>,
    /// What it does; none = it is never run by itself.
    pub does: Option<Does>,
    /// The command that takes it back.
    pub undo: Option<CommandName>,
    /// The command that says by its exit code 0 that there is something to stop.
    pub query: Option<CommandName>,
    /// Where it starts in the file.
    pub line: usize,
}

pub(super) const NAME: &str = "the name of a command";
pub(super) const LONGEST: RangeInclusive<Duration> =
    Duration::from_nanos(1)..=Duration::from_secs(300);
pub(super) const SECONDS_10: Duration = Duration::from_secs(10);
/// Limits on what is handed to the guest agent, or to the system.
pub(super) const PATH_CAP: usize = 1_024;
pub(super) const ARG_CAP: usize = 1_024;
pub(super) const ARGS_CAP: usize = 64;
/// How much of an output is kept at most: the agent's answers are not longer.
const OUTPUT_CAP: usize = 65_536;

/// Reads a command; gives it with the place of its name.
pub(super) fn read(value: &Value<'_>, references: &mut References) -> Option<(GuestCommand, Mark)> {
    value.table("a [[guest-command]]", |table| {
        let name = table.required("name", |value| {
            let name = value.parsed("a string", CommandName::parse)?;
            references
                .commands
                .entry(name.clone())
                .or_insert(value.mark());
            Some((name, value.mark()))
        });
        let path = table.required("path", |value| {
            Some((value.string("an absolute path", PATH_CAP)?, value))
        });
        let args = table.or("args", Vec::new(), |value| read_args(&value, references));
        let timeout = table.or("timeout", SECONDS_10, |value| {
            value.duration(LONGEST, "more than 0 and at most 5m")
        });
        let output_limit = table.or("output-limit", OUTPUT, |value| {
            read_limit(&value, OUTPUT_CAP)
        });
        let confirm = table.or("confirm", false, |value| value.boolean());
        let os = table.optional("os", |value| {
            value.choice(&[("linux", GuestOs::Linux), ("windows", GuestOs::Windows)])
        });
        let does = table.optional("does", |value| {
            value.choice(&[
                ("stop", Does::Stop),
                ("start", Does::Start),
                ("query", Does::Query),
            ])
        });
        let mut another = |key: &'static str, itself: &'static str| {
            table.optional(key, |value| {
                let other = value.parsed(NAME, CommandName::parse)?;
                if name.as_ref().is_some_and(|(name, _)| *name == other) {
                    return value.refuse(itself);
                }
                references
                    .wanted_commands
                    .push((other.clone(), value.mark()));
                Some(other)
            })
        };
        let undo = another("undo", "a command cannot undo itself");
        let query = another("query", "a command cannot ask for itself");
        let path = path.and_then(|(path, value)| match check_path(path, os) {
            Ok(()) => {
                references.programs.push((path.to_owned(), value.mark()));
                Some(path.to_owned())
            }
            Err(error) => value.refuse(format!("{}: {error}", quoted(path))),
        });
        let (name, mark) = name?;
        let line = table.reader().line(table.mark());
        let command = GuestCommand {
            name,
            path: path?,
            args,
            timeout,
            output_limit,
            confirm,
            os,
            does,
            undo,
            query,
            line,
        };
        Some((command, mark))
    })
}

fn read_args(value: &Value<'_>, references: &mut References) -> Option<Vec<String>> {
    let args = value.list("a list of strings", true, |value| {
        let text = value.string("a string", ARG_CAP)?;
        references.arguments.push((text.to_owned(), value.mark()));
        Some(text.to_owned())
    })?;
    if args.len() > ARGS_CAP {
        return value.say(format!(" has more than {ARGS_CAP} arguments"));
    }
    Some(args)
}

/// Whether a path says exactly which program is run.
fn check_path(path: &str, os: Option<GuestOs>) -> Result<(), &'static str> {
    let unix = path.starts_with('/');
    let mut start = path.chars();
    let windows = start.next().is_some_and(|c| c.is_ascii_alphabetic())
        && start.next() == Some(':')
        && start.next() == Some('\\');
    match os {
        Some(GuestOs::Linux) if !unix => {
            return Err("a path in Linux is absolute and starts with `/`");
        }
        Some(GuestOs::Windows) if !windows => {
            return Err("a path in Windows is absolute and starts with a drive, like `C:\\`");
        }
        None if !unix && !windows => {
            return Err("a path is absolute: it starts with `/` or `C:\\`");
        }
        _ => {}
    }
    if path.ends_with(['/', '\\']) {
        return Err("a path names a program, not a folder");
    }
    if path.split(['/', '\\']).any(|part| part == "..") {
        return Err("a path has no `..`");
    }
    if windows && path.split(['/', '\\']).skip(1).any(is_another_name) {
        return Err(
            "a part of a path in Windows has no `:`, ends with neither a dot nor a blank, and is no short \
             name like PROGRA~1",
        );
    }
    Ok(())
}

/// Whether Windows takes it for another name than the one that is written, which no list could meet: it
/// drops dots and blanks at the end, reads `NAME::$DATA` as NAME, and knows files by 8.3 names.
fn is_another_name(part: &str) -> bool {
    let short = part
        .split_once('~')
        .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
    short || part.contains(':') || part.ends_with(['.', ' '])
}

/// The commands by name; reports names that are there twice.
pub(super) fn by_name(
    reader: &Reader<'_>,
    commands: Vec<(GuestCommand, Mark)>,
    references: &References,
) -> BTreeMap<CommandName, GuestCommand> {
    let mut map = BTreeMap::new();
    for (command, mark) in commands {
        let first = references
            .commands
            .get(&command.name)
            .copied()
            .unwrap_or(mark);
        if first != mark {
            let line = reader.line(first);
            let name = quoted(command.name.as_str());
            reader.error(
                mark,
                format!("a guest-command {name} is already in line {line}"),
            );
        }
        map.insert(command.name.clone(), command);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_absolute_for_its_system_and_goes_nowhere_else() {
        let (linux, windows) = (Some(GuestOs::Linux), Some(GuestOs::Windows));
        for (path, os, good) in [
            ("/usr/bin/timedatectl", linux, true),
            ("/usr/bin/timedatectl", None, true),
            ("/usr/bin/timedatectl", windows, false),
            ("C:\\Windows\\System32\\w32tm.exe", windows, true),
            ("C:\\Windows\\System32\\w32tm.exe", None, true),
            ("C:\\Windows\\System32\\w32tm.exe", linux, false),
            ("C:w32tm.exe", windows, false),
            ("\\\\server\\share\\x.exe", windows, false),
            ("timedatectl", None, false),
            ("./x", None, false),
            ("", None, false),
            ("/", linux, false),
            ("/usr/bin/", linux, false),
            ("/usr/../bin/sh", linux, false),
            ("C:\\a\\..\\b.exe", windows, false),
            ("C:\\a/../b.exe", windows, false),
            ("/usr/bin/a..b", linux, true),
            ("/usr/bin/a~1", linux, true),
            ("C:\\Program Files\\a.b~\\x.exe", windows, true),
            ("C:\\Windows\\cmd.exe.", windows, false),
            ("C:\\Windows\\cmd.exe ", None, false),
            ("C:\\Windows\\cmd.exe::$DATA", windows, false),
            ("C:\\Windows. \\x.exe", windows, false),
            ("C:\\Windows\\POWERS~1.EXE", windows, false),
            ("C:\\PROGRA~1\\x.exe", None, false),
        ] {
            assert_eq!(check_path(path, os).is_ok(), good, "{path} {os:?}");
        }
    }
}

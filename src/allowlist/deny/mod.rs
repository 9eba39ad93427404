//! The second wall: programs that no command may be, and what none of its arguments may hold.
//!
//! A command that hits it is an error of the file, so that it is seen when it is written and not
//! when it is wanted.
mod built_in;

use std::path::Path;

use super::references::References;
use crate::strict::{Mark, Reader, Value, quoted};
use built_in::{ARGUMENTS, PROGRAMS};

/// The deny list: the built-in one and the file's own.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DenyList {
    /// The file's own programs, as the built-in list has them, or a whole path.
    pub programs: Vec<String>,
    /// The file's own parts of arguments.
    pub arguments: Vec<String>,
    /// Where the table starts in the file; 0 where it has none.
    pub line: usize,
}

impl DenyList {
    /// What is wrong with a program's path; none where nothing is.
    #[must_use]
    pub fn program(&self, path: &str) -> Option<String> {
        let own = self.programs.iter().map(String::as_str);
        let path = path.to_lowercase();
        let hit = |entry: &&str| is_program(&path, entry);
        if let Some(entry) = PROGRAMS.iter().copied().find(hit) {
            return Some(format!(
                "{} is on the built-in deny list of programs",
                quoted(entry)
            ));
        }
        let entry = own.into_iter().find(hit)?;
        Some(format!(
            "[deny] (line {}) has {} among its `programs`",
            self.line,
            quoted(entry)
        ))
    }

    /// What is wrong with the program to which a command's path leads; none where nothing is. A link with a
    /// name of its own does not make it another program.
    #[must_use]
    pub fn real_program(&self, path: &Path) -> Option<String> {
        let path = path.to_string_lossy();
        let why = self.program(&path)?;
        Some(format!("it leads to {}: {why}", quoted(&path)))
    }

    /// What is wrong with an argument; none where nothing is.
    #[must_use]
    pub fn argument(&self, argument: &str) -> Option<String> {
        if let Some(part) = ARGUMENTS.iter().find(|part| argument.contains(**part)) {
            return Some(format!(
                "it has {}, which is on the built-in deny list: no shell is there to read it",
                quoted(part)
            ));
        }
        let part = self
            .arguments
            .iter()
            .find(|part| argument.contains(part.as_str()))?;
        Some(format!(
            "[deny] (line {}) has {} among its `arguments`",
            self.line,
            quoted(part)
        ))
    }
}

/// Whether the program of a path in small letters is the entry's, with or without `.exe`.
fn is_program(path: &str, entry: &str) -> bool {
    let name = match entry.contains(['/', '\\']) {
        true => path,
        false => path.rsplit(['/', '\\']).next().unwrap_or_default(),
    };
    let name = name
        .strip_suffix(".exe")
        .or(name.strip_suffix(".com"))
        .unwrap_or(name);
    match entry.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == entry,
    }
}

/// Longest entry, in characters.
const CAP: usize = 200;

/// Most entries of a list: each is held against each command.
const ENTRIES: usize = 500;

/// Reads the `[deny]` table.
pub(super) fn read(value: &Value<'_>) -> Option<DenyList> {
    value.table("[deny]", |table| {
        let programs = table.or("programs", Vec::new(), |value| {
            let want = "a list of programs, like [\"mount.*\"]";
            bounded(&value, value.list(want, true, |value| pattern(&value))?)
        });
        let arguments = table.or("arguments", Vec::new(), |value| {
            let part =
                |value: Value<'_>| Some(value.string("a part of an argument", CAP)?.to_owned());
            bounded(
                &value,
                value.list("a list of parts of arguments", true, part)?,
            )
        });
        Some(DenyList {
            programs,
            arguments,
            line: table.reader().line(table.mark()),
        })
    })
}

fn bounded(value: &Value<'_>, entries: Vec<String>) -> Option<Vec<String>> {
    match entries.len() {
        0..=ENTRIES => Some(entries),
        count => value.say(format!(" has {count} entries; there may be {ENTRIES}")),
    }
}

fn pattern(value: &Value<'_>) -> Option<String> {
    let text = value.string(
        "a program's name, with or without a `*` at its end, or its path",
        CAP,
    )?;
    let body = text.strip_suffix('*').unwrap_or(text);
    if body.is_empty() || body.contains('*') {
        return value.refuse(format!(
            "{}: a `*` stands at the end of a name only",
            quoted(text)
        ));
    }
    let lower = text.to_lowercase();
    let plain = lower.strip_suffix(".exe").unwrap_or(&lower);
    Some(plain.to_owned())
}

/// Reports the commands of the file that hit its own deny list.
pub(super) fn check(reader: &Reader<'_>, deny: &DenyList, references: &References) {
    let say = |mark: Mark, key: &str, text: &str, why: String| {
        reader.error(mark, format!("`{key}`: {}: {why}", quoted(text)));
    };
    for (path, mark) in &references.programs {
        if let Some(why) = deny.program(path) {
            say(*mark, "path", path, why);
        }
    }
    for (argument, mark) in &references.arguments {
        if let Some(why) = deny.argument(argument) {
            say(*mark, "args", argument, why);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_met_by_name_whatever_their_folder_and_letters_b3() {
        let deny = DenyList {
            programs: vec!["my-*".to_owned(), "/opt/x/tool".to_owned()],
            arguments: vec!["--force".to_owned()],
            line: 7,
        };
        for path in [
            "/bin/rm",
            "/usr/bin/bash",
            "/usr/bin/bash5",
            "/sbin/mkfs.ext4",
            "/usr/bin/python3.11",
            "/usr/bin/sudo",
            "C:\\Windows\\System32\\CMD.EXE",
            "C:\\x/powershell.exe",
            "/usr/bin/run0",
            "/usr/bin/flock",
            "/usr/sbin/start-stop-daemon",
            "/usr/bin/original-awk",
            "/usr/bin/tar",
            "/usr/bin/sensible-editor",
            "/opt/my-tool",
            "/opt/x/tool",
            "/OPT/x/Tool",
        ] {
            assert!(deny.program(path).is_some(), "{path}");
        }
        for path in [
            "/usr/bin/systemctl",
            "/usr/bin/pvesh",
            "/usr/bin/timedatectl",
            "/usr/bin/rmx",
            "/opt/tool",
            "C:\\Windows\\System32\\net.exe",
            "C:\\Windows\\System32\\w32tm.exe",
            "/usr/sbin/chronyc",
        ] {
            assert_eq!(deny.program(path), None, "{path}");
        }
        for argument in [
            "$(id)",
            "a`b",
            "a;b",
            "a|b",
            "a && b",
            "x > y",
            "a\nb",
            "--force=1",
        ] {
            assert!(deny.argument(argument).is_some(), "{argument}");
        }
        for argument in [
            "set-ntp",
            "--no-block",
            "time-shift@{vmid}.service",
            "$HOME",
            "a b",
        ] {
            assert_eq!(deny.argument(argument), None, "{argument}");
        }
    }
}

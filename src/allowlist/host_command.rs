//! A command that may be run on the host: one path, one argument vector, no shell, no pattern.
//!
//! What differs from call to call is a value with a form of its own (a VMID, a node, a snippet), for
//! which the argument has a placeholder; free text has none.
use std::collections::BTreeMap;
use std::time::Duration;

use super::command::{ARG_CAP, ARGS_CAP, CommandName, LONGEST, NAME, PATH_CAP, SECONDS_10};
use super::references::References;
use crate::model::AbsolutePath;
use crate::strict::{Mark, Reader, Value, quoted};

/// A command on the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostCommand {
    /// Its name.
    pub name: CommandName,
    /// The program.
    pub path: AbsolutePath,
    /// The arguments, exactly these but for placeholders.
    pub args: Vec<String>,
    /// How long it may run; more than zero, at most 5 minutes.
    pub timeout: Duration,
    /// How many bytes of each of its two outputs are kept.
    pub output_limit: usize,
    /// Whether a person has to agree each time.
    pub confirm: bool,
    /// Where it starts in the file.
    pub line: usize,
}

/// What an argument may have in braces: each stands for a value that cannot be anything else.
const PLACEHOLDERS: &[&str] = &["vmid", "node", "volume"];

/// How much of an output is kept at most, in bytes.
const OUTPUT_CAP: usize = 1_048_576;
/// How much is kept where nothing is said.
pub(super) const OUTPUT: usize = 65_536;

/// Reads a command; gives it with the place of its name.
pub(super) fn read(value: &Value<'_>, references: &mut References) -> Option<(HostCommand, Mark)> {
    value.table("a [[host-command]]", |table| {
        let name = table.required("name", |value| {
            let name = value.parsed(NAME, CommandName::parse)?;
            Some((name, value.mark()))
        });
        let path = table.required("path", |value| {
            value.string("an absolute path", PATH_CAP)?;
            let path = value.parsed("an absolute path", AbsolutePath::parse)?;
            references.programs.push((path.to_string(), value.mark()));
            Some(path)
        });
        let args = table.or("args", Vec::new(), |value| read_args(&value, references));
        let timeout = table.or("timeout", SECONDS_10, |value| {
            value.duration(LONGEST, "more than 0 and at most 5m")
        });
        let output_limit = table.or("output-limit", OUTPUT, |value| {
            read_limit(&value, OUTPUT_CAP)
        });
        let confirm = table.or("confirm", false, |value| value.boolean());
        let (name, mark) = name?;
        let command = HostCommand {
            name,
            path: path?,
            args,
            timeout,
            output_limit,
            confirm,
            line: table.reader().line(table.mark()),
        };
        Some((command, mark))
    })
}

fn read_args(value: &Value<'_>, references: &mut References) -> Option<Vec<String>> {
    let args = value.list("a list of strings", true, |value| {
        let text = value.string("a string", ARG_CAP)?;
        references.arguments.push((text.to_owned(), value.mark()));
        match pieces(text) {
            Some(_) => Some(text.to_owned()),
            None => value.refuse(format!(
                "{}: braces hold {} and nothing else",
                quoted(text),
                known()
            )),
        }
    })?;
    if args.len() > ARGS_CAP {
        return value.say(format!(" has more than {ARGS_CAP} arguments"));
    }
    Some(args)
}

/// The placeholders, for people.
fn known() -> String {
    let words: Vec<String> = PLACEHOLDERS
        .iter()
        .map(|word| format!("{{{word}}}"))
        .collect();
    words.join(", ")
}

/// A part of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Piece<'a> {
    /// This text.
    Text(&'a str),
    /// The value of this placeholder.
    Value(&'a str),
}

/// The parts of an argument; none where its braces are not those of a placeholder.
#[must_use]
pub fn pieces(argument: &str) -> Option<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = argument;
    while let Some((text, after)) = rest.split_once('{') {
        let (word, after) = after.split_once('}')?;
        if text.contains('}') || !PLACEHOLDERS.contains(&word) {
            return None;
        }
        pieces.push(Piece::Text(text));
        pieces.push(Piece::Value(word));
        rest = after;
    }
    pieces.push(Piece::Text(rest));
    (!rest.contains('}')).then_some(pieces)
}

/// A number of bytes, as digits.
pub(super) fn read_limit(value: &Value<'_>, cap: usize) -> Option<usize> {
    if !value.is_integer() {
        return value.wrong_type("a number of bytes");
    }
    let source = value.source();
    let digits = source.bytes().all(|byte| byte.is_ascii_digit());
    match source.parse() {
        Ok(number) if digits && number <= cap => Some(number),
        _ => value.refuse(format!("{}: it must be 0 to {cap} bytes", quoted(source))),
    }
}

/// The commands by name; reports names that are there twice.
pub(super) fn by_name(
    reader: &Reader<'_>,
    commands: Vec<(HostCommand, Mark)>,
) -> BTreeMap<CommandName, HostCommand> {
    let mut map: BTreeMap<CommandName, HostCommand> = BTreeMap::new();
    for (command, mark) in commands {
        if let Some(first) = map.get(&command.name) {
            let name = quoted(command.name.as_str());
            let line = first.line;
            reader.error(
                mark,
                format!("a host-command {name} is already in line {line}"),
            );
            continue;
        }
        map.insert(command.name.clone(), command);
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_hold_a_known_value_or_the_argument_is_refused_b3() {
        assert_eq!(
            pieces("/nodes/{node}/qemu/{vmid}/config"),
            Some(vec![
                Piece::Text("/nodes/"),
                Piece::Value("node"),
                Piece::Text("/qemu/"),
                Piece::Value("vmid"),
                Piece::Text("/config"),
            ])
        );
        assert_eq!(pieces("a"), Some(vec![Piece::Text("a")]));
        for bad in [
            "{",
            "}",
            "{}",
            "{x}",
            "{vmid",
            "vmid}",
            "{{vmid}}",
            "{VMID}",
            "a}b{vmid}",
            "{vmid}}",
        ] {
            assert_eq!(pieces(bad), None, "{bad}");
        }
    }
}

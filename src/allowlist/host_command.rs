//! A command that may be run on the host: one path, one argument vector, no shell, no pattern.
//!
//! What differs from call to call has a form of its own (a path of the API, and what it is given), for
//! which a whole argument stands; there is none for free text.
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::command::{ARG_CAP, ARGS_CAP, CommandName, NAME, PATH_CAP, SECONDS_10};
use super::references::References;
use crate::model::AbsolutePath;
use crate::strict::{Finding, Mark, Reader, Value, quoted};

/// A command on the host.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostCommand {
    /// Its name.
    pub name: CommandName,
    /// The program.
    pub path: AbsolutePath,
    /// The arguments, exactly these but for [`PATH`] and [`PARAMETERS`].
    pub args: Vec<String>,
    /// How long it may run; more than zero, at most an hour.
    pub timeout: Duration,
    /// How many bytes of each of its two outputs are kept.
    pub output_limit: usize,
    /// Whether a person has to agree each time.
    pub confirm: bool,
    /// Where it starts in the file.
    pub line: usize,
}

/// The argument that stands for a path of the API of Proxmox VE.
pub const PATH: &str = "{path}";

/// The argument that stands for what the API is given: as many as there are, `--name=value` each.
pub const PARAMETERS: &str = "{parameters}";

/// The command that reads from Proxmox VE.
pub const PVE_GET: &str = "pve-get";
/// The one that changes options.
pub const PVE_SET: &str = "pve-set";
/// The one that starts what Proxmox VE has a task for.
pub const PVE_CREATE: &str = "pve-create";

/// The commands that something runs, by name.
pub const KNOWN: &[&str] = &[PVE_GET, PVE_SET, PVE_CREATE];

/// How long one may run: what waits for a task of Proxmox VE takes as long as the task does.
const LONGEST: RangeInclusive<Duration> = Duration::from_nanos(1)..=Duration::from_secs(3_600);
/// How much of an output is kept at most, in bytes: the resources of a large cluster have some megabytes.
const OUTPUT_CAP: usize = 8 * 1_048_576;
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
            value.duration(LONGEST, "more than 0 and at most 1h")
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
        if [PATH, PARAMETERS].contains(&text) || !text.contains(['{', '}']) {
            return Some(text.to_owned());
        }
        value.refuse(format!(
            "{}: braces are for {PATH} and {PARAMETERS}, each an argument of its own",
            quoted(text)
        ))
    })?;
    if args.len() > ARGS_CAP {
        return value.say(format!(" has more than {ARGS_CAP} arguments"));
    }
    Some(args)
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

/// What a valid entry says that is probably not meant.
pub(super) fn remarks(
    reader: &Reader<'_>,
    commands: &BTreeMap<CommandName, (HostCommand, Mark)>,
) -> Vec<Finding> {
    let unknown = |name: &CommandName| !KNOWN.contains(&name.as_str());
    let idle = commands.iter().filter(|(name, _)| unknown(name));
    idle.map(|(name, (_, mark))| {
        let known = KNOWN.join(", ");
        reader.remark(
            *mark,
            format!("host-command `{name}` is run by nothing; what is run is {known}"),
        )
    })
    .collect()
}

/// The commands by name; reports names that are there twice.
pub(super) fn by_name(
    reader: &Reader<'_>,
    commands: Vec<(HostCommand, Mark)>,
) -> BTreeMap<CommandName, (HostCommand, Mark)> {
    let mut map: BTreeMap<CommandName, (HostCommand, Mark)> = BTreeMap::new();
    for (command, mark) in commands {
        if let Some((first, _)) = map.get(&command.name) {
            let name = quoted(command.name.as_str());
            let line = first.line;
            reader.error(
                mark,
                format!("a host-command {name} is already in line {line}"),
            );
            continue;
        }
        map.insert(command.name.clone(), (command, mark));
    }
    map
}

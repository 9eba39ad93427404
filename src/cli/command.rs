//! `time-shift command list|explain`: the commands of the allowlist.
use serde::Serialize;

use super::arguments::command::{Commands, Explain, List};
use super::style::{pairs, running};
use super::{Exit, Failure, put, put_json};
use crate::allowlist::{Allowlist, Does, GuestCommand, GuestOs, HostCommand};
use crate::config::Config;
use crate::model::{Printable, lapse_text};
use crate::sources::load_allowlist;
use crate::system::Program;

/// A command, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Row {
    name: String,
    /// `host` or `guest`.
    runs: &'static str,
    path: Printable,
    args: Vec<Printable>,
    timeout_ms: u128,
    /// The same for people.
    #[serde(skip)]
    limit: String,
    output_limit: usize,
    confirm: bool,
    line: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    os: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    does: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    undo: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<String>,
    /// The profiles that list it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    profiles: Vec<String>,
    /// Why it would not be run: only looked at where one command is explained.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

pub(super) fn run(config: &Config, command: &Commands) -> Result<Exit, Failure> {
    let loaded = load_allowlist(config).map_err(|not_loaded| not_loaded.deny)?;
    match command {
        Commands::List(options) => list(&loaded.allowlist, options),
        Commands::Explain(options) => explain(&loaded.allowlist, options),
    }
}

fn rows(allowlist: &Allowlist) -> Vec<Row> {
    let host = allowlist.host_commands.values().map(on_host);
    let guest = allowlist.guest_commands.values();
    host.chain(guest.map(|command| in_guest(allowlist, command)))
        .collect()
}

fn on_host(command: &HostCommand) -> Row {
    Row {
        name: command.name.to_string(),
        runs: "host",
        path: Printable::from(command.path.as_str()),
        args: printable(&command.args),
        timeout_ms: command.timeout.as_millis(),
        limit: lapse_text(command.timeout),
        output_limit: command.output_limit,
        confirm: command.confirm,
        line: command.line,
        os: None,
        does: None,
        undo: None,
        query: None,
        profiles: Vec::new(),
        problem: None,
    }
}

fn in_guest(allowlist: &Allowlist, command: &GuestCommand) -> Row {
    let profiles = allowlist.profiles.iter();
    let listing = profiles.filter(|(_, profile)| profile.guest_commands.contains(&command.name));
    Row {
        name: command.name.to_string(),
        runs: "guest",
        path: Printable::from(command.path.as_str()),
        args: printable(&command.args),
        timeout_ms: command.timeout.as_millis(),
        limit: lapse_text(command.timeout),
        output_limit: command.output_limit,
        confirm: command.confirm,
        line: command.line,
        os: command.os.map(|os| match os {
            GuestOs::Linux => "linux",
            GuestOs::Windows => "windows",
        }),
        does: command.does.map(|does| match does {
            Does::Stop => "stop",
            Does::Start => "start",
            Does::Query => "query",
        }),
        undo: command.undo.as_ref().map(ToString::to_string),
        query: command.query.as_ref().map(ToString::to_string),
        profiles: listing.map(|(name, _)| name.to_string()).collect(),
        problem: None,
    }
}

fn printable(args: &[String]) -> Vec<Printable> {
    args.iter()
        .map(|argument| Printable::from(argument.as_str()))
        .collect()
}

/// The program and its arguments in one line.
fn call(row: &Row) -> String {
    let args = row.args.iter().map(|argument| match argument.as_str() {
        text if text.contains(' ') => format!(" \"{text}\""),
        text => format!(" {text}"),
    });
    format!("{}{}", row.path, args.collect::<String>())
}

fn list(allowlist: &Allowlist, options: &List) -> Result<Exit, Failure> {
    let rows = rows(allowlist);
    if options.json {
        put_json(&rows)?;
    } else if rows.is_empty() {
        put("The allowlist has no commands, so none is ever run.\n")?;
    } else {
        let lines = rows
            .iter()
            .map(|row| (vec![row.name.clone(), row.runs.to_owned(), call(row)], None));
        let header = ["NAME", "RUNS ON", "COMMAND"];
        put(&running(&header, &lines.collect::<Vec<_>>(), false))?;
    }
    Ok(Exit::Done)
}

fn explain(allowlist: &Allowlist, options: &Explain) -> Result<Exit, Failure> {
    let mut rows = rows(allowlist);
    rows.retain(|row| row.name == options.name.as_str());
    if rows.is_empty() {
        return Err(Failure(format!(
            "the allowlist has no command {}; `time-shift command list` shows what it has",
            options.name
        )));
    }
    for row in rows.iter_mut().filter(|row| row.runs == "host") {
        let real =
            Program::open(row.path.as_str().as_ref()).and_then(|program| program.real_path());
        row.problem = match real {
            Ok(real) => allowlist.deny.real_program(&real),
            Err(error) => Some(error.to_string()),
        };
    }
    let fit = rows.iter().all(|row| row.problem.is_none());
    if options.json {
        put_json(&rows)?;
    } else {
        let texts: Vec<String> = rows.iter().map(text).collect();
        put(&texts.join("\n"))?;
    }
    Ok(if fit { Exit::Done } else { Exit::Failed })
}

fn text(row: &Row) -> String {
    let mut lines = vec![
        ("command", row.name.clone()),
        ("runs", call(row)),
        (
            "where",
            match (row.runs, row.os) {
                ("host", _) => "on this host, without a shell".to_owned(),
                (_, Some(os)) => format!("in a guest ({os}), without a shell"),
                (_, None) => "in a guest, without a shell".to_owned(),
            },
        ),
        ("time limit", row.limit.clone()),
        ("output kept", format!("{} bytes", row.output_limit)),
        (
            "confirm",
            match (row.confirm, row.runs) {
                (false, _) => "no".to_owned(),
                (true, "host") => "yes: somebody has to agree each time".to_owned(),
                (true, _) => "yes: only for VMs that somebody has approved".to_owned(),
            },
        ),
        ("allowlist", format!("line {}", row.line)),
    ];
    if let Some(does) = row.does {
        lines.push(("does", format!("{does} a time service")));
    }
    for (key, name) in [("undo", &row.undo), ("query", &row.query)] {
        lines.extend(name.clone().map(|name| (key, name)));
    }
    if row.runs == "guest" {
        let profiles = match row.profiles.is_empty() {
            true => "none lists it".to_owned(),
            false => row.profiles.join(", "),
        };
        lines.push(("profiles", profiles));
    } else {
        let program = row
            .problem
            .clone()
            .unwrap_or_else(|| "there, and root's alone".to_owned());
        lines.push(("program", program));
    }
    pairs(&lines)
}

//! `time-shift allowlist`: the allowlist shown, compared, edited and installed.
mod edit;
mod effect;
mod install;
mod place;
mod show;

use std::path::Path;

use serde::Serialize;

use super::arguments::allowlist::{Allowlist, Install};
use super::confirm::confirmed;
use super::{Exit, Failure, complain, put, put_json};
use crate::audit::Event;
use crate::config::Config;
use crate::model::{ProfileName, VmId};
use crate::sources::{ALLOWLIST_LIMIT, AllowlistFile, parse_allowlist};
use crate::strict::Finding;
use crate::system::{self, Trust};

pub(super) use place::Place;

pub(super) fn run(config: &Config, options: &Allowlist) -> Result<Exit, Failure> {
    match options {
        Allowlist::Show(options) => show::show(config, options),
        Allowlist::Diff(options) => show::diff(config, options),
        Allowlist::Edit(options) => edit::edit(config, options),
        Allowlist::Install(options) => install_file(config, options),
    }
}

fn install_file(config: &Config, options: &Install) -> Result<Exit, Failure> {
    let place = Place::of(config, options.which)?;
    let bytes = system::read(&options.file, Trust::Data, ALLOWLIST_LIMIT)?;
    if let Err(findings) = parse_allowlist(&bytes) {
        complain_of(&options.file, &findings);
        complain(&"nothing was installed: a file with errors would allow nothing");
        return Ok(Exit::Failed);
    }
    let manner = Manner {
        yes: options.yes,
        json: options.json,
    };
    offer(
        config,
        &place,
        &bytes,
        manner,
        &By::new("allowlist install"),
    )
}

/// All that is wrong with a file.
fn complain_of(path: &Path, findings: &[Finding]) {
    for finding in findings {
        let (line, column) = (finding.line, finding.column);
        complain(&format!(
            "{}:{line}:{column}: {}",
            path.display(),
            finding.text
        ));
    }
}

/// What replaces the allowlist, as it is written down.
pub(super) struct By<'a> {
    /// As what it counts.
    pub(super) event: Event,
    /// The VM that it is about.
    pub(super) vmid: Option<VmId>,
    /// The profile that this VM gets.
    pub(super) profile: Option<&'a ProfileName>,
    /// The command.
    pub(super) command: &'a str,
    /// What is done to a VM's rule, for who is asked.
    pub(super) how: Option<&'a str>,
}

impl<'a> By<'a> {
    fn new(command: &'a str) -> By<'a> {
        By {
            event: Event::AllowlistInstalled,
            vmid: None,
            profile: None,
            command,
            how: None,
        }
    }
}

/// How somebody wants to be asked and told.
#[derive(Clone, Copy)]
pub(super) struct Manner {
    pub(super) yes: bool,
    pub(super) json: bool,
}

/// What came of it, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Outcome<'a> {
    file: &'a Path,
    /// `false`: it is as it was.
    installed: bool,
    /// Of what the file holds now.
    sha256: Option<String>,
    /// What is done to a VM's rule, or why nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<effect::Effect>,
}

/// Says that nothing had to be changed.
pub(super) fn unchanged(place: &Place, how: Option<&str>, json: bool) -> Result<Exit, Failure> {
    let file = &place.path;
    match (json, how) {
        (true, how) => put_json(&Outcome {
            file,
            installed: false,
            sha256: place.sha256(),
            how,
            effect: None,
        })?,
        (false, Some(how)) => put(&format!("{how}; nothing was changed.\n"))?,
        (false, None) => put(&format!(
            "{} is like this already: nothing was changed.\n",
            file.display()
        ))?,
    }
    Ok(Exit::Done)
}

/// Shows what becomes different, asks, and installs. The content must be a valid allowlist.
pub(super) fn offer(
    config: &Config,
    place: &Place,
    bytes: &[u8],
    manner: Manner,
    by: &By<'_>,
) -> Result<Exit, Failure> {
    if place.bytes.as_deref() == Some(bytes) {
        return unchanged(place, by.how, manner.json);
    }
    if bytes.len() > ALLOWLIST_LIMIT {
        return Err(Failure(format!(
            "{} would be larger than {ALLOWLIST_LIMIT} bytes and not be read any more: nothing was changed",
            place.path.display()
        )));
    }
    let new = parse_allowlist(bytes).map_err(|_| Failure("this is no valid allowlist".into()))?;
    let effect = effect::of(config, place, &new);
    let mut shown = by.how.map_or_else(String::new, |how| format!("{how}.\n"));
    shown.push_str(&effect.text());
    match manner {
        Manner { json: false, .. } => put(&shown)?,
        // Who is asked has to see it; standard output is for the program that reads it.
        Manner { yes: false, .. } => complain(&shown.trim_end()),
        _ => {}
    }
    for warning in new.warnings() {
        complain(&format!("warning: {warning}"));
    }
    let agreed = confirmed(manner.yes, &question(config, place))?;
    if agreed {
        install::install(config, place, bytes, by)?;
    }
    let sha256 = match agreed {
        true => Some(crate::sources::sha256_hex(bytes)),
        false => place.sha256(),
    };
    match (manner.json, agreed) {
        (true, installed) => put_json(&Outcome {
            file: &place.path,
            installed,
            sha256,
            how: by.how,
            effect: Some(effect),
        })?,
        (false, true) => put(&format!(
            "{} is installed, SHA-256 {}.\n",
            place.path.display(),
            sha256.unwrap_or_default()
        ))?,
        (false, false) => {}
    }
    Ok(match agreed {
        true => Exit::Done,
        false => Exit::Usage,
    })
}

fn question(config: &Config, place: &Place) -> String {
    let whose = match place.file {
        AllowlistFile::Cluster => "for the whole cluster",
        AllowlistFile::Node => "for this node",
    };
    let approvals = crate::state::Store::new(&config.paths.state)
        .approved()
        .map_or(0, |approved| approved.len());
    let ended = match approvals {
        0 => String::new(),
        count => format!(" (approvals given on this node, {count}, end with it)"),
    };
    format!("install {} {whose}{ended}", place.path.display())
}

//! `time-shift allowlist`: the allowlist shown, compared, edited and installed.
mod edit;
mod effect;
mod install;
mod place;
mod show;

use std::path::Path;

use super::arguments::allowlist::{Allowlist, Install};
use super::confirm::confirmed;
use super::{Exit, Failure, complain, put};
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
    let by = By::new("allowlist install");
    offer(config, &place, &bytes, options.yes, &by)
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
}

impl<'a> By<'a> {
    fn new(command: &'a str) -> By<'a> {
        By {
            event: Event::AllowlistInstalled,
            vmid: None,
            profile: None,
            command,
        }
    }
}

/// Shows what becomes different, asks, and installs. The content must be a valid allowlist.
pub(super) fn offer(
    config: &Config,
    place: &Place,
    bytes: &[u8],
    yes: bool,
    by: &By<'_>,
) -> Result<Exit, Failure> {
    if place.bytes.as_deref() == Some(bytes) {
        put(&format!(
            "{} is like this already: nothing was changed.\n",
            place.path.display()
        ))?;
        return Ok(Exit::Done);
    }
    if bytes.len() > ALLOWLIST_LIMIT {
        return Err(Failure(format!(
            "{} would be larger than {ALLOWLIST_LIMIT} bytes and not be read any more: nothing was changed",
            place.path.display()
        )));
    }
    let new = parse_allowlist(bytes).map_err(|_| Failure("this is no valid allowlist".into()))?;
    put(&effect::text(config, place, &new))?;
    for warning in new.warnings() {
        complain(&format!("warning: {warning}"));
    }
    if !confirmed(yes, &question(config, place))? {
        return Ok(Exit::Usage);
    }
    install::install(config, place, bytes, by)?;
    put(&format!(
        "{} is installed, SHA-256 {}.\n",
        place.path.display(),
        crate::sources::sha256_hex(bytes)
    ))?;
    Ok(Exit::Done)
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

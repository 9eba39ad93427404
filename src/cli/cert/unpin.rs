//! `time-shift cert unpin`: a person takes a confirmation back.
use serde::Serialize;

use super::super::arguments::cert::Unpin as Options;
use super::super::confirm::confirmed;
use super::super::{Exit, Failure, complain, put, put_json};
use super::record;
use crate::audit::Event;
use crate::config::Config;
use crate::model::Peer;
use crate::sources::{pin_files, remove_pin};
use crate::voice::trail;

/// What was removed, as `--json` prints it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Unpinned<'a> {
    server: &'a Peer,
    removed: Vec<String>,
}

pub(super) fn run(config: &Config, options: &Options) -> Result<Exit, Failure> {
    let peer = &options.peer;
    let removed: Vec<String> = pin_files(config, peer)
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    if removed.is_empty() {
        complain(&format!("{peer} is not pinned"));
        return Ok(Exit::Failed);
    }
    let files = removed.join(" and ");
    let question = format!("Remove {files}, so that starts with the target cert:{peer} are denied");
    if !confirmed(options.yes, &question)? {
        return Ok(Exit::Usage);
    }
    unpin(config, peer, &files)?;
    match options.json {
        true => put_json(&Unpinned {
            server: peer,
            removed,
        })?,
        false => put(&format!("{peer} is no longer pinned\n"))?,
    }
    Ok(Exit::Done)
}

fn unpin(config: &Config, peer: &Peer, files: &str) -> Result<(), Failure> {
    let trail = trail(config)?;
    record(
        &trail,
        Event::CertUnpinned,
        peer,
        &format!("to be removed: {files}"),
    )?;
    if let Err(error) = remove_pin(config, peer) {
        record(
            &trail,
            Event::Note,
            peer,
            &format!("the pin was not removed: {error}"),
        )?;
        return Err(error.into());
    }
    Ok(())
}

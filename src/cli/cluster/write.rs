//! A change through the API: written down before it is asked for, and again with what came of it.
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use super::batch::Part;
use super::hosts::Asked;
use super::reach::Found;
use super::select::Selected;
use crate::api::{Error, Method, Path};
use crate::audit::{Event, Record, Trail};
use crate::cli::arguments::cluster::Changing;
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::{NodeName, Printable, VmId};
use crate::system::interrupted;
use crate::voice;

/// The trail, for all threads.
pub(super) struct Writer {
    trail: Mutex<Trail>,
}

/// A change that is going to be made.
pub(super) struct Change<'a> {
    pub(super) method: Method,
    pub(super) path: &'a Path,
    pub(super) parameters: &'a [(&'a str, &'a str)],
}

/// What became of one VM, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    vmid: VmId,
    node: Option<NodeName>,
    name: Option<Printable>,
    /// `done`, `dry-run`, `failed` or `not-begun`.
    result: &'static str,
    /// What was done, or why not.
    text: String,
}

impl Writer {
    pub(super) fn new(config: &Config) -> Result<Writer, Failure> {
        Ok(Writer {
            trail: Mutex::new(voice::trail(config)?),
        })
    }

    /// Makes a change and what belongs to it (`after` gets the answer). Nothing is asked for that cannot
    /// be written down.
    pub(super) fn make<T>(
        &self,
        asked: &Asked,
        found: &Found,
        change: &Change<'_>,
        after: impl FnOnce(Value) -> Result<(T, String), String>,
    ) -> Result<T, String> {
        let Change {
            method,
            path,
            parameters,
        } = change;
        let (api, guest) = (asked.api.as_ref(), &found.guest);
        let shown = api.shown(*method, path, parameters);
        let shown = format!("{shown} as {}", asked.identity);
        let record = |event, text: &str| Record {
            name: Some(&guest.name),
            text: Some(Printable::sentence(text)),
            ..Record::new(event, guest.vmid)
        };
        let announced = self
            .with(|trail| trail.announce(&record(Event::ApiIntent, &shown)))
            .map_err(|error| format!("not asked for, since it cannot be written down: {error}"))?;
        let done = api
            .call(*method, path, parameters)
            .map_err(|error: Error| error.to_string())
            .and_then(after);
        let text = match &done {
            Ok((_, text)) => text.clone(),
            Err(why) => format!("failed: {why}"),
        };
        let concluded =
            self.with(|trail| trail.conclude(&announced, &record(Event::ApiOutcome, &text)));
        if let Err(error) = concluded {
            complain(&format!(
                "VM {}: what came of it is not written down: {error}",
                guest.vmid
            ));
        }
        done.map(|(value, _)| value)
    }

    fn with<T>(&self, work: impl FnOnce(&Trail) -> T) -> T {
        work(&self.trail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Says what became of each VM, in the order in which they were named.
pub(super) fn tell(
    selected: &Selected,
    parts: Vec<Part<String>>,
    changing: &Changing,
    partly: bool,
) -> Result<Exit, Failure> {
    // Nothing is done by a dry run, which says what would be.
    let good = if changing.dry_run { "dry-run" } else { "done" };
    let mut rows: Vec<Row> = selected
        .found
        .iter()
        .zip(parts)
        .map(|(found, part)| {
            let (result, text) = match part {
                Part::Done(text) => (good, text),
                Part::Failed(why) => ("failed", why),
                Part::NotBegun => ("not-begun", "not begun".to_owned()),
            };
            Row {
                vmid: found.guest.vmid,
                node: Some(found.guest.node.clone()),
                name: Some(found.guest.name.clone()),
                result,
                text,
            }
        })
        .collect();
    // The last first, so that those before them stay where they are.
    for absent in selected.absent.iter().rev() {
        let row = Row {
            vmid: absent.vmid,
            node: None,
            name: None,
            result: "failed",
            text: absent.why.to_owned(),
        };
        rows.insert(absent.after.min(rows.len()), row);
    }
    let count = |result: &str| rows.iter().filter(|row| row.result == result).count();
    let (done, failed, left) = (count(good), count("failed"), count("not-begun"));
    if changing.json {
        put_json(&rows)?;
    } else {
        for row in &rows {
            let line = format!("VM {}: {}\n", row.vmid, row.text);
            match row.result {
                "done" | "dry-run" => put(&line)?,
                _ => complain(&line.trim_end()),
            }
        }
    }
    if interrupted() {
        complain(&"ended by a signal");
    }
    if failed > 0 || left > 0 {
        complain(&format!("{done} done, {failed} failed, {left} not begun"));
    } else if rows.is_empty() {
        complain(&"no VM is meant by that, so nothing was done");
    }
    Ok(super::exit(
        failed > 0 || left > 0 || partly || rows.is_empty(),
    ))
}

//! `time-shift allowlist show` and `diff`.
use std::path::Path;

use serde::Serialize;

use super::complain_of;
use super::effect::Answer;
use super::place::Place;
use crate::allowlist::{Allowlist, difference};
use crate::cli::arguments::allowlist::{Diff, Show, Which};
use crate::cli::{Exit, Failure, complain, put, put_json};
use crate::config::Config;
use crate::model::Printable;
use crate::sources::{ALLOWLIST_LIMIT, AllowlistFile, counts, parse_allowlist};
use crate::system::{self, Trust};

/// A file, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    file: &'a Path,
    sha256: Option<String>,
    counts: bool,
    why: String,
    valid: bool,
    text: String,
}

pub(super) fn show(config: &Config, options: &Show) -> Result<Exit, Failure> {
    let place = Place::of(config, options.which)?;
    let (counting, reason) = counts(config);
    let Some(bytes) = &place.bytes else {
        return Err(Failure(format!("{} is not there", place.path.display())));
    };
    let why = match counting == place.file {
        true => format!("it counts: {reason}"),
        false => format!(
            "it does not count: {} does",
            counting.path(config).display()
        ),
    };
    let shown = Shown {
        file: &place.path,
        sha256: place.sha256(),
        counts: counting == place.file,
        why,
        valid: parse_allowlist(bytes).is_ok(),
        text: safe(bytes),
    };
    if options.json {
        put_json(&shown)?;
        return Ok(Exit::Done);
    }
    // Beside the text, so that that can be redirected into a file.
    complain(&format!(
        "{}, SHA-256 {}: {}",
        shown.file.display(),
        shown.sha256.unwrap_or_default(),
        shown.why
    ));
    if let Err(findings) = parse_allowlist(bytes) {
        complain_of(&place.path, &findings);
    }
    put(&shown.text)?;
    Ok(Exit::Done)
}

/// The text line by line; of a valid file nothing becomes different but what could disturb a terminal in a
/// comment.
fn safe(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let is_safe = |c: char| !c.is_control() || c == '\n' || c == '\t' || c == '\r';
    match text.chars().all(is_safe) {
        true => text.into_owned(),
        false => text
            .lines()
            .map(|line| format!("{}\n", Printable::sentence(line)))
            .collect(),
    }
}

pub(super) fn diff(config: &Config, options: &Diff) -> Result<Exit, Failure> {
    let sides = match &options.file {
        Some(file) => with_file(config, options.which, file)?,
        None => with_the_other(config)?,
    };
    let Some(((old_name, old), (new_name, new))) = sides else {
        return Ok(Exit::Failed);
    };
    for warning in new.warnings() {
        complain(&format!("warning: {new_name}: {warning}"));
    }
    let answer = Answer::new(config, difference(&old, &new), old_name, new_name);
    if options.json {
        put_json(&answer)?;
    } else {
        put(&answer.text())?;
    }
    Ok(Exit::Done)
}

type Sides = Option<((String, Allowlist), (String, Allowlist))>;

fn with_file(config: &Config, which: Which, file: &Path) -> Result<Sides, Failure> {
    let place = Place::of(config, which)?;
    let bytes = system::read(file, Trust::Data, ALLOWLIST_LIMIT)?;
    let new = match parse_allowlist(&bytes) {
        Ok(new) => new,
        Err(findings) => {
            complain_of(file, &findings);
            return Ok(None);
        }
    };
    let (old, why) = Place::before(config);
    if let Some(deny) = why {
        complain(&format!("nothing is allowed now: {}", deny.text));
    }
    let counting = counts(config).0.path(config).display().to_string();
    if !place.will_count(config) {
        complain(&format!(
            "{} would not count: {counting} does",
            place.path.display()
        ));
        return Ok(Some(((counting.clone(), old.clone()), (counting, old))));
    }
    let name = file.display().to_string();
    Ok(Some(((counting, old), (name, new))))
}

/// This node's file and the cluster's.
fn with_the_other(config: &Config) -> Result<Sides, Failure> {
    let mut sides = Vec::new();
    for file in [AllowlistFile::Node, AllowlistFile::Cluster] {
        let which = Which {
            cluster: file == AllowlistFile::Cluster,
            local: file == AllowlistFile::Node,
        };
        let place = Place::of(config, which)?;
        let Some(bytes) = &place.bytes else {
            return Err(Failure(format!(
                "{} is not there, so there is nothing to compare; name a FILE",
                place.path.display()
            )));
        };
        match parse_allowlist(bytes) {
            Ok(list) => sides.push((place.path.display().to_string(), list)),
            Err(findings) => {
                complain_of(&place.path, &findings);
                return Ok(None);
            }
        }
    }
    let mut sides = sides.into_iter();
    Ok(sides.next().zip(sides.next()))
}

//! `time-shift version`: which program this is, and the formats that it knows.
use serde::Serialize;

use super::arguments::Version;
use super::snippet;
use super::{Exit, Failure, put, put_json};

/// As `--json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    name: &'static str,
    version: &'static str,
    /// The version of the allowlist's format.
    allowlist: u32,
    /// The version of the snippet that `install-hook` copies.
    snippet: Option<u32>,
    architecture: &'static str,
}

pub(super) fn run(options: &Version) -> Result<Exit, Failure> {
    let answer = Answer {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
        allowlist: 1,
        snippet: snippet::version(),
        architecture: std::env::consts::ARCH,
    };
    if options.json {
        put_json(&answer)?;
    } else {
        put(&format!("{} {}\n", answer.name, answer.version))?;
    }
    Ok(Exit::Done)
}

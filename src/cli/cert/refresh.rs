//! `time-shift cert refresh`: whether servers still show what was pinned.
use std::path::PathBuf;
use std::time::Duration;

use super::super::arguments::cert::Refresh as Options;
use super::super::{Exit, Failure, complain, put, put_json};
use super::outcome::{Outcome, State};
use super::pin::{is_same, offer};
use super::{AT_ONCE, LIMIT, ask_all, record};
use crate::audit::Event;
use crate::cert::{Depth, Reading, read};
use crate::config::Config;
use crate::model::{Peer, Pin};
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{is_pinned_here_only, load_pin, pin_path, pinned_peers};
use crate::voice::trail;

pub(super) fn run(config: &Config, options: &Options) -> Result<Exit, Failure> {
    let peers = match options.peers.is_empty() {
        true => pinned_peers(config)?,
        false => options.peers.clone(),
    };
    let json = options.json;
    if peers.is_empty() && !json {
        put("No certificate is pinned.\n")?;
    }
    let mut worst = Exit::Done;
    let mut outcomes = Vec::new();
    let ask = |peer: &Peer| read(peer, Depth::Certificates, LIMIT);
    for (peer, reading) in ask_all(&peers, AT_ONCE, ask) {
        let outcome = match (load_pin(config, peer), reading) {
            (Err(why), _) => {
                complain(&why);
                Outcome::no_pin(peer, why)
            }
            (Ok(None), _) => {
                let why = format!("{peer} is not pinned; run: time-shift cert pin {peer}");
                complain(&why);
                Outcome::no_pin(peer, why)
            }
            (Ok(Some(_)), Err(error)) => {
                complain(&format!("{peer}: {error}; its pin stays as it is"));
                Outcome::unread(peer, &error)
            }
            (Ok(Some(pin)), Ok(reading)) => {
                let (state, why) = compare(config, peer, &pin, &reading, options)?;
                Outcome::of(peer, &reading, state).because(why)
            }
        };
        worst = match (worst, outcome.exit) {
            (Exit::Failed, _) | (_, Exit::Done) => worst,
            (_, other) => other,
        };
        outcomes.push(outcome);
    }
    if json {
        put_json(&outcomes)?;
    }
    Ok(worst)
}

fn compare(
    config: &Config,
    peer: &Peer,
    pin: &Pin,
    reading: &Reading,
    options: &Options,
) -> Result<(State, Option<String>), Failure> {
    if is_same(pin, reading) {
        if !options.json {
            put(&format!("{peer} shows what was pinned on {}\n", pin.pinned))?;
        }
        let here_only = is_pinned_here_only(config, peer).then(|| {
            format!(
                "{peer} is pinned on this node only, and the allowlist is the cluster's: time-shift cert pin \
                 {peer}"
            )
        });
        if let Some(text) = &here_only {
            complain(text);
        }
        return Ok((State::AsPinned, here_only));
    }
    let text = change(pin, reading);
    record(&trail(config)?, Event::CertMismatch, peer, &text)?;
    complain(&format!("{peer}: {text}"));
    // What cannot be pinned keeps no other server's change from being told.
    match offer(config, peer, reading, options.yes, options.json) {
        Ok(state) => Ok((state, Some(text))),
        Err(Failure(why)) => {
            complain(&format!("{peer}: {why}; its pin stays as it is"));
            Ok((State::Another, Some(format!("{text}; {why}"))))
        }
    }
}

/// What is another.
fn change(pin: &Pin, reading: &Reading) -> String {
    match pin.sha256.first() {
        Some(pinned) if *pinned != reading.leaf.sha256 => format!(
            "it shows another certificate than was pinned on {}: SHA-256 {} instead of {}",
            pin.pinned, reading.leaf.sha256, pinned
        ),
        _ => format!(
            "it shows the certificate that was pinned on {}, with other certificates beside it",
            pin.pinned
        ),
    }
}

/// How long `check` asks a pinned server, and how many it asks at once.
const CHECK_LIMIT: Duration = Duration::from_secs(3);
const CHECK_AT_ONCE: usize = 32;

/// What `check` finds: pinned servers that show another certificate by now. One that cannot be reached
/// is nothing to report: it may be switched off.
pub(in crate::cli) fn changed_pins(config: &Config) -> Vec<Finding> {
    // The place is told by itself.
    let unusable = |file: PathBuf, text: String| Finding {
        severity: Severity::Error,
        code: Code::PinUnusable,
        text: match text.strip_prefix(&format!("{}: ", file.display())) {
            Some(rest) => rest.to_owned(),
            None => text,
        },
        place: Place::Path { file },
    };
    let peers = match pinned_peers(config) {
        Ok(peers) => peers,
        Err(error) => return vec![unusable(error.path.clone(), error.to_string())],
    };
    let ask = |peer: &Peer| read(peer, Depth::Certificates, CHECK_LIMIT);
    let asked = ask_all(&peers, CHECK_AT_ONCE, ask).into_iter();
    let found = asked.filter_map(|(peer, reading)| match (load_pin(config, peer), reading) {
        (Err(why), _) => Some(unusable(pin_path(config, peer), why)),
        (Ok(Some(pin)), Ok(reading)) if !is_same(&pin, &reading) => Some(Finding {
            severity: Severity::Warning,
            code: Code::CertificateChanged,
            place: Place::Path {
                file: pin_path(config, peer),
            },
            text: format!(
                "{peer}: {}; if it is meant: time-shift cert refresh {peer}",
                change(&pin, &reading)
            ),
        }),
        _ => None,
    });
    found.collect()
}

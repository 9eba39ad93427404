//! `time-shift cert refresh`: whether servers still show what was pinned.
use std::time::Duration;

use super::super::arguments::cert::Refresh as Options;
use super::super::{Exit, Failure, complain, put};
use super::pin::{is_same, offer};
use super::{LIMIT, exit_of, read_all};
use crate::audit::{Event, Record};
use crate::cert::{Depth, Reading};
use crate::config::Config;
use crate::model::{ClockTarget, Peer, Pin, Printable};
use crate::report::{Code, Finding, Place, Severity};
use crate::sources::{load_pin, pin_path, pinned_peers};
use crate::voice::trail;

pub(super) fn run(config: &Config, options: &Options) -> Result<Exit, Failure> {
    let peers = match options.peers.is_empty() {
        true => pinned_peers(config)?,
        false => options.peers.clone(),
    };
    if peers.is_empty() {
        put("No certificate is pinned.\n")?;
        return Ok(Exit::Done);
    }
    let mut worst = Exit::Done;
    for (peer, reading) in read_all(&peers, Depth::Certificates, LIMIT) {
        let exit = match (load_pin(config, peer), reading) {
            (Err(why), _) => {
                complain(&why);
                Exit::Failed
            }
            (Ok(None), _) => {
                complain(&format!(
                    "{peer} is not pinned; run: time-shift cert pin {peer}"
                ));
                Exit::Failed
            }
            (Ok(Some(_)), Err(error)) => {
                complain(&format!("{peer}: {error}; its pin stays as it is"));
                exit_of(&error)
            }
            (Ok(Some(pin)), Ok(reading)) => compare(config, peer, &pin, &reading, options.yes)?,
        };
        worst = match (worst, exit) {
            (Exit::Failed, _) | (_, Exit::Done) => worst,
            (_, other) => other,
        };
    }
    Ok(worst)
}

fn compare(
    config: &Config,
    peer: &Peer,
    pin: &Pin,
    reading: &Reading,
    yes: bool,
) -> Result<Exit, Failure> {
    if is_same(pin, reading) {
        put(&format!("{peer} shows what was pinned on {}\n", pin.pinned))?;
        return Ok(Exit::Done);
    }
    let text = change(pin, reading);
    trail(config)?.record(&Record {
        target: Some(&ClockTarget::Certificate(peer.clone())),
        text: Some(Printable::sentence(&text)),
        ..Record::of_node(Event::CertMismatch)
    })?;
    complain(&format!("{peer}: {text}"));
    Ok(match offer(config, peer, reading, yes)? {
        true => Exit::Done,
        false => Exit::Failed,
    })
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

/// How long `check` asks a pinned server, and how many it asks.
const CHECK_LIMIT: Duration = Duration::from_secs(3);
const CHECK_COUNT: usize = 16;

/// What `check` finds: pinned servers that show another certificate by now. One that cannot be reached
/// is nothing to report: it may be switched off.
pub(in crate::cli) fn changed_pins(config: &Config) -> Vec<Finding> {
    let mut peers = pinned_peers(config).unwrap_or_default();
    peers.truncate(CHECK_COUNT);
    let mut found = Vec::new();
    let mut add = |peer: &Peer, severity, code, text: String| {
        found.push(Finding {
            severity,
            code,
            place: Place::Path {
                file: pin_path(config, peer),
            },
            text,
        });
    };
    for (peer, reading) in read_all(&peers, Depth::Certificates, CHECK_LIMIT) {
        match (load_pin(config, peer), reading) {
            (Err(why), _) => add(peer, Severity::Error, Code::PinUnusable, why),
            (Ok(Some(pin)), Ok(reading)) if !is_same(&pin, &reading) => {
                let text = change(&pin, &reading);
                add(
                    peer,
                    Severity::Warning,
                    Code::CertificateChanged,
                    format!("{peer}: {text}; if it is meant: time-shift cert refresh {peer}"),
                );
            }
            _ => {}
        }
    }
    found
}

//! `time-shift cert pin`: a person confirms a server's certificate.
use super::super::arguments::cert::Pin as Options;
use super::super::confirm::confirmed;
use super::super::{Exit, Failure, complain, put, put_json};
use super::outcome::{Outcome, State};
use super::show::windows_of;
use super::{LIMIT, record, text};
use crate::audit::Event;
use crate::cert::{Depth, Reading, common, read};
use crate::config::Config;
use crate::model::{Peer, Pin, Validity};
use crate::sources::{is_pinned_here_only, load_pin, save_pin};
use crate::system;
use crate::voice::trail;

pub(super) fn run(config: &Config, options: &Options) -> Result<Exit, Failure> {
    let outcome = pin(config, options)?;
    if options.json {
        put_json(&outcome)?;
    }
    Ok(match outcome.state {
        State::NotAgreed => Exit::Usage,
        _ => outcome.exit,
    })
}

fn pin<'a>(config: &Config, options: &'a Options) -> Result<Outcome<'a>, Failure> {
    let (peer, json) = (&options.peer, options.json);
    let reading = match read(peer, Depth::Certificates, LIMIT) {
        Ok(reading) => reading,
        Err(error) => {
            complain(&format!("{peer}: {error}; nothing was pinned"));
            return Ok(Outcome::unread(peer, &error));
        }
    };
    // One that is of no use is replaced.
    let known = load_pin(config, peer).unwrap_or_default();
    let shown = reading.leaf.sha256;
    if let Some(expected) = options.sha256.filter(|expected| *expected != shown) {
        let text = format!(
            "{peer} shows a certificate with SHA-256 {}, not {}; nothing was pinned",
            shown.with_colons(),
            expected.with_colons()
        );
        complain(&text);
        return Ok(Outcome::of(peer, &reading, State::Another).because(Some(text)));
    }
    let is_known = known.is_some_and(|known| is_same(&known, &reading));
    if is_known && !is_pinned_here_only(config, peer) {
        if !json {
            put(&format!(
                "{peer} shows what is pinned already: SHA-256 {}\n",
                shown.with_colons()
            ))?;
        }
        return Ok(Outcome::of(peer, &reading, State::AsPinned));
    }
    let yes = options.yes || options.sha256.is_some();
    let state = offer(config, peer, &reading, yes, json)?;
    Ok(Outcome::of(peer, &reading, state))
}

/// Whether a server shows what was pinned.
pub(super) fn is_same(pin: &Pin, reading: &Reading) -> bool {
    reading
        .chain()
        .map(|certificate| certificate.sha256)
        .eq(pin.sha256.iter().copied())
}

/// Shows what would be pinned, asks, and pins it.
pub(super) fn offer(
    config: &Config,
    peer: &Peer,
    reading: &Reading,
    yes: bool,
    json: bool,
) -> Result<State, Failure> {
    let validity = common(&windows_of(peer, reading))?;
    let date = validity.date(Validity::MARGIN);
    let shown = format!("{peer}\n{}", text::to_pin(reading, &validity, date));
    match (json, yes) {
        (false, _) => put(&shown)?,
        (true, false) => complain(&shown.trim_end()),
        (true, true) => {}
    }
    if !confirmed(yes, &format!("Pin this certificate for cert:{peer}"))? {
        return Ok(State::NotAgreed);
    }
    let trail = trail(config)?;
    let pin = Pin {
        version: Pin::VERSION,
        peer: peer.clone(),
        sha256: reading
            .chain()
            .map(|certificate| certificate.sha256)
            .collect(),
        subject: reading.leaf.subject.clone(),
        validity,
        pinned: system::now()?.real,
        by: trail.actor().actor.clone(),
    };
    // Written down first: a pin that nobody is known to have made must not be there.
    let text = format!(
        "SHA-256 {} of {}, valid from {validity}",
        reading.leaf.sha256, reading.leaf.subject
    );
    record(&trail, Event::CertPinned, peer, &text)?;
    let path = match save_pin(config, &pin) {
        Ok(path) => path,
        Err(error) => {
            record(
                &trail,
                Event::Note,
                peer,
                &format!("the pin was not kept: {error}"),
            )?;
            return Err(error.into());
        }
    };
    if !json {
        put(&format!("Pinned in {}\n", path.display()))?;
    }
    Ok(State::Pinned)
}

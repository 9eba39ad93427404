//! `time-shift cert`: what servers show, and what is confirmed of it.
mod outcome;
mod pin;
mod refresh;
mod show;
mod text;
mod unpin;

use std::time::Duration;

use super::arguments::cert::{Action, Cert};
use super::{Exit, Failure};
use crate::audit::{Event, Record, Trail};
use crate::cert::ReadError;
use crate::config::Config;
use crate::model::{ClockTarget, Peer, Printable};

pub(super) use refresh::changed_pins;

/// Longest that a server is asked.
const LIMIT: Duration = Duration::from_secs(10);

/// How many servers are asked at once.
const AT_ONCE: usize = 8;

pub(super) fn run(config: &Config, options: &Cert) -> Result<Exit, Failure> {
    match &options.action {
        None => show::run(&options.show),
        Some(Action::Pin(options)) => pin::run(config, options),
        Some(Action::Refresh(options)) => refresh::run(config, options),
        Some(Action::Unpin(options)) => unpin::run(config, options),
    }
}

/// Asks several servers, so many at once, in their order.
fn ask_all<T: Send>(
    peers: &[Peer],
    at_once: usize,
    ask: impl Fn(&Peer) -> Result<T, ReadError> + Sync,
) -> Vec<(&Peer, Result<T, ReadError>)> {
    let mut all = Vec::with_capacity(peers.len());
    for some in peers.chunks(at_once) {
        std::thread::scope(|scope| {
            let asked: Vec<_> = some.iter().map(|peer| scope.spawn(|| ask(peer))).collect();
            for (peer, asked) in some.iter().zip(asked) {
                let crashed = || Err(ReadError::Host("reading it ended in a bug".to_owned()));
                all.push((peer, asked.join().unwrap_or_else(|_| crashed())));
            }
        });
    }
    all
}

/// Writes down what happens to a server's pin.
fn record(trail: &Trail, event: Event, peer: &Peer, text: &str) -> Result<(), Failure> {
    trail.record(&Record {
        target: Some(&ClockTarget::Certificate(peer.clone())),
        text: Some(Printable::sentence(text)),
        ..Record::of_node(event)
    })?;
    Ok(())
}

/// The exit code for a server that was not read.
fn exit_of(error: &ReadError) -> Exit {
    match error.is_unreachable() {
        true => Exit::Unreachable,
        false => Exit::Failed,
    }
}

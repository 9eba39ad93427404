//! The guest's clock against the host's, by a plain client of an agent of its own.
use std::path::Path;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

#[path = "../../support/agent.rs"]
#[allow(dead_code, unreachable_pub)]
mod agent;

pub(super) use agent::TestAgent;

/// How often the clock is read for one measurement; the reading with the shortest round trip counts.
const READINGS: usize = 50;

/// Guest minus host, in milliseconds, and half of the round trip in which it was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Error {
    pub(super) left: f64,
    pub(super) known_to: f64,
}

/// The session with a guest's second agent.
pub(super) struct Second(TestAgent);

impl Second {
    pub(super) fn connect(path: &Path) -> Second {
        Second(TestAgent::connect(path))
    }

    /// Moves the guest's clock to so far from the host's.
    pub(super) fn disturb(&mut self, by: Duration) {
        let to = Timestamp::now() - SignedDuration::try_from(by).unwrap();
        let answer = self.0.set_time(to);
        assert!(answer.get("error").is_none(), "{answer}");
        let off = self.error().left.abs();
        assert!(off > 500.0, "the clock was not moved: {off} ms");
    }

    /// What the clock shows, against the host's in the middle between question and answer.
    pub(super) fn error(&mut self) -> Error {
        let readings = (0..READINGS).map(|_| {
            let asked = Timestamp::now().as_nanosecond();
            let guest = i128::from(self.0.get_time());
            let told = Timestamp::now().as_nanosecond();
            (told - asked, guest - (asked + told) / 2)
        });
        let (round_trip, left) = readings.min_by_key(|reading| reading.0).unwrap();
        Error {
            left: millis(left),
            known_to: millis(round_trip) / 2.0,
        }
    }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn millis(nanos: i128) -> f64 {
    nanos as f64 / 1e6
}

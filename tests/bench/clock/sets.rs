//! `time-shift sync` and `virsh domtime --now` in turn: the error left, and the time taken.
use std::thread;
use std::time::Duration;

use super::files::Rule;
use super::ours;
use super::theirs;
use super::truth::{Error, Second, millis};
use crate::rounds::Random;

/// How often each of the two sets a clock.
const BOTH: usize = 20;
/// How often time-shift does in all.
const OURS: usize = 100;

/// What a set came to.
pub(super) struct Set {
    pub(super) took: Duration,
    pub(super) error: Error,
    /// The error and how well it is known as the program itself wrote them down.
    pub(super) own: Option<Error>,
}

/// What all of them came to.
pub(super) struct Sets {
    pub(super) ours: Vec<Set>,
    /// Those that took turns with virsh come first.
    pub(super) compared: usize,
    /// Or why there are none.
    pub(super) theirs: Result<Vec<Set>, String>,
}

/// Measures.
pub(super) fn measure() -> Sets {
    Rule::Now.enforce();
    ours::launch();
    let mut our_guest = ours::second();
    let mut their_guest = theirs::start();
    let mut random = Random::NEW;
    let mut sets = Sets {
        ours: Vec::new(),
        compared: BOTH,
        theirs: their_guest
            .as_ref()
            .map(|_| Vec::new())
            .map_err(Clone::clone),
    };
    for number in 0..OURS {
        sets.ours.push(ours_once(&mut our_guest, &mut random));
        if let (true, Ok(guest), Ok(theirs)) = (number < BOTH, &mut their_guest, &mut sets.theirs) {
            disturb(guest, &mut random);
            let took = theirs::set_now();
            let error = guest.error();
            let own = None;
            theirs.push(Set { took, error, own });
        }
    }
    drop(our_guest);
    ours::end();
    theirs::end();
    sets
}

fn ours_once(guest: &mut Second, random: &mut Random) -> Set {
    disturb(guest, random);
    let took = ours::timed(ours::PROGRAM, &["sync", "100"]).0;
    let error = guest.error();
    let keep = ours::keep().expect("sync writes down what came of it");
    let field = |name: &str| millis(keep["agent"][name].as_i64().unwrap().into());
    let own = Error {
        left: field("error-ns"),
        known_to: field("uncertainty-ns"),
    };
    let own = Some(own);
    Set { took, error, own }
}

/// Moves the clock 2 to 5 s back, and waits for up to a second: whoever sets the clock right after that
/// would always do so at the same part of a second, which hwclock has just waited for.
fn disturb(guest: &mut Second, random: &mut Random) {
    guest.disturb(Duration::from_micros(2_000_000 + random.up_to(3_000_000)));
    thread::sleep(Duration::from_micros(random.up_to(1_000_000)));
}

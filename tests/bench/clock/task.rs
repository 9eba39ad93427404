//! How long the task of a start is held: post-start with and without an agent stage, in turn.
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use super::files::Rule;
use super::ours;
use super::worker;
use crate::files;
use crate::rounds::Random;

/// How often each runs.
const ROUNDS: usize = 40;

const NOTE: &str = "/run/time-shift/100.json";

/// The times of post-start.
pub(super) struct Tasks {
    pub(super) rtc: Vec<Duration>,
    pub(super) agent: Vec<Duration>,
}

/// Measures on one guest, whose note is put back before each run.
pub(super) fn measure() -> Tasks {
    let mut notes = Vec::new();
    for rule in [Rule::Rtc, Rule::Agent] {
        rule.enforce();
        ours::hook("pre-start");
        notes.push((rule, fs::read(NOTE).unwrap()));
    }
    ours::launch();
    drop(ours::second());
    let mut tasks = Tasks {
        rtc: Vec::new(),
        agent: Vec::new(),
    };
    let mut random = Random::NEW;
    for _ in 0..ROUNDS {
        if random.up_to(2) == 1 {
            notes.reverse();
        }
        for (rule, note) in &notes {
            rule.enforce();
            ours::forget();
            files::put_note(NOTE, note);
            let took = ours::hook("post-start");
            if *rule == Rule::Agent {
                tasks.agent.push(took);
                finished();
            } else {
                tasks.rtc.push(took);
            }
        }
    }
    ours::end();
    tasks
}

/// Waits until this run's worker, which may not have begun yet, has done its work and is gone.
fn finished() {
    let begun = Instant::now();
    while ours::keep().is_none_or(|keep| keep["stage"] != "kept") || worker::find().is_some() {
        assert!(begun.elapsed() < ours::LIMIT, "{:?}", ours::keep());
        thread::sleep(Duration::from_millis(20));
    }
}

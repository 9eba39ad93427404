//! Starts, from the agent's first answer to the moment at which the clock is verified.
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::files::Rule;
use super::ours;
use super::truth::TestAgent;
use super::worker;
use crate::rounds::Random;

/// How often VM 100 is started.
const STARTS: usize = 10;
/// How many bare requests to set the clock follow each start.
const BARE: usize = 3;

/// What the starts came to.
pub(super) struct Starts {
    /// From the agent's first answer to whomever until the state says that the clock is kept.
    pub(super) verified: Vec<Duration>,
    /// One guest-set-time of a guest that has had others, from the request to the answer.
    pub(super) bare: Vec<Duration>,
    /// The first one after a boot: the guest has never run hwclock, nor QEMU translated it.
    pub(super) first: Vec<Duration>,
    /// The largest resident memory of a worker, in KiB.
    pub(super) memory: u64,
}

/// Measures.
pub(super) fn measure() -> Starts {
    let mut starts = Starts {
        verified: Vec::new(),
        bare: Vec::new(),
        first: Vec::new(),
        memory: 0,
    };
    let mut random = Random::NEW;
    for number in 1..=STARTS {
        // The last worker stays for a second look.
        let rule = if number < STARTS {
            Rule::Agent
        } else {
            Rule::Held
        };
        rule.enforce();
        ours::hook("pre-start");
        ours::launch();
        ours::hook("post-start");
        starts.verified.push(until_kept(&mut starts.memory));
        starts.bare.extend(bare(&mut random, BARE));
        while let Some(pid) = worker::find() {
            starts.memory = starts.memory.max(worker::peak(pid).unwrap_or(0));
            thread::sleep(Duration::from_millis(5));
        }
        ours::end();
    }
    for _ in 0..STARTS {
        ours::launch();
        starts.first.extend(bare(&mut random, 1));
        ours::end();
    }
    starts
}

/// QEMU writes each byte that comes from the agent to a file, whoever it is for.
fn until_kept(memory: &mut u64) -> Duration {
    let pid = worker::find();
    let begun = Instant::now();
    let mut answered = None;
    loop {
        if answered.is_none() && fs::metadata(ours::SAID).is_ok_and(|said| said.len() > 0) {
            answered = Some(Instant::now());
        }
        let peak = pid.and_then(worker::peak).unwrap_or(0);
        *memory = peak.max(*memory);
        let keep = ours::keep().unwrap_or_default();
        if keep["stage"] == "kept" {
            return answered.expect("an agent has answered").elapsed();
        }
        let goes_on = keep["stage"].is_null() || keep["stage"] == "waiting";
        assert!(goes_on && begun.elapsed() < ours::LIMIT, "{keep}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The duration depends on the part of the second at which the request comes, since hwclock may wait.
fn bare(random: &mut Random, count: usize) -> Vec<Duration> {
    let mut agent = TestAgent::connect(Path::new(ours::AGENT));
    let once = |_| {
        thread::sleep(Duration::from_micros(random.up_to(1_000_000)));
        let begun = Instant::now();
        agent.set_time(Timestamp::now());
        begun.elapsed()
    };
    (0..count).map(once).collect()
}

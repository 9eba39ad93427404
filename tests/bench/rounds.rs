//! Runs the contenders in turn, in another order each round, so that whatever drifts hits all alike.
use std::time::Duration;

use crate::contender::{Contender, Duty};
use crate::instructions;
use crate::peak;
use crate::summary::Samples;

/// What was measured of a contender.
pub(crate) struct Cost {
    pub(crate) duty: Duty,
    pub(crate) program: &'static str,
    pub(crate) time: Samples,
    /// In KiB.
    pub(crate) peak: Option<u64>,
    pub(crate) instructions: Option<u64>,
}

/// Measures all of them.
pub(crate) fn measure(contenders: &[Contender], rounds: usize) -> Vec<Cost> {
    let mut times: Vec<Vec<Duration>> = contenders.iter().map(|_| Vec::new()).collect();
    run(contenders, rounds, |number| {
        times[number].push(contenders[number].time());
    });
    costs(contenders, &times)
}

/// Calls `once` with the number of each contender, prepared, in shuffled rounds.
pub(crate) fn run(contenders: &[Contender], rounds: usize, mut once: impl FnMut(usize)) {
    let mut order: Vec<usize> = (0..contenders.len()).collect();
    let mut random = Random::NEW;
    for round in 0..rounds {
        for last in (1..order.len()).rev() {
            order.swap(last, random.below(last + 1));
        }
        for number in &order {
            let contender = &contenders[*number];
            if round % contender.each == 0 {
                contender.prepare();
                once(*number);
            }
        }
    }
}

/// Adds to the times what is measured apart from them.
pub(crate) fn costs(contenders: &[Contender], times: &[Vec<Duration>]) -> Vec<Cost> {
    let both = contenders.iter().zip(times);
    both.map(|(contender, times)| Cost {
        duty: contender.duty,
        program: contender.program,
        time: Samples::new(times),
        peak: peak::of(contender),
        instructions: instructions::of(contender),
    })
    .collect()
}

/// Marsaglia's xorshift64: the order need not be secret, only mixed, and the same in each bench.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const NEW: Random = Random(0x9e37_79b9_7f4a_7c15);

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.up_to(u64::try_from(limit).unwrap())).unwrap()
    }

    /// A number below `limit`.
    pub(crate) fn up_to(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

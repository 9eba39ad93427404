//! The same for many VMs: in parallel as far as each host's connections go, in order in the results.
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::hosts::Asked;
use super::reach::{Found, Reach};
use crate::system::{heed_interrupts, interrupted};

/// What became of a VM's part.
#[derive(Debug)]
pub(super) enum Part<T> {
    Done(T),
    Failed(String),
    /// The end came before its turn.
    NotBegun,
}

/// Does `work` for each VM. After Ctrl-C, or with `fail_fast` after a failure, no further one is begun;
/// what was begun is finished.
pub(super) fn run<T: Send>(
    reach: &Reach,
    found: &[Found],
    fail_fast: bool,
    work: impl Fn(&Asked, &Found) -> Result<T, String> + Sync,
) -> Vec<Part<T>> {
    heed_interrupts();
    let parts: Mutex<Vec<Part<T>>> = Mutex::new(found.iter().map(|_| Part::NotBegun).collect());
    let stop = AtomicBool::new(false);
    let progress = Progress::new(found.len());
    // Each host has a line of its own, so that a slow one keeps nobody else waiting.
    let lines = reach.asked.iter().enumerate().map(|(place, asked)| {
        let own = found
            .iter()
            .enumerate()
            .filter(|(_, one)| one.asked == place);
        (asked, own.collect::<Vec<_>>(), AtomicUsize::new(0))
    });
    let lines: Vec<_> = lines.collect();
    std::thread::scope(|scope| {
        for (asked, own, next) in &lines {
            for _ in 0..asked.api.lanes().min(own.len()) {
                scope.spawn(|| {
                    while let Some((place, one)) = own.get(next.fetch_add(1, Ordering::Relaxed)) {
                        if stop.load(Ordering::Relaxed) || interrupted() {
                            return;
                        }
                        let part = match work(asked, one) {
                            Ok(value) => Part::Done(value),
                            Err(why) => {
                                stop.fetch_or(fail_fast, Ordering::Relaxed);
                                Part::Failed(why)
                            }
                        };
                        let mut parts = parts.lock().unwrap_or_else(PoisonError::into_inner);
                        if let Some(slot) = parts.get_mut(*place) {
                            *slot = part;
                        }
                        drop(parts);
                        progress.step();
                    }
                });
            }
        }
    });
    progress.end();
    parts.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// How far it is, on a terminal only.
struct Progress {
    shown: bool,
    done: AtomicUsize,
    all: usize,
}

impl Progress {
    fn new(all: usize) -> Progress {
        Progress {
            shown: all > 1 && std::io::stderr().is_terminal(),
            done: AtomicUsize::new(0),
            all,
        }
    }

    fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        if self.shown {
            const WIDTH: usize = 30;
            let filled = done
                .saturating_mul(WIDTH)
                .checked_div(self.all)
                .unwrap_or(0);
            let bar = format!("{:<WIDTH$}", "#".repeat(filled));
            let _ = write!(std::io::stderr(), "\r[{bar}] {done}/{}", self.all);
        }
    }

    fn end(&self) {
        if self.shown {
            // The line is empty again.
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

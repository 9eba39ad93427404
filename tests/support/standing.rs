//! A hook that is held at a chosen moment of its post-start, so that something else can happen then.
use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;

use super::strace::{PAUSE_LIMIT, traced};
use super::world::World;

/// A hook that stands still under strace at its `when`th `sendto`.
#[derive(Debug)]
pub struct Standing {
    strace: Child,
    /// The hook itself.
    pub hook: Pid,
}

impl Standing {
    /// Runs post-start until its `when`th `sendto`, from 1, which is held up by `delay`.
    #[track_caller]
    pub fn at_send(world: &World, when: usize, delay: Duration) -> Standing {
        let delay = delay.as_micros();
        let inject = format!("sendto:delay_enter={delay}:when={when}");
        // Its end is waited for in `end` and `abandon`.
        #[allow(clippy::zombie_processes)]
        let strace = traced(world, &inject, "post-start")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let begun = Instant::now();
        loop {
            let name =
                |pid: &Pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            let pid = Pid::from_raw(i32::try_from(strace.id()).unwrap());
            if let Some(hook) = children(pid).first() {
                if name(hook).starts_with("time-shift") {
                    return Standing {
                        strace,
                        hook: *hook,
                    };
                }
            }
            assert!(begun.elapsed() < PAUSE_LIMIT, "the hook does not start");
            sleep(Duration::from_millis(2));
        }
    }

    /// Waits for the guardian.
    #[track_caller]
    pub fn guardian(&self) -> Pid {
        let begun = Instant::now();
        loop {
            if let Some(guardian) = children(self.hook).first() {
                return *guardian;
            }
            assert!(begun.elapsed() < PAUSE_LIMIT, "there is no guardian");
            sleep(Duration::from_millis(2));
        }
    }

    /// Ends the strace of a hook that is dead. It would notice only when its delay is over.
    pub fn abandon(mut self) {
        self.strace.kill().unwrap();
        self.strace.wait().unwrap();
    }

    /// What the hook said, at its end.
    pub fn end(self) -> (Option<i32>, String) {
        let output = self.strace.wait_with_output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (
            output.status.code(),
            String::from_utf8_lossy(&text).into_owned(),
        )
    }
}

fn children(pid: Pid) -> Vec<Pid> {
    let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let words = text.split_ascii_whitespace();
    words
        .map(|word| Pid::from_raw(word.parse().unwrap()))
        .collect()
}

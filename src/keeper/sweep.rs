//! The sweep, each minute: looks again at every shifted guest for as long as its shift is in force.
//!
//! Everything it needs is in the state files, so it can be killed at any moment, and two at once do
//! no harm: each guest is locked while it is worked on.
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use super::error::KeepError;
use super::look::Seen;
use super::restore::restore_until;
use super::subject::{Quiet, Subject};
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::guest::qga::Agent;
use crate::guest::{RunState, rtc};
use crate::model::{BootInstant, Now};
use crate::state::{Keep, KeepStage, Note, Store};
use crate::system::{self, Deadline};
use crate::voice::trail;

/// How long a whole sweep may take. The next one begins a minute after it.
const LIMIT: Duration = Duration::from_secs(50);

/// How long one guest may take to be looked at.
const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// How long one guest may take to get its real time back, or its time at last.
const SET_LIMIT: Duration = Duration::from_secs(10);

/// How many guests are looked at at once.
const AT_ONCE: usize = 16;

/// How long after a start a guest's firmware is surely through.
const FIRMWARE: Duration = Duration::from_secs(30);

/// Longest pause after agents that did not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(32 * 60);

const MINUTE: Duration = Duration::from_secs(60);

/// What a sweep did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SweepReport {
    /// Guests whose clock was as it should be.
    pub right: usize,
    /// Guests whose clock was set (again).
    pub set: usize,
    /// Guests that got their real time back.
    pub restored: usize,
    /// Guests whose clock is not as it should be and was left so.
    pub left: usize,
    /// Guests that could not be looked at: their agent does not answer, or somebody works on them.
    pub unreachable: usize,
    /// Guests that are not due.
    pub skipped: usize,
    /// Starts whose VM has stopped without telling.
    pub ended: usize,
}

/// What became of one guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    Right,
    Set,
    Restored,
    Left,
    Unreachable,
    Skipped,
    Ended,
}

/// One guest to be looked at.
struct Due {
    note: Note,
    keep: Option<Keep>,
    /// Overdue restores come first, then who has waited longest.
    rank: (bool, BootInstant),
}

/// Looks at every guest that is due, overdue restores first, many at once.
///
/// # Errors
/// [`KeepError`] where the state cannot be read at all.
pub fn sweep(config: &Config) -> Result<SweepReport, KeepError> {
    let store = Store::new(&config.paths.state);
    let now = system::now()?;
    let overall = Deadline::after(LIMIT);
    let mut due = Vec::new();
    for vmid in store.vmids()? {
        // One bad file must not hide the others; `status` says what is wrong with it.
        let (Ok(Some(note)), Ok(keep)) = (store.load(vmid), store.load_keep(vmid)) else {
            continue;
        };
        let keep = keep.filter(|keep| Some(keep.generation) == note.generation);
        due.push(Due {
            rank: rank(keep.as_ref(), now),
            note,
            keep,
        });
    }
    due.sort_by_key(|due| due.rank);
    let at_once = AT_ONCE.min(due.len());
    let queue = Mutex::new(VecDeque::from(due));
    let report = Mutex::new(SweepReport::default());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(next) = take(&queue) {
                    let end = match overall.passed() {
                        true => End::Skipped,
                        false => one(config, &store, next, now),
                    };
                    count(&report, &end);
                }
            });
        }
    });
    Ok(report.into_inner().unwrap_or_default())
}

fn take(queue: &Mutex<VecDeque<Due>>) -> Option<Due> {
    queue.lock().ok()?.pop_front()
}

fn count(report: &Mutex<SweepReport>, end: &End) {
    let Ok(mut report) = report.lock() else {
        return;
    };
    let counter = match end {
        End::Right => &mut report.right,
        End::Set => &mut report.set,
        End::Restored => &mut report.restored,
        End::Left => &mut report.left,
        End::Unreachable => &mut report.unreachable,
        End::Skipped => &mut report.skipped,
        End::Ended => &mut report.ended,
    };
    *counter = counter.saturating_add(1);
}

fn is_overdue(keep: &Keep, now: Now) -> bool {
    keep.restore_by.is_some_and(|due| due <= now.real) && keep.stage != KeepStage::Restored
}

fn rank(keep: Option<&Keep>, now: Now) -> (bool, BootInstant) {
    let overdue = keep.is_some_and(|keep| is_overdue(keep, now));
    let waited = keep.and_then(|keep| keep.not_before);
    (!overdue, waited.unwrap_or(BootInstant::from_nanos(0)))
}

fn one(config: &Config, store: &Store, due: Due, now: Now) -> End {
    let Due { note, keep, .. } = due;
    let Some(generation) = note.generation else {
        // Its post-start has not run (yet).
        return End::Skipped;
    };
    if !generation.is_alive() {
        return ended(config, store, &note);
    }
    let waits = keep.as_ref().and_then(|keep| keep.not_before);
    let overdue = keep.as_ref().is_some_and(|keep| is_overdue(keep, now));
    if waits.is_some_and(|until| now.boot < until) {
        return End::Skipped;
    }
    // Its worker is at it.
    let waiting = keep
        .as_ref()
        .is_none_or(|keep| keep.stage == KeepStage::Waiting);
    let worker = store.lock_worker(note.vmid, Deadline::after(Duration::ZERO));
    if waiting && note.plan.stages.agent && worker.is_err() {
        return End::Skipped;
    }
    let soon = Deadline::after(Duration::from_millis(100));
    let Ok(mut subject) = Subject::find_until(config, note.vmid, Quiet::Yes, soon) else {
        return End::Skipped;
    };
    let ended = match overdue {
        true => restore_until(
            &mut subject,
            "the profile's restore-after is over",
            Deadline::after(SET_LIMIT),
        )
        .map(|_| End::Restored),
        false => subject.sweep_one(now),
    };
    match ended {
        Ok(end) => end,
        Err(KeepError::Denied(deny)) => {
            subject.denied(&deny);
            End::Left
        }
        Err(error) => subject.back_off(&error, now),
    }
}

/// A VM that stopped and whose post-stop was not called: older Proxmox VE, a crash of QEMU.
fn ended(config: &Config, store: &Store, note: &Note) -> End {
    let record = Record {
        name: note.name.as_ref(),
        profile: Some(note.grant.profile()),
        ..Record::new(Event::Ended, note.vmid)
    };
    // The next start may be under way and have its own note by now.
    let still = store.load(note.vmid).ok().flatten();
    if still.is_none_or(|still| still.since_boot != note.since_boot) {
        return End::Skipped;
    }
    let recorded = trail(config).and_then(|trail| trail.record(&record));
    match recorded.is_ok() && store.remove(note.vmid).is_ok() {
        true => End::Ended,
        false => End::Skipped,
    }
}

impl Subject<'_> {
    fn sweep_one(&mut self, now: Now) -> Result<End, KeepError> {
        let Some(note) = self.note.clone() else {
            return Ok(End::Skipped);
        };
        let state = rtc::run_state(&self.qemu, Deadline::after(LOOK_LIMIT))?;
        if state != RunState::Running {
            return Ok(End::Skipped);
        }
        let keep = match self.keep.clone() {
            Some(keep) => keep,
            None => Keep::waiting(self.vmid, self.qemu.generation, note.plan.course),
        };
        if !note.plan.stages.agent {
            self.look_at_rtc_once(keep, now)?;
            return Ok(End::Right);
        }
        match keep.stage {
            KeepStage::Restored | KeepStage::Denied => Ok(End::Skipped),
            KeepStage::Kept | KeepStage::Unverified => {
                let end = self.look_again(Deadline::after(LOOK_LIMIT))?;
                // A clock that was moved says more than its RTC.
                if let (End::Right, Some(keep)) = (end, self.keep.clone()) {
                    self.look_at_rtc_once(keep, now)?;
                }
                Ok(end)
            }
            KeepStage::Waiting | KeepStage::GaveUp => {
                self.save(Keep {
                    stage: KeepStage::Waiting,
                    ..keep
                })?;
                // Quietly at first: that the agent is not there has been said.
                let proof = Deadline::after(LOOK_LIMIT);
                Agent::connect(&self.qemu.agent, self.qemu.generation, proof)
                    .map_err(|error| KeepError::Unreachable(error.to_string()))?;
                self.settle_and_say("the agent is there at last", SET_LIMIT)?;
                Ok(End::Set)
            }
        }
    }

    /// Reads the RTC once, when the guest's firmware must be through.
    fn look_at_rtc_once(&mut self, keep: Keep, now: Now) -> Result<(), KeepError> {
        let started = self.qemu.generation.started_nanos();
        let runs_for = Duration::from_nanos(now.boot.as_nanos().saturating_sub(started));
        if keep.rtc_looked_at || runs_for <= FIRMWARE {
            return Ok(());
        }
        self.look_at_rtc(&keep)?;
        self.save(Keep {
            rtc_looked_at: true,
            ..keep
        })
    }

    /// Looks at a clock that is kept.
    pub(super) fn look_again(&mut self, deadline: Deadline) -> Result<End, KeepError> {
        let Some(keep) = self.keep.clone() else {
            return Ok(End::Skipped);
        };
        if !matches!(keep.stage, KeepStage::Kept | KeepStage::Unverified) {
            return Ok(End::Skipped);
        }
        Ok(match self.look(keep, deadline)? {
            Seen::Right => End::Right,
            Seen::SetAgain => End::Set,
            Seen::LeftSo => End::Left,
        })
    }

    /// Leaves a guest whose agent does not answer alone for a while, longer each time.
    fn back_off(&mut self, error: &KeepError, now: Now) -> End {
        if let Some(keep) = self.keep.clone() {
            let failures = keep.failures.saturating_add(1);
            let pause = MINUTE
                .saturating_mul(1_u32.checked_shl(failures.min(6)).unwrap_or(64))
                .min(LONGEST_PAUSE);
            let not_before = now.later(pause).ok().map(|then| then.boot);
            if failures == 3 {
                let text = format!("the clock cannot be looked at: {error}");
                self.voice.warn(Event::Outcome.code(), &text);
            }
            let _ = self.save(Keep {
                failures,
                not_before,
                ..keep
            });
        }
        End::Unreachable
    }
}

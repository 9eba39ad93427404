//! One guest in a sweep: what is due for it, and what becomes of one that cannot be asked.
use std::time::Duration;

use super::error::KeepError;
use super::look::Seen;
use super::restore::restore_until;
use super::settle::Receipts;
use super::subject::{Budget, Quiet, Subject};
use crate::audit::{Event, Record};
use crate::config::Config;
use crate::guest::qga::{Agent, SetError};
use crate::guest::{Rescue, RunState, rescue, rtc};
use crate::model::{Now, Printable};
use crate::sources::config_path;
use crate::state::{Keep, KeepStage, Note, Stage, Store};
use crate::system::Deadline;
use crate::voice::{Voice, trail};

/// How long one guest may take to be looked at.
pub(super) const LOOK_LIMIT: Duration = Duration::from_secs(2);

/// How long one guest may take to get its real time back, or its time at last.
const SET_LIMIT: Duration = Duration::from_secs(10);

/// How long after a start a guest's firmware is surely through, and its hook.
const FIRMWARE: Duration = Duration::from_secs(30);

/// Longest pause after agents that did not answer.
const LONGEST_PAUSE: Duration = Duration::from_secs(32 * 60);

const MINUTE: Duration = Duration::from_secs(60);

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

/// Looks at one guest. Nothing is set once `sets_begin` has passed: that can take half a minute.
pub(super) fn one(
    config: &Config,
    store: &Store,
    note: &Note,
    keep: Option<&Keep>,
    now: Now,
    sets_begin: Deadline,
) -> End {
    let Some(generation) = note.generation else {
        // Its post-start has not run (yet).
        return End::Skipped;
    };
    if !generation.is_alive() {
        return ended(config, store, note);
    }
    // Nothing that is waited for keeps a VM standing.
    if note.stage == Stage::Stopping {
        let soon = Deadline::after(Duration::from_millis(100));
        let found = Subject::find_until(config, note.vmid, Quiet::Background, soon);
        // What goes wrong here is met again below, where it is told and backed off from.
        let _ = found.map(|mut subject| subject.rescue(now));
    }
    let waits = keep.and_then(|keep| keep.not_before);
    if waits.is_some_and(|until| now.boot < until) {
        return End::Skipped;
    }
    // Its worker is at it.
    let waiting = keep.is_none_or(|keep| keep.stage == KeepStage::Waiting);
    let worker = store.lock_worker(note.vmid, Deadline::after(Duration::ZERO));
    if waiting && note.plan.stages.agent && worker.is_err() {
        return End::Skipped;
    }
    let soon = Deadline::after(Duration::from_millis(100));
    let Ok(mut subject) = Subject::find_until(config, note.vmid, Quiet::Background, soon) else {
        return End::Skipped;
    };
    subject.budget = Some(Budget {
        sets_begin,
        commands_end: Deadline::after(SET_LIMIT),
    });
    match subject.sweep_one(now) {
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
    // The next start may be under way and have its own note by now, so nothing comes in between.
    let still = store.load(note.vmid).ok().flatten();
    if still.is_none_or(|still| still.since_boot != note.since_boot)
        || store.remove(note.vmid).is_err()
    {
        return End::Skipped;
    }
    if let Err(error) = trail(config).and_then(|trail| trail.record(&record)) {
        let mut voice = Voice::in_background(note.vmid, config);
        voice.call(note.name.clone());
        voice.warn("audit", &format!("its end was not recorded: {error}"));
    }
    End::Ended
}

impl Subject<'_> {
    /// Continues a VM that a run has left standing for its RTC. Where it runs, that is noted: who stops it
    /// later has reasons of his own.
    fn rescue(&mut self, now: Now) -> Result<(), KeepError> {
        let Some(note) = self.note.clone() else {
            return Ok(());
        };
        if note.stage != Stage::Stopping || self.runs_for(now) <= FIRMWARE {
            return Ok(());
        }
        match rtc::run_state(&self.qemu, Deadline::after(LOOK_LIMIT))? {
            RunState::Paused => self.let_it_run(&note).map(drop),
            RunState::Running => {
                let stage = Stage::Interrupted;
                self.store.save(&Note { stage, ..note })?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn sweep_one(&mut self, now: Now) -> Result<End, KeepError> {
        let Some(note) = self.note.clone() else {
            return Ok(End::Skipped);
        };
        let state = rtc::run_state(&self.qemu, Deadline::after(LOOK_LIMIT))?;
        if state != RunState::Running {
            return Ok(End::Skipped);
        }
        let keep = self.kept(&note);
        let waits = matches!(keep.stage, KeepStage::Waiting | KeepStage::GaveUp);
        let overdue = keep.is_overdue(now);
        if (overdue || waits) && self.has_no_time_to_set() {
            return Ok(End::Skipped);
        }
        if overdue {
            let proof = Deadline::after(LOOK_LIMIT);
            let why = "the profile's restore-after is over";
            restore_until(self, why, Some(proof), SET_LIMIT)?;
            return Ok(End::Restored);
        }
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
            KeepStage::Waiting | KeepStage::GaveUp => self.settle_late(),
        }
    }

    /// Reads the RTC once, when the guest's firmware must be through.
    fn look_at_rtc_once(&mut self, keep: Keep, now: Now) -> Result<(), KeepError> {
        if keep.rtc_looked_at || self.runs_for(now) <= FIRMWARE {
            return Ok(());
        }
        self.look_at_rtc(&keep)?;
        self.save(Keep {
            rtc_looked_at: true,
            ..keep
        })
    }

    fn runs_for(&self, now: Now) -> Duration {
        let started = self.qemu.generation.started_nanos();
        Duration::from_nanos(now.boot.as_nanos().saturating_sub(started))
    }

    fn kept(&self, note: &Note) -> Keep {
        self.keep
            .clone()
            .unwrap_or_else(|| Keep::waiting(self.vmid, self.qemu.generation, note.plan.course))
    }

    /// Continues a VM that was stopped for its RTC and left so, by a run that was killed together with
    /// its guardian. We hold the lock that such a run holds, its guardian too.
    fn let_it_run(&mut self, note: &Note) -> Result<(), KeepError> {
        let Some(stopped) = note.generation.filter(|_| self.facts.lock.is_none()) else {
            return Ok(());
        };
        let config = config_path(self.config, self.vmid, None);
        let done = rescue(&self.qemu, stopped, &config, Deadline::after(LOOK_LIMIT));
        match done.map_err(|error| KeepError::Unreachable(error.to_string()))? {
            Rescue::NotNeeded => Ok(()),
            Rescue::Continued => {
                self.report(
                    Event::Rescue,
                    "an earlier run was killed while the VM was paused for its RTC; it has been \
                     continued",
                );
                let note = Note {
                    stage: Stage::Interrupted,
                    ..note.clone()
                };
                Ok(self.store.save(&note)?)
            }
        }
    }

    /// Sets the clock of a guest whose worker did not, if its agent is there by now. That it was not
    /// has been said.
    fn settle_late(&mut self) -> Result<End, KeepError> {
        let proof = Deadline::after(LOOK_LIMIT);
        Agent::connect(&self.qemu.agent, self.qemu.generation, proof).map_err(SetError::Unheard)?;
        let text = self.settle("the agent is there at last", Receipts::Redeem, SET_LIMIT)?;
        self.voice.say(Event::Outcome, &text);
        Ok(End::Set)
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
            Seen::NoTime => End::Skipped,
        })
    }

    /// Leaves a guest whose agent does not answer alone for a while, longer each time.
    fn back_off(&mut self, error: &KeepError, now: Now) -> End {
        let Some(note) = self.note.clone() else {
            return End::Unreachable;
        };
        let keep = self.kept(&note);
        let failures = keep.failures.saturating_add(1);
        let pause = MINUTE
            .saturating_mul(1_u32.checked_shl(failures.min(6)).unwrap_or(64))
            .min(LONGEST_PAUSE);
        // A guest that reboots is looked at again by the next sweep. That nothing listens is seen at
        // once, so it costs the others nothing; what is overdue writes two records each time.
        let boots = matches!(error, KeepError::NoAgent(_)) && !keep.is_overdue(now);
        let then = now.later(pause).ok().filter(|_| !boots);
        let not_before = then.map(|then| then.boot);
        if failures == 3 {
            let text = format!("the clock cannot be looked at: {error}");
            self.voice.warn(Event::Outcome.code(), &text);
        }
        let _ = self.save(Keep {
            failures,
            not_before,
            remark: Some(Printable::sentence(&error.to_string())),
            ..keep
        });
        End::Unreachable
    }
}

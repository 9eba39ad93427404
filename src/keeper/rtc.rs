//! The RTC of a running guest: whether it has followed the clock, and setting it where it has not.
use std::time::Duration;

use jiff::tz::TimeZone;

use super::allow::Proposal;
use super::error::KeepError;
use super::subject::Subject;
use crate::audit::{Event, IntentLogged};
use crate::guest::rtc::{self, RtcOrder};
use crate::guest::{Monitor, Witness};
use crate::model::{ClockPlan, Course, Offset, Stages};
use crate::policy::authorize;
use crate::state::{Note, Stage, Store};
use crate::system::{self, Deadline};
use crate::voice::Voice;

/// How far an RTC may be off that has followed: it shows whole seconds, and hwclock writes them.
const SAME: Duration = Duration::from_secs(2);

/// How long looking at it, or setting it, may take.
const LIMIT: Duration = Duration::from_secs(3);

impl Subject<'_> {
    /// The zone in which the RTC's fields are taken.
    pub(super) fn zone(&self) -> Result<TimeZone, KeepError> {
        let zone = self.qemu.launch.rtc;
        zone.zone(self.facts.zone, &self.config.paths.localtime)
            .map_err(|error| {
                KeepError::Failed(format!("the host's time zone is not known: {error}"))
            })
    }

    /// How far the RTC is from what `course` says: positive, it is ahead. `None` where that is no more
    /// than its whole seconds account for.
    pub(super) fn rtc_error(&self, course: &Course) -> Result<Option<Offset>, KeepError> {
        let shown = rtc::read(&self.qemu, &self.zone()?, Deadline::after(LIMIT))?;
        let error = shown.since(course.guest_time(system::now()?)?)?;
        Ok((error.distance() > SAME).then_some(error))
    }

    /// Sets the RTC too, where it did not follow the guest's clock. For that the guest is stopped
    /// for some milliseconds. Gives what was done, for people.
    pub(super) fn let_rtc_follow(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
    ) -> Result<Option<String>, KeepError> {
        let (plan, grant) = (*proposal.authorized.plan(), proposal.authorized.grant());
        if self.rtc_error(&plan.course)?.is_none() {
            return Ok(None);
        }
        let plan = ClockPlan {
            stages: Stages {
                rtc: true,
                agent: false,
            },
            ..plan
        };
        let authorized = match proposal.authorized.plan().stages.rtc {
            true => proposal.authorized.clone(),
            false => authorize(grant.clone(), plan, system::now()?)?,
        };
        let deadline = Deadline::after(LIMIT);
        let zone = self.zone()?;
        let mut monitor = Monitor::connect(&self.qemu.monitor, self.qemu.generation, deadline)
            .map_err(|error| KeepError::Failed(error.to_string()))?;
        let order = RtcOrder {
            authorized: &authorized,
            intent,
            zone: &zone,
            lock: self.facts.lock.as_ref(),
            deadline,
        };
        let account = Account {
            store: &self.store,
            voice: &self.voice,
            note: self.note.as_ref(),
        };
        let report = rtc::set(&mut monitor, &order, &account).inspect_err(|error| {
            if error.may_be_paused() {
                self.report(Event::Rescue, &error.to_string());
            } else {
                // It does not stand for its RTC: whoever stops it from now on has reasons of his own.
                account.running();
            }
        })?;
        match report.verification.verified {
            true => Ok(Some(format!(
                "RTC set to {}, which had not followed",
                report.guest_time
            ))),
            false => Err(KeepError::NotVerified(format!(
                "the RTC was set to {} and shows {}; look at the guest's clock",
                report.guest_time, report.read_back
            ))),
        }
    }
}

/// Notes that the VM may be paused, as the hook does, so that its next run looks again.
struct Account<'a> {
    store: &'a Store,
    voice: &'a Voice,
    note: Option<&'a Note>,
}

impl Witness for Account<'_> {
    fn stopping(&self) -> Result<(), String> {
        let Some(note) = self.note else {
            return Ok(());
        };
        let note = Note {
            stage: Stage::Stopping,
            ..note.clone()
        };
        self.store.save(&note).map_err(|error| error.to_string())
    }

    fn running(&self) {
        let Some(note) = self.note else {
            return;
        };
        // By the time that a guardian gets here the VM may be gone and its note with it, or be another
        // start's.
        let saved = match self.store.load(note.vmid) {
            Ok(Some(now)) if now.since_boot == note.since_boot => self.store.save(note),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = saved {
            let text = format!("the VM runs again, which was not noted: {error}");
            self.voice.alarm("state", &text);
        }
    }

    /// A sweep goes on with other guests.
    fn ends_soon(&self) -> bool {
        false
    }

    fn report(&self, text: &str) {
        self.voice.alarm(Event::Rescue.code(), text);
    }
}

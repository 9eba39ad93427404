//! Looking again at a clock that is kept, and what is done about one that something has moved.
use std::time::Duration;

use super::allow::Proposal;
use super::apply::{Occasion, measured, result};
use super::error::KeepError;
use super::subject::Subject;
use crate::allowlist::OnUndo;
use crate::audit::{Event, IntentLogged};
use crate::guest::qga;
use crate::model::{BootInstant, Offset, Printable, Timestamp};
use crate::state::{Keep, KeepStage};
use crate::system::{self, Deadline};
use crate::verify::AgentClock;

/// Most settings an hour of a clock that something moves again and again.
const SETTINGS_AN_HOUR: usize = 5;

const HOUR: Duration = Duration::from_secs(3_600);

/// How near a clock is to the host's for the host's to be where it comes from.
const HOST_TIME: Duration = Duration::from_secs(2);

/// How long a set may take beyond the look.
const SET_LIMIT: Duration = Duration::from_secs(5);

/// What a look found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Seen {
    /// The clock is as it should be.
    Right,
    /// It was not, and was set again.
    SetAgain,
    /// It is not, and was left so, which has been said with the reason.
    LeftSo,
    /// It is not, and there is no time for it now.
    NoTime,
}

impl Subject<'_> {
    /// Looks at the clock until `deadline`; sets it again where something has moved it.
    pub(super) fn look(&mut self, keep: Keep, deadline: Deadline) -> Result<Seen, KeepError> {
        let proposal = self.may_keep(keep.course)?;
        let seen = qga::look(&self.qemu, &keep.course, deadline)?;
        let now = system::now()?;
        if seen.is_within(proposal.authorized.plan().tolerance) {
            let agent = result(&keep.course, &seen, true)?;
            self.save(Keep {
                stage: KeepStage::Kept,
                agent: Some(agent),
                failures: 0,
                not_before: None,
                ..keep
            })?;
            return Ok(Seen::Right);
        }
        self.moved(&proposal, keep, &seen, now.boot)
    }

    fn moved(
        &mut self,
        proposal: &Proposal,
        keep: Keep,
        seen: &AgentClock,
        now: BootInstant,
    ) -> Result<Seen, KeepError> {
        if self.has_no_time_to_set() {
            return Ok(Seen::NoTime);
        }
        let tolerance = proposal.authorized.plan().tolerance;
        let before = keep.agent.map(|agent| agent.error_ns);
        let jumped = before.is_none_or(|before| jump(before, seen.error) > tolerance);
        let recent: Vec<BootInstant> = keep
            .set_again
            .iter()
            .copied()
            .filter(|then| now.since(*then) < HOUR)
            .collect();
        let reports_only = proposal.authorized.grant().on_undo() == OnUndo::Report;
        // A fight that was given up is given up until the hour is over.
        let too_often =
            recent.len() >= SETTINGS_AN_HOUR && (jumped || keep.stage == KeepStage::Unverified);
        if reports_only || too_often {
            let why = match reports_only {
                true => "its profile says on-undo = \"report\"",
                false => "it was set 5 times within an hour already",
            };
            // Said once, and again when it has moved again.
            if jumped {
                let culprit = self.culprit(proposal, None, seen);
                let text = format!(
                    "{}; it is left so: {why}",
                    self.what_happened(&keep, seen, &culprit)?
                );
                self.report(Event::Undone, &text);
            }
            let agent = result(&keep.course, seen, false)?;
            self.save(Keep {
                stage: KeepStage::Unverified,
                agent: Some(agent),
                set_again: recent,
                remark: Some(Printable::sentence(why)),
                ..keep
            })?;
            return Ok(Seen::LeftSo);
        }
        let text = match jumped {
            true => "the guest's clock was moved and is set again",
            false => "the guest's clock has drifted and is set again",
        };
        let intent = self.intend(proposal, text)?;
        if jumped {
            let culprit = self.culprit(proposal, Some(&intent), seen);
            let text = self.what_happened(&keep, seen, &culprit)?;
            self.report(Event::Undone, &text);
        }
        let mut set_again = recent;
        if jumped {
            set_again.push(now);
        }
        self.save(Keep { set_again, ..keep })?;
        let (_, text) = self.apply(proposal, &intent, Occasion::OUTCOME, SET_LIMIT)?;
        self.voice.say(Event::Outcome, &format!("again: {text}"));
        Ok(Seen::SetAgain)
    }

    /// From which offset to which, in words.
    fn what_happened(
        &self,
        keep: &Keep,
        seen: &AgentClock,
        culprit: &str,
    ) -> Result<String, KeepError> {
        let intended: Offset = keep.course.offset(seen.at)?;
        Ok(format!(
            "something in the guest has moved its clock: it shows {}; its offset is {} and should be \
             {intended}; {culprit}",
            measured(seen),
            seen.offset()?,
        ))
    }

    /// Who has probably moved it. Asking the guest for its time services takes an intent, since it runs
    /// commands.
    fn culprit(
        &self,
        proposal: &Proposal,
        intent: Option<&IntentLogged>,
        seen: &AgentClock,
    ) -> String {
        let host = seen.shown.since(seen.at.real);
        let at_host = host.is_ok_and(|offset| offset.distance() <= HOST_TIME);
        let own;
        let intent = match intent {
            Some(intent) => Some(intent),
            None => {
                own = self
                    .intend(proposal, "the guest is asked which time services run in it")
                    .ok();
                own.as_ref()
            }
        };
        let running = intent.map(|intent| self.running_services(proposal, intent));
        match (running.unwrap_or_default().join(", "), at_host) {
            (services, true) if !services.is_empty() => {
                format!("that is the host's time, most likely by a time service ({services})")
            }
            (_, true) => {
                "that is the host's time, most likely by a time service or after a reboot of \
                          the guest"
                    .to_owned()
            }
            (services, false) if !services.is_empty() => {
                format!("most likely after a reboot of the guest ({services} runs in it too)")
            }
            (_, false) => "most likely after a reboot of the guest".to_owned(),
        }
    }

    /// Reads the RTC once its guest's firmware must be through, which may have rewritten it.
    pub(super) fn look_at_rtc(&mut self, keep: &Keep) -> Result<(), KeepError> {
        if !self.note.as_ref().is_some_and(|note| note.plan.stages.rtc) {
            return Ok(());
        }
        if let Some(error) = self.rtc_error(&keep.course)? {
            let shown: Timestamp = keep.course.guest_time(system::now()?)?.plus(error)?;
            self.report(
                Event::Undone,
                &format!(
                    "the RTC was set and shows {shown} now, {error} off: the guest's firmware or its \
                     system has rewritten it, and the next reboot inside the guest starts from there"
                ),
            );
        }
        Ok(())
    }
}

fn jump(before: Offset, after: Offset) -> Duration {
    let nanos = i128::from(after.as_nanos())
        .saturating_sub(before.as_nanos().into())
        .unsigned_abs();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

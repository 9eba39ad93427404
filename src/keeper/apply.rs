//! Setting the clock through the guest's agent, and writing down what came of it.
use std::time::Duration;

use super::allow::Proposal;
use super::error::KeepError;
use super::subject::Subject;
use crate::audit::{Event, IntentLogged, Record};
use crate::guest::qga::{AgentOrder, AgentReport, set_on};
use crate::model::{Offset, Printable, Timestamp};
use crate::state::{AgentResult, Handover, Keep, KeepStage, Life};
use crate::system::{self, Deadline};
use crate::verify::AgentClock;

/// What is done besides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Occasion {
    /// The event under which it is recorded.
    pub(super) event: Event,
    /// When the guest gets its real time back, where that is known from an earlier life of it.
    pub(super) restore_by: Option<Timestamp>,
    /// Whether the guest has its real time back afterwards.
    pub(super) restores: bool,
}

impl Occasion {
    /// An ordinary outcome.
    pub(super) const OUTCOME: Occasion = Occasion {
        event: Event::Outcome,
        restore_by: None,
        restores: false,
    };
}

impl Subject<'_> {
    /// Sets the clock as proposed, stops its time services first if it is not the real time, and writes
    /// down what came of it. For `limit` an agent that is busy is waited for. Gives what a person should
    /// know.
    pub(super) fn apply(
        &mut self,
        proposal: &Proposal,
        intent: &IntentLogged,
        occasion: Occasion,
        limit: Duration,
    ) -> Result<(AgentReport, String), KeepError> {
        if let Err(error) = self.prepare(proposal, occasion) {
            self.failed(proposal, intent, &error);
            return Err(error);
        }
        if !occasion.restores {
            let keep = self.keep.as_ref();
            let restore_by = keep.and_then(|keep| keep.restore_by);
            self.stop_services(proposal, intent, restore_by.or(occasion.restore_by));
        }
        let order = AgentOrder {
            qemu: &self.qemu,
            authorized: &proposal.authorized,
            intent,
            deadline: Deadline::after(limit),
        };
        let report = match set_on(self.connection.take(), &order) {
            Ok(report) => report,
            Err(error) => {
                let error = KeepError::from(error);
                self.failed(proposal, intent, &error);
                return Err(error);
            }
        };
        let text = sentence(&report);
        let result = self.result(proposal, &report)?;
        self.outcome(proposal, intent, occasion.event, &text, Some(&result));
        self.remember(proposal, occasion, result, &text)?;
        match report.verified {
            true => Ok((report, text)),
            false => Err(KeepError::NotVerified(text)),
        }
    }

    /// Makes sure that what comes of it can be kept, before anything is set: a clock that was set and
    /// is not known to be would be set again, or never given back.
    fn prepare(&mut self, proposal: &Proposal, occasion: Occasion) -> Result<(), KeepError> {
        let course = proposal.authorized.plan().course;
        let generation = self.qemu.generation;
        let keep = self.keep.clone();
        let keep = keep.unwrap_or_else(|| Keep::waiting(self.vmid, generation, course));
        let keep = match occasion.restores && self.note.is_some() {
            // Should this be its end, the sweep goes on with it.
            true => keep.due(Some(system::now()?)),
            false => keep,
        };
        self.save(keep).map_err(|error| {
            KeepError::Failed(format!(
                "the state cannot be written, so nothing is changed: {error}"
            ))
        })
    }

    /// Writes down that nothing came of it.
    pub(super) fn failed(&self, proposal: &Proposal, intent: &IntentLogged, error: &KeepError) {
        self.outcome(proposal, intent, Event::Outcome, &error.to_string(), None);
    }

    fn outcome(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
        event: Event,
        text: &str,
        result: Option<&AgentResult>,
    ) {
        let record = Record {
            name: self.facts.name.as_ref(),
            profile: Some(proposal.authorized.grant().profile()),
            guest_time: result.map(|result| result.guest_time),
            offset_ns: result.map(|result| result.offset_ns),
            error_ns: result.map(|result| result.error_ns),
            verified: Some(result.is_some_and(|result| result.verified)),
            text: Some(Printable::sentence(text)),
            ..Record::new(event, self.vmid)
        };
        if let Err(error) = self.trail.outcome(intent, &record) {
            let text = format!("the outcome was not recorded: {error}");
            self.voice.warn("audit", &text);
        }
    }

    fn result(&self, proposal: &Proposal, report: &AgentReport) -> Result<AgentResult, KeepError> {
        result(
            &proposal.authorized.plan().course,
            &report.after,
            report.verified,
        )
    }

    /// Keeps what later looks and later lives of this guest need.
    fn remember(
        &mut self,
        proposal: &Proposal,
        occasion: Occasion,
        result: AgentResult,
        text: &str,
    ) -> Result<(), KeepError> {
        let (grant, plan) = (proposal.authorized.grant(), proposal.authorized.plan());
        let now = system::now()?;
        let before = self.keep.take();
        let keep =
            before.unwrap_or_else(|| Keep::waiting(self.vmid, self.qemu.generation, plan.course));
        let first = keep.agent.is_none();
        // Due until all of it is done, the services too: who goes on after a kill does it again.
        let keep = match (keep.restore_by, occasion.restore_by) {
            _ if occasion.restores => keep,
            (Some(_), _) => keep,
            // Another node's clock has said it, or an earlier life's: there is none but this to go by.
            (None, Some(restore_by)) => Keep {
                restore_by: Some(restore_by),
                ..keep
            },
            (None, None) => {
                let due = grant.restore_after().map(|after| now.later(after));
                keep.due(due.and_then(Result::ok))
            }
        };
        let restore_by = keep.restore_by;
        let hold_until = match first {
            true => now.later(grant.hold()).ok().map(|end| end.boot),
            false => keep.hold_until,
        };
        let keep = Keep {
            stage: match (result.verified, occasion.restores) {
                (true, true) => keep.stage,
                (true, false) => KeepStage::Kept,
                (false, _) => KeepStage::Unverified,
            },
            course: plan.course,
            agent: Some(result),
            hold_until,
            failures: 0,
            not_before: None,
            remark: Some(Printable::sentence(text)),
            ..keep
        };
        self.save(keep)?;
        if occasion.restores {
            return Ok(());
        }
        let undo = self.handover().map(|known| known.undo);
        if let Err(error) = self.hand_over(proposal, restore_by, undo.unwrap_or_default()) {
            let text = format!(
                "the clock is set; after a resume or a migration its offset is taken from its RTC, since \
                 it could not be written down: {error}"
            );
            self.voice.warn("state", &text);
        }
        Ok(())
    }

    /// Leaves what a later life of this guest needs.
    pub(super) fn hand_over(
        &self,
        proposal: &Proposal,
        restore_by: Option<Timestamp>,
        undo: Vec<String>,
    ) -> Result<(), KeepError> {
        let now = system::now()?;
        let handover = Handover {
            version: Handover::VERSION,
            vmid: self.vmid,
            node: system::hostname(),
            written: now.real,
            profile: proposal.authorized.grant().profile().clone(),
            offset_ns: proposal.authorized.plan().course.offset(now)?,
            restore_by,
            undo,
            life: Some(Life {
                boot_id: self.trail.boot_id().to_owned(),
                generation: self.qemu.generation,
            }),
        };
        if let Some(problem) = self.handovers.save(&handover)? {
            let text = format!(
                "the other nodes will not know of this clock's offset but by its RTC: {problem}"
            );
            self.voice.warn("state", &text);
        }
        Ok(())
    }
}

/// A guest's clock as it was read, in the form that is kept.
pub(super) fn result(
    course: &crate::model::Course,
    seen: &AgentClock,
    verified: bool,
) -> Result<AgentResult, KeepError> {
    let uncertainty = i128::try_from(seen.uncertainty.as_nanos()).unwrap_or(i128::MAX);
    Ok(AgentResult {
        verified,
        guest_time: seen.shown,
        at: seen.at.real,
        offset_ns: course.offset(seen.at)?,
        error_ns: seen.error,
        uncertainty_ns: Offset::from_nanos(uncertainty)?,
    })
}

/// What was done, for people.
pub(super) fn sentence(report: &AgentReport) -> String {
    let did = match report.attempts.len() {
        0 => "the clock is right already: ",
        _ => "clock set through the guest agent: ",
    };
    let mut text = format!("{did}{}", measured(&report.after));
    if !report.verified {
        text.push_str(": THAT IS NOT WHAT WAS SET; look at the guest's clock");
    }
    if let Some(complaint) = &report.complaint {
        text.push_str(&format!("; the agent complained: {complaint}"));
    }
    if let Some(step) = report.host_stepped {
        text.push_str(&format!(
            "; the host's own clock was stepped by {step} meanwhile"
        ));
    }
    text
}

/// A clock as it was read, for people.
pub(super) fn measured(seen: &AgentClock) -> String {
    format!(
        "{}, error {} (known to {})",
        seen.shown,
        millis(i128::from(seen.error.as_nanos()), true),
        millis(
            i128::try_from(seen.uncertainty.as_nanos()).unwrap_or(0),
            false
        ),
    )
}

/// Nanoseconds as milliseconds with two decimals, or, from ten seconds on, in the two largest units.
fn millis(nanos: i128, signed: bool) -> String {
    match Offset::from_nanos(nanos) {
        Ok(offset) if offset.distance().as_secs() >= 10 => offset.to_string(),
        _ => {
            let hundredths = nanos.unsigned_abs().saturating_add(5_000) / 10_000;
            let sign = match (signed, nanos < 0) {
                (false, _) => "",
                (true, true) => "-",
                (true, false) => "+",
            };
            format!("{sign}{}.{:02} ms", hundredths / 100, hundredths % 100)
        }
    }
}

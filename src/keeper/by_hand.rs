//! What a person asks for: another time for a guest that runs, or the one that it should have.
use std::time::Duration;

use super::allow::{Asker, Proposal};
use super::apply::Occasion;
use super::error::KeepError;
use super::settle::Receipts;
use super::subject::Subject;
use crate::audit::{Event, Record};
use crate::model::{BootInstant, ClockTarget, Course, Offset, Printable, ProfileName};
use crate::policy::Wish;
use crate::state::{Keep, KeepStage, Note, Stage};
use crate::system;

/// How long the guest's agent may take to be ready.
const LIMIT: Duration = Duration::from_secs(15);

/// Asks whether the guest may have `target` from now on, under `profile` if one is given.
///
/// # Errors
/// [`KeepError::Denied`], written down; or another.
pub fn propose(
    subject: &mut Subject<'_>,
    target: &ClockTarget,
    profile: Option<&ProfileName>,
) -> Result<Proposal, KeepError> {
    let proposed = subject.ask(Wish::Target { target, profile }, None, Asker::Hand);
    written_down(subject, &proposed);
    proposed
}

/// Writes down a denial.
fn written_down<T>(subject: &Subject<'_>, result: &Result<T, KeepError>) {
    if let Err(KeepError::Denied(deny)) = result {
        let text = KeepError::Denied(deny.clone()).to_string();
        subject.record(&Record {
            name: subject.facts.name.as_ref(),
            reason: Some(deny.reason),
            text: Some(Printable::sentence(&text)),
            ..Record::new(Event::Denied, subject.vmid)
        });
    }
}

/// Gives the guest the time of `proposal` and keeps it from now on. Gives what was done, for people.
///
/// # Errors
/// [`KeepError`].
pub fn shift(subject: &mut Subject<'_>, proposal: &Proposal) -> Result<String, KeepError> {
    let intent = subject.intend(proposal, "chosen by hand")?;
    let plan = *proposal.authorized.plan();
    let now = system::now()?;
    let note = Note {
        version: Note::VERSION,
        vmid: subject.vmid,
        name: subject.facts.name.clone(),
        boot_id: subject.trail.boot_id().to_owned(),
        since: now.real,
        // What it belongs to was started long before somebody chose.
        since_boot: BootInstant::from_nanos(subject.qemu.generation.started_nanos()),
        start_kind: Some(subject.qemu.launch.kind),
        lock: None,
        actor: Some(subject.trail.actor().clone()),
        by_hand: true,
        grant: proposal.authorized.grant().clone(),
        plan,
        offset_ns: plan.course.offset(now)?,
        allowlist_sha256: proposal.loaded.sha256.clone(),
        intent: Some(intent.receipt()),
        stage: Stage::LeftAlone,
        generation: Some(subject.qemu.generation),
        rtc: None,
        remark: Some(Printable::from("chosen by hand")),
    };
    let before = (subject.note.replace(note.clone()), subject.keep.take());
    subject.store.save(&note)?;
    // What was agreed on for an earlier time is over.
    subject.keep = Some(Keep::waiting(
        subject.vmid,
        subject.qemu.generation,
        plan.course,
    ));
    let (_, mut text) = match subject.apply(proposal, &intent, Occasion::OUTCOME, LIMIT) {
        Ok(done) => done,
        // It may have another time by now, and that is kept.
        Err(error @ KeepError::NotVerified(_)) => return Err(error),
        Err(error) => {
            subject.put_back(before)?;
            return Err(error);
        }
    };
    if proposal.authorized.grant().stages().rtc {
        match subject.let_rtc_follow(proposal, &intent) {
            Ok(None) => {}
            Ok(Some(done)) => text.push_str(&format!("; {done}")),
            Err(error) => text.push_str(&format!(
                "; its RTC has another time, which the guest's next reboot starts from: {error}"
            )),
        }
    }
    subject.voice.say(Event::Outcome, &text);
    Ok(text)
}

/// Gives the guest the time that it should have: its shift, or the host's time where it has none and
/// its rule lets it have that.
///
/// # Errors
/// [`KeepError`].
pub fn sync(subject: &mut Subject<'_>) -> Result<String, KeepError> {
    let shifted = subject.note.is_some()
        && !subject
            .keep
            .as_ref()
            .is_some_and(|keep| keep.stage == KeepStage::Restored);
    if shifted {
        let permitted = subject.is_for_caller();
        written_down(subject, &permitted);
        permitted?;
        let text = subject.settle("synchronised by hand", Receipts::Own, LIMIT)?;
        subject.voice.say(Event::Outcome, &text);
        return Ok(text);
    }
    let host_time = Course::Constant {
        offset: Offset::ZERO,
    };
    let proposed = subject.ask(Wish::Now, Some(host_time), Asker::Hand);
    written_down(subject, &proposed);
    let proposal = proposed?;
    let intent = subject.intend(&proposal, "synchronised by hand to the host's time")?;
    let occasion = Occasion {
        restores: true,
        ..Occasion::OUTCOME
    };
    let (_, text) = subject.apply(&proposal, &intent, occasion, LIMIT)?;
    subject.voice.say(Event::Outcome, &text);
    Ok(text)
}

impl Subject<'_> {
    /// What was known before a time was chosen that the guest did not get.
    fn put_back(&mut self, (note, keep): (Option<Note>, Option<Keep>)) -> Result<(), KeepError> {
        self.store.remove(self.vmid)?;
        if let Some(note) = &note {
            self.store.save(note)?;
        }
        if let Some(keep) = &keep {
            self.store.save_keep(keep)?;
        }
        (self.note, self.keep) = (note, keep);
        Ok(())
    }
}

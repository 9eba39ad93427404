//! What pre-start does with a judgement: write it down, note it for post-start, say it.
use super::Exit;
use super::context::Context;
use crate::audit::{AuditError, Event, Receipt, Record};
use crate::judge::warnings;
use crate::model::{ClockPlan, Deny, DenyReason, Now, Printable, StartKind, Timestamp};
use crate::policy::Authorized;
use crate::state::{Note, Stage};
use crate::system;
use crate::vmconfig::VmFacts;

/// The sentence for a refusal.
pub(super) fn sentence(deny: &Deny) -> String {
    format!("clock left alone: {deny}")
}

/// Records and says a refusal; it keeps the VM from starting only where its profile, or config.toml,
/// says so and the start is not one that goes on from a running state.
pub(super) fn denied(context: &Context<'_>, deny: &Deny, kind: Option<StartKind>) -> Exit {
    let resumes = matches!(kind, Some(StartKind::Resume | StartKind::Incoming));
    let block = deny.block && !resumes;
    let text = sentence(deny);
    context.record(&Record {
        name: context.voice.name(),
        start_kind: kind,
        reason: Some(deny.reason),
        text: Some(Printable::sentence(&text)),
        ..Record::new(Event::Denied, context.call.vmid)
    });
    if block {
        context.voice.alarm(
            Event::Denied.code(),
            &format!("{text}. The VM is kept from starting (\"block\")"),
        );
        return Exit::Block;
    }
    context.voice.warn(Event::Denied.code(), &text);
    Exit::Done
}

/// Notes what is going to be done. Without a durable record and a note for post-start nothing is.
pub(super) fn permitted(
    context: &Context<'_>,
    authorized: &Authorized<ClockPlan>,
    record: Record<'_>,
    facts: &VmFacts,
    now: Now,
) -> Exit {
    let plan = *authorized.plan();
    let kind = record.start_kind;
    let keeps_its_clock = matches!(kind, Some(StartKind::Resume | StartKind::Incoming));
    let calculated = plan
        .course
        .guest_time(now)
        .and_then(|guest| Ok((guest, guest.since(now.real)?)));
    let (guest_time, offset) = match calculated {
        Ok(both) => both,
        Err(error) => {
            let deny = Deny::new(DenyReason::TimeOutOfRange, error.to_string());
            return failed(context, authorized, deny, kind);
        }
    };
    let allowlist_sha256 = record.allowlist_sha256.unwrap_or_default().to_owned();
    let name = record.name.cloned();
    let intent = if keeps_its_clock {
        Ok(None)
    } else {
        let record = Record {
            guest_time: Some(guest_time),
            offset_ns: Some(offset),
            ..record
        };
        write_intent(context, authorized, record).map(Some)
    };
    let (boot_id, intent) = match intent
        .and_then(|intent| Ok((context.trail()?.boot_id().to_owned(), intent)))
    {
        Ok(both) => both,
        Err(error) => {
            let text = format!("the audit trail cannot be written, so nothing is changed: {error}");
            return failed(
                context,
                authorized,
                Deny::new(DenyReason::IntentNotLogged, text),
                kind,
            );
        }
    };
    let note = Note {
        version: Note::VERSION,
        vmid: context.call.vmid,
        name,
        boot_id,
        since: now.real,
        since_boot: now.boot,
        start_kind: kind,
        lock: facts.lock.clone(),
        actor: context.trail().ok().map(|trail| trail.actor().clone()),
        by_hand: false,
        grant: authorized.grant().clone(),
        plan,
        offset_ns: offset,
        allowlist_sha256,
        intent,
        stage: if keeps_its_clock {
            Stage::LeftAlone
        } else {
            Stage::Planned
        },
        generation: None,
        rtc: None,
        remark: None,
    };
    if let Err(error) = context.store.save(&note) {
        let text =
            format!("the state of this start cannot be written, so nothing is changed: {error}");
        return failed(
            context,
            authorized,
            Deny::new(DenyReason::StateNotWritten, text),
            kind,
        );
    }
    announce(context, authorized, facts, &note, guest_time, now);
    Exit::Done
}

fn write_intent(
    context: &Context<'_>,
    authorized: &Authorized<ClockPlan>,
    record: Record<'_>,
) -> Result<Receipt, AuditError> {
    Ok(context.trail()?.intent(authorized, record)?.receipt())
}

/// A failure of ours before the start: the VM starts, unless its profile says `on-failure = "block"`.
fn failed(
    context: &Context<'_>,
    authorized: &Authorized<ClockPlan>,
    deny: Deny,
    kind: Option<StartKind>,
) -> Exit {
    denied(
        context,
        &deny.blocking(authorized.grant().block_on_failure()),
        kind,
    )
}

fn announce(
    context: &Context<'_>,
    authorized: &Authorized<ClockPlan>,
    facts: &VmFacts,
    note: &Note,
    guest_time: Timestamp,
    now: Now,
) {
    let profile = authorized.grant().profile();
    let text = match note.start_kind {
        Some(kind @ (StartKind::Resume | StartKind::Incoming)) => format!(
            "profile {profile}: this start is {}, its RTC keeps its time",
            if kind == StartKind::Resume {
                "a resume"
            } else {
                "an incoming migration"
            },
        ),
        _ if note.plan.stages.rtc => format!(
            "profile {profile}: the guest is to boot at {guest_time} (host {}, offset {})",
            note.since, note.offset_ns
        ),
        _ => format!("profile {profile}: the guest is to get {guest_time} through its agent"),
    };
    context.voice.say(Event::Intent, &text);
    if note.stage == Stage::LeftAlone {
        // All that is to be known of it has just been said.
        return;
    }
    let warnings = warnings(facts, authorized, now, system::host_clock_synchronised());
    let texts: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    if !texts.is_empty() {
        context.voice.warn("warning", &texts.join("; "));
    }
}

//! post-start: the RTC stage, straight from the note that pre-start left.
use std::time::Duration;

use jiff::tz::TimeZone;

use super::Exit;
use super::context::Context;
use super::later::second_net;
use crate::audit::{Event, IntentLogged, Record};
use crate::exec;
use crate::guest::rtc::{RtcError, RtcOrder, RtcReport, set, wait_for_alignment};
use crate::guest::{Monitor, Qemu, Witness};
use crate::model::{ClockPlan, Offset, Printable, StartKind};
use crate::policy::{Authorized, authorize};
use crate::state::{Note, RtcResult, Stage, StateError};
use crate::system;

/// What came of the stage.
enum Outcome {
    /// Nothing was to be done to the RTC.
    LeftAlone(String),
    /// It should have been set and was not.
    Failed(String),
    /// The same, and the VM may still be paused: a later run has to look again.
    MayBePaused(String),
    /// It was set.
    Set(RtcReport),
}

/// After QEMU was launched: set the RTC as pre-start decided, read back, record.
pub(super) fn post_start(context: &mut Context<'_>) -> Exit {
    let mut note = match context.store.load(context.call.vmid) {
        Ok(Some(note)) => note,
        // Nothing was decided for this start, so there is nothing to do or to say.
        Ok(None) => return Exit::Done,
        Err(error) => {
            context
                .voice
                .warn("state", &format!("clock left alone: {error}"));
            return Exit::Done;
        }
    };
    context.voice.call(note.name.clone());
    second_net(context, &note);
    if !matches!(note.stage, Stage::Planned | Stage::LeftAlone) {
        context.voice.warn(
            "state",
            "post-start has run for this start already; nothing is done twice",
        );
        return Exit::Done;
    }
    let wants_agent = note.plan.stages.agent;
    match stage(context, &mut note) {
        Ok(outcome) => finish(context, note, outcome),
        Err(why) => finish(context, note, Outcome::Failed(why)),
    }
    if wants_agent {
        start_worker(context);
    }
    Exit::Done
}

/// Hands the rest, which waits for the guest to boot, to the background. Should that fail, the sweep
/// takes it up within a minute.
fn start_worker(context: &Context<'_>) {
    if let Err(error) = exec::start_worker(&context.config.paths.program, context.call.vmid) {
        let text = format!(
            "what sets the clock through the guest agent was not started: {error}; \
             time-shift-sweep.timer does it within a minute, if it is enabled"
        );
        context.voice.warn("worker", &text);
    }
}

fn stage(context: &Context<'_>, note: &mut Note) -> Result<Outcome, String> {
    let trail = context.trail().map_err(|error| error.to_string())?;
    let qemu = Qemu::find(&context.config.paths.qemu_server, note.vmid)
        .map_err(|error| error.to_string())?;
    if !note.belongs_to(qemu.generation, trail.boot_id()) {
        return Err(
            "the state that pre-start left is about another start; start the VM again".to_owned(),
        );
    }
    note.generation = Some(qemu.generation);
    let kind = match (&context.call.migrated_from, note.start_kind) {
        (Some(_), _) | (_, Some(StartKind::Incoming)) => StartKind::Incoming,
        (None, Some(StartKind::Resume)) => StartKind::Resume,
        (None, _) => qemu.launch.kind,
    };
    note.start_kind = Some(kind);
    match kind {
        StartKind::Resume => {
            return Ok(Outcome::LeftAlone(
                "a resume, its RTC keeps its time".to_owned(),
            ));
        }
        StartKind::Incoming => {
            return Ok(Outcome::LeftAlone(
                "an incoming migration, its RTC keeps its time".to_owned(),
            ));
        }
        StartKind::Cold | StartKind::Paused if !note.plan.stages.rtc => {
            return Ok(Outcome::LeftAlone(
                "the clock is set through the guest agent, once that answers".to_owned(),
            ));
        }
        StartKind::Cold | StartKind::Paused => {}
    }
    let redeemed = note
        .intent
        .as_ref()
        .and_then(|receipt| trail.redeem(receipt, note.vmid));
    let intent =
        redeemed.ok_or("no intent was written down for this start, so nothing is changed")?;
    let now = system::now().map_err(|error| error.to_string())?;
    let authorized =
        authorize(note.grant.clone(), note.plan, now).map_err(|deny| deny.to_string())?;
    let zone = qemu
        .launch
        .rtc
        .zone(note.plan.zone, &context.config.paths.localtime);
    let zone = zone.map_err(|error| format!("the host's time zone is not known: {error}"))?;
    set_rtc(context, note, &qemu, &authorized, &intent, &zone)
}

fn set_rtc(
    context: &Context<'_>,
    note: &Note,
    qemu: &Qemu,
    authorized: &Authorized<ClockPlan>,
    intent: &IntentLogged,
    zone: &TimeZone,
) -> Result<Outcome, String> {
    wait_for_alignment(authorized.plan(), context.deadline).map_err(|error| error.to_string())?;
    let mut monitor = Monitor::connect(&qemu.monitor, qemu.generation, context.deadline)
        .map_err(|error| format!("{}: {error}", qemu.monitor.display()))?;
    let order = RtcOrder {
        authorized,
        intent,
        zone,
        lock: note.lock.as_ref(),
        deadline: context.deadline,
    };
    match set(&mut monitor, &order, &Account { context, note }) {
        Ok(report) => Ok(Outcome::Set(report)),
        Err(error @ (RtcError::LeftAlone(_) | RtcError::NoRtc(_) | RtcError::Halted)) => {
            Ok(Outcome::LeftAlone(error.to_string()))
        }
        Err(error) if error.may_be_paused() => Ok(Outcome::MayBePaused(error.to_string())),
        Err(error) => Err(error.to_string()),
    }
}

/// Keeps account, in the note, of whether the VM may be paused.
struct Account<'a> {
    context: &'a Context<'a>,
    note: &'a Note,
}

impl Account<'_> {
    /// Notes that nobody has to look for a paused VM any more. By the time that a guardian gets here
    /// the hook may have noted that the RTC was not set, or the VM may be gone and its note with it, or be another start's.
    fn note_running(&self) -> Result<(), StateError> {
        let store = &self.context.store;
        let now = store.load(self.note.vmid)?;
        let Some(note) = now.filter(|note| note.since_boot == self.note.since_boot) else {
            return Ok(());
        };
        let stage = match note.remark {
            Some(_) => Stage::Failed,
            None => Stage::Interrupted,
        };
        store.save(&Note { stage, ..note })
    }
}

impl Witness for Account<'_> {
    fn stopping(&self) -> Result<(), String> {
        let note = Note {
            stage: Stage::Stopping,
            ..self.note.clone()
        };
        self.context
            .store
            .save(&note)
            .map_err(|error| error.to_string())
    }

    fn running(&self) {
        if let Err(error) = self.note_running() {
            let text = format!("the VM runs again, which was not noted: {error}");
            self.context.voice.alarm("state", &text);
        }
    }

    fn report(&self, text: &str) {
        self.context.voice.alarm(Event::Rescue.code(), text);
    }
}

/// Saves, records and says what came of it.
fn finish(context: &Context<'_>, mut note: Note, outcome: Outcome) {
    let mut record = Record {
        start_kind: note.start_kind,
        rule_line: Some(note.grant.rule_line()),
        ..Record::new(Event::Outcome, note.vmid)
    };
    let text = match &outcome {
        Outcome::LeftAlone(why) => {
            note.stage = Stage::LeftAlone;
            format!("clock left alone: {why}")
        }
        Outcome::Failed(why) => {
            note.stage = Stage::Failed;
            format!("RTC not set: {why}")
        }
        Outcome::MayBePaused(why) => {
            note.stage = Stage::Stopping;
            format!("RTC not set: {why}")
        }
        Outcome::Set(report) => {
            note.stage = Stage::RtcSet;
            note.rtc = result(report);
            record.verified = Some(report.verification.verified);
            record.guest_time = Some(report.guest_time);
            record.offset_ns = note.rtc.map(|rtc| rtc.offset_ns);
            record.error_ns = Some(report.verification.error);
            record.duration = report.paused;
            set_sentence(report)
        }
    };
    note.remark = Some(Printable::sentence(&text));
    record.text.clone_from(&note.remark);
    record.name = note.name.as_ref();
    record.profile = Some(note.grant.profile());
    let digest = note.allowlist_sha256.clone();
    record.allowlist_sha256 = Some(&digest);

    match &outcome {
        Outcome::Set(report) if !report.verification.verified => {
            context.voice.alarm(Event::Outcome.code(), &text);
        }
        Outcome::Set(_) | Outcome::LeftAlone(_) => context.voice.say(Event::Outcome, &text),
        Outcome::Failed(_) | Outcome::MayBePaused(_) => {
            context.voice.alarm(Event::Outcome.code(), &text)
        }
    }
    let recorded = context.trail().and_then(|trail| {
        match note
            .intent
            .as_ref()
            .and_then(|receipt| trail.redeem(receipt, note.vmid))
        {
            Some(intent) => trail.outcome(&intent, &record),
            None => trail.record(&record),
        }
    });
    if let Err(error) = recorded {
        context
            .voice
            .warn("audit", &format!("the outcome was not recorded: {error}"));
    }
    if let Err(error) = context.store.save(&note) {
        context
            .voice
            .warn("state", &format!("the outcome was not noted: {error}"));
    }
}

fn result(report: &RtcReport) -> Option<RtcResult> {
    let uncertainty = i128::try_from(report.verification.uncertainty.as_nanos()).ok()?;
    Some(RtcResult {
        verified: report.verification.verified,
        guest_time: report.guest_time,
        at: report.at.real,
        offset_ns: report.guest_time.since(report.at.real).ok()?,
        error_ns: report.verification.error,
        uncertainty_ns: Offset::from_nanos(uncertainty).ok()?,
    })
}

fn set_sentence(report: &RtcReport) -> String {
    let error = report
        .verification
        .error
        .as_nanos()
        .checked_div(1_000_000)
        .unwrap_or(0);
    let shown = format!(
        "RTC set to {}, read back as {}, error {error:+} ms",
        report.guest_time,
        report.read_back.strftime("%Y-%m-%d %H:%M:%S"),
    );
    let paused = match report.paused {
        Some(length) => format!(", vCPUs paused {} ms", ceil_millis(length)),
        None => format!(", QEMU is {} and stays so", report.state.as_str()),
    };
    if report.verification.verified {
        format!("{shown}{paused}")
    } else {
        format!("{shown}: THAT IS NOT WHAT WAS SET{paused}; look at the guest's clock")
    }
}

fn ceil_millis(length: Duration) -> u128 {
    length.as_micros().div_ceil(1000)
}

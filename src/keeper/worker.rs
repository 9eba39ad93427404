//! The worker of one VM and start: waits for the guest's agent, sets the clock, stays for a while.
use std::time::{Duration, Instant};

use super::error::KeepError;
use super::intended::goes_on;
use super::subject::{Quiet, Subject};
use crate::allowlist::TimeService;
use crate::audit::Event;
use crate::config::Config;
use crate::guest::qga::{Agent, AgentError};
use crate::guest::{Qemu, RunState, rtc};
use crate::model::VmId;
use crate::state::{Keep, KeepStage, Note, Store};
use crate::system::{self, Deadline};
use crate::voice::Voice;

/// How long an earlier worker of the same VM may take to notice that it is over.
const OTHER_LIMIT: Duration = Duration::from_secs(5);

/// How often it is tried whether the agent is there yet.
const PAUSE: Duration = Duration::from_millis(200);

/// How long one try may take. It holds the agent's socket, which Proxmox VE's own wait of 3 s must
/// still get.
const TRY_LIMIT: Duration = Duration::from_secs(1);

/// How often QEMU is asked whether the guest runs at all.
const STATE_PAUSE: Duration = Duration::from_secs(1);

/// How often the clock is looked at while the profile's `hold` lasts.
const HOLD_PAUSE: Duration = Duration::from_secs(10);

/// How long a QEMU may take from closing its sockets to its end.
const ENDING: Duration = Duration::from_millis(500);

/// How a worker ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WorkerEnd {
    /// The clock was set, and `hold` is over.
    Done,
    /// There was nothing to do for it.
    Nothing,
    /// The VM stopped, or was started anew.
    Over,
}

/// Waits for the agent of a VM that has just been started, sets its clock, and looks at it every few
/// seconds for as long as its profile says.
///
/// # Errors
/// [`KeepError`]; it has been said and recorded.
pub fn work(config: &Config, vmid: VmId) -> Result<WorkerEnd, KeepError> {
    let store = Store::new(&config.paths.state);
    let Ok(_alone) = store.lock_worker(vmid, Deadline::after(OTHER_LIMIT)) else {
        return Ok(WorkerEnd::Nothing);
    };
    let (note, qemu, waits) = match said(config, vmid, begin(config, &store, vmid))? {
        Begun::With(note, qemu, waits) => (note, qemu, waits),
        Begun::Not(end) => return Ok(end),
    };
    if waits {
        let agent = match wait_for_agent(&store, &note, &qemu) {
            Ok(agent) => agent,
            Err(Waited::Over) => return Ok(WorkerEnd::Over),
            Err(Waited::GivenUp(why)) => {
                let subject = Subject::find(config, vmid, Quiet::Background);
                return Err(said(config, vmid, subject)?.give_up(&why));
            }
        };
        let mut subject = said(config, vmid, find(config, &note, agent))?;
        match subject.settle_and_say("the guest has started") {
            Err(_) if !qemu.generation.is_alive() => return Ok(WorkerEnd::Over),
            done => done?,
        }
    }
    hold(config, vmid, &qemu)
}

/// The VM, with the connection that was just made where nobody else has to wait for it: not while its
/// RTC is waited for, nor while commands are run in it, which need connections of their own.
fn find<'a>(config: &'a Config, note: &Note, agent: Agent) -> Result<Subject<'a>, KeepError> {
    if goes_on(note) || note.grant.time_service() != TimeService::Keep {
        drop(agent);
        return Subject::find(config, note.vmid, Quiet::Background);
    }
    match Subject::find_until(config, note.vmid, Quiet::Background, Deadline::after(PAUSE)) {
        Ok(mut subject) => {
            subject.connection = Some(agent);
            Ok(subject)
        }
        Err(KeepError::Busy(_)) => {
            drop(agent);
            Subject::find(config, note.vmid, Quiet::Background)
        }
        Err(error) => Err(error),
    }
}

/// What there is to begin with.
enum Begun {
    /// This start's note and process, and whether its agent has to be waited for.
    With(Box<Note>, Qemu, bool),
    Not(WorkerEnd),
}

fn begin(config: &Config, store: &Store, vmid: VmId) -> Result<Begun, KeepError> {
    let Some(note) = store.load(vmid)? else {
        return Ok(Begun::Not(WorkerEnd::Nothing));
    };
    let Ok(qemu) = Qemu::find(&config.paths.qemu_server, vmid) else {
        return Ok(Begun::Not(WorkerEnd::Over));
    };
    let boot_id = system::boot_id().map_err(|error| KeepError::Failed(error.to_string()))?;
    if !note.plan.stages.agent {
        return Ok(Begun::Not(WorkerEnd::Nothing));
    }
    if !note.belongs_to(qemu.generation, &boot_id) {
        return Err(KeepError::Failed(
            "the state that pre-start left is about another start, so the guest agent is not waited for; \
             start the VM again"
                .to_owned(),
        ));
    }
    // A person may choose a time just now.
    let _alone = store.lock(vmid, Deadline::after(OTHER_LIMIT))?;
    let known = store.load_keep(vmid)?;
    let known = known.filter(|keep| keep.generation == qemu.generation);
    let waits = known.is_none_or(|keep| keep.stage == KeepStage::Waiting);
    if waits {
        store
            .save_keep(&Keep::waiting(vmid, qemu.generation, note.plan.course))
            .map_err(|error| {
                KeepError::Failed(format!(
                    "the state cannot be written, so nothing is changed: {error}"
                ))
            })?;
    }
    Ok(Begun::With(Box::new(note), qemu, waits))
}

/// Says what went wrong before there was anybody to say it.
fn said<T>(config: &Config, vmid: VmId, done: Result<T, KeepError>) -> Result<T, KeepError> {
    done.inspect_err(|error| {
        let text = format!("the clock is not set through the guest agent: {error}");
        Voice::in_background(vmid, config).alarm(Event::Outcome.code(), &text);
    })
}

/// Why the agent is not waited for any more.
enum Waited {
    Over,
    GivenUp(String),
}

fn wait_for_agent(store: &Store, note: &Note, qemu: &Qemu) -> Result<Agent, Waited> {
    let mut left = note.grant.agent_wait();
    let mut looked = Instant::now();
    loop {
        let last = match Agent::connect(&qemu.agent, qemu.generation, Deadline::after(TRY_LIMIT)) {
            Ok(agent) => return Ok(agent),
            Err(error) if error.may_pass() => error,
            // No socket, or nobody at the other end: waiting changes nothing. But a QEMU that ends
            // closes its sockets first.
            Err(error) => {
                std::thread::sleep(ENDING);
                return match qemu.generation.is_alive() && is_current(store, note) {
                    true => Err(Waited::GivenUp(error.to_string())),
                    false => Err(Waited::Over),
                };
            }
        };
        std::thread::sleep(PAUSE);
        if looked.elapsed() < STATE_PAUSE {
            continue;
        }
        if !is_current(store, note) || !qemu.generation.is_alive() {
            return Err(Waited::Over);
        }
        // A guest that stands, or has not arrived yet, cannot answer: that time does not count.
        let runs = rtc::run_state(qemu, Deadline::after(TRY_LIMIT));
        if runs == Ok(RunState::Running) {
            left = left.saturating_sub(looked.elapsed());
        }
        looked = Instant::now();
        if left.is_zero() {
            return Err(Waited::GivenUp(given_up(note, &last)));
        }
    }
}

fn is_current(store: &Store, note: &Note) -> bool {
    let now = store.load(note.vmid).ok().flatten();
    now.is_some_and(|now| now.since_boot == note.since_boot)
}

fn given_up(note: &Note, last: &AgentError) -> String {
    format!(
        "not verified: no guest agent answered within {} s of running time (agent-wait): {last}",
        note.grant.agent_wait().as_secs()
    )
}

/// Looks at the clock every few seconds until the profile's `hold` is over. The sweep does it from
/// then on.
fn hold(config: &Config, vmid: VmId, qemu: &Qemu) -> Result<WorkerEnd, KeepError> {
    let store = Store::new(&config.paths.state);
    loop {
        let keep = store.load_keep(vmid)?;
        let Some(keep) = keep.filter(|keep| keep.generation == qemu.generation) else {
            return Ok(WorkerEnd::Over);
        };
        let now = system::now()?;
        let kept = matches!(keep.stage, KeepStage::Kept | KeepStage::Unverified);
        if !kept || keep.hold_until.is_none_or(|end| now.boot >= end) {
            return Ok(WorkerEnd::Done);
        }
        let pause = Deadline::after(HOLD_PAUSE);
        while !pause.passed() {
            pause.sleep(STATE_PAUSE);
            // The worker of the next start waits for this one.
            if !qemu.generation.is_alive() {
                return Ok(WorkerEnd::Over);
            }
        }
        // What goes wrong is said where it happens; the sweep is the second pair of eyes.
        if let Ok(mut subject) = Subject::find(config, vmid, Quiet::Background) {
            let _ = subject.look_again(Deadline::after(TRY_LIMIT.saturating_mul(2)));
        }
    }
}

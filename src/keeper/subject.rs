//! Everything that is known about a VM whose clock is to be set or looked at.
use std::time::Duration;

use super::error::KeepError;
use super::intended::goes_on;
use crate::audit::{Actor, Event, Record, Trail};
use crate::config::Config;
use crate::guest::Qemu;
use crate::guest::qga::Agent;
use crate::model::{Printable, VmId};
use crate::sources::{Guest, config_path, find_guest};
use crate::state::{Handover, Handovers, Keep, Note, Store};
use crate::system::{Deadline, Lock};
use crate::vmconfig::VmFacts;
use crate::voice::{Voice, trail};

/// How long somebody else's work on the same clock is waited for.
const LOCK_LIMIT: Duration = Duration::from_secs(20);

/// Who hears what is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Quiet {
    /// The standard streams and syslog.
    No,
    /// Syslog alone.
    Yes,
    /// The same, on behalf of whoever started the VM.
    Background,
}

/// What a sweep has for one guest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// Until when its clock may begin to be set.
    pub(super) sets_begin: Deadline,
    /// Until when commands may run in it.
    pub(super) commands_end: Deadline,
}

/// A VM that runs here, locked against other work on its clock.
#[derive(Debug)]
pub struct Subject<'a> {
    pub(super) config: &'a Config,
    pub(super) vmid: VmId,
    pub(super) facts: VmFacts,
    pub(super) qemu: Qemu,
    /// What pre-start decided for this start, if it decided anything.
    pub(super) note: Option<Note>,
    /// How its clock is kept since, if it is.
    pub(super) keep: Option<Keep>,
    pub(super) store: Store,
    pub(super) handovers: Handovers,
    pub(super) trail: Trail,
    pub(super) voice: Voice,
    /// What there is time for, if there is a limit.
    pub(super) budget: Option<Budget>,
    /// A connection to the agent that has just answered: one less to wait for.
    pub(super) connection: Option<Agent>,
    _lock: Lock,
}

impl<'a> Subject<'a> {
    /// Finds a VM that runs on this node, and waits until nobody else works on its clock.
    ///
    /// # Errors
    /// [`KeepError`].
    pub fn find(config: &'a Config, vmid: VmId, quiet: Quiet) -> Result<Subject<'a>, KeepError> {
        Subject::find_until(config, vmid, quiet, Deadline::after(LOCK_LIMIT))
    }

    pub(super) fn find_until(
        config: &'a Config,
        vmid: VmId,
        quiet: Quiet,
        deadline: Deadline,
    ) -> Result<Subject<'a>, KeepError> {
        let store = Store::new(&config.paths.state);
        let lock = store.lock(vmid, deadline).map_err(|error| {
            KeepError::Busy(format!("somebody else works on this VM's clock: {error}"))
        })?;
        let facts = facts(config, vmid)?;
        let qemu = Qemu::find(&config.paths.qemu_server, vmid)
            .map_err(|error| KeepError::NotRunning(error.to_string()))?;
        let trail = trail(config)?;
        let note = store.load(vmid)?;
        let note = note.filter(|note| note.belongs_to(qemu.generation, trail.boot_id()));
        let starter = note.as_ref().and_then(|note| note.actor.clone());
        let trail = match (quiet, starter) {
            (Quiet::Background, Some(starter)) => trail.on_behalf_of(Actor {
                program: Printable::from("time-shift"),
                ..starter
            }),
            _ => trail,
        };
        let keep = store.load_keep(vmid)?;
        let keep = keep.filter(|keep| keep.generation == qemu.generation);
        let mut voice = match quiet {
            Quiet::No => Voice::new(vmid, config),
            Quiet::Yes | Quiet::Background => Voice::in_background(vmid, config),
        };
        voice.call(facts.name.clone());
        Ok(Subject {
            config,
            vmid,
            facts,
            qemu,
            note,
            keep,
            store,
            handovers: Handovers::new(&config.paths.data, &config.paths.cluster_allowlist),
            trail,
            voice,
            budget: None,
            connection: None,
            _lock: lock,
        })
    }

    /// The VM's name, if its config gives one.
    #[must_use]
    pub fn name(&self) -> Option<&Printable> {
        self.facts.name.as_ref()
    }

    /// Whether a clock must not begin to be set any more.
    pub(super) fn has_no_time_to_set(&self) -> bool {
        self.budget.is_some_and(|budget| budget.sets_begin.passed())
    }

    /// Writes down what changes nothing. That it could not be written is said, and changes nothing
    /// either.
    pub(super) fn record(&self, record: &Record<'_>) {
        if let Err(error) = self.trail.record(record) {
            let text = format!("the audit trail was not written: {error}");
            self.voice.warn("audit", &text);
        }
    }

    /// Writes down and says something that somebody should look at.
    pub(super) fn report(&self, event: Event, text: &str) {
        self.record(&Record {
            name: self.facts.name.as_ref(),
            text: Some(Printable::sentence(text)),
            ..Record::new(event, self.vmid)
        });
        self.voice.alarm(event.code(), text);
    }

    /// What an earlier look, or an earlier life of this guest, left. A guest that has just booted runs
    /// all its services, whatever was stopped before.
    pub(super) fn handover(&self) -> Option<Handover> {
        let booted = self.note.as_ref();
        let booted = booted.filter(|note| !note.by_hand && !goes_on(note));
        let known = self.handovers.load(self.vmid);
        known.filter(|known| {
            booted.is_none_or(|note| match &known.life {
                // In this boot of the node its processes say it, whatever its clock was set to meanwhile.
                Some(life) if life.boot_id == self.trail.boot_id() => {
                    life.generation == self.qemu.generation
                }
                _ => known.written >= note.since,
            })
        })
    }

    /// Saves how the clock is kept.
    pub(super) fn save(&mut self, keep: Keep) -> Result<(), KeepError> {
        self.store.save_keep(&keep)?;
        self.keep = Some(keep);
        Ok(())
    }
}

fn facts(config: &Config, vmid: VmId) -> Result<VmFacts, KeepError> {
    match find_guest(config, vmid, None) {
        Ok(Guest::Qemu(facts)) => Ok(*facts),
        Ok(Guest::Container) => Err(KeepError::Failed(
            "a container has its host's clock, so there is nothing to set".to_owned(),
        )),
        Ok(Guest::Nobody) => Err(KeepError::NotRunning(format!(
            "there is no such VM on this node: {} does not exist",
            config_path(config, vmid, None).display()
        ))),
        Err(error) => Err(KeepError::Failed(error.to_string())),
    }
}

//! What every phase needs.
use std::cell::OnceCell;
use std::time::Duration;

use super::call::Call;
use crate::audit::{AuditError, Record, Trail};
use crate::config::Config;
use crate::state::Store;
use crate::system::Deadline;
use crate::voice::{self, Voice};

/// One run of the hook.
pub(super) struct Context<'a> {
    pub(super) call: &'a Call,
    pub(super) config: Config,
    pub(super) store: Store,
    pub(super) voice: Voice,
    pub(super) deadline: Deadline,
    trail: OnceCell<Trail>,
}

impl<'a> Context<'a> {
    pub(super) fn new(call: &'a Call, config: Config) -> Context<'a> {
        let limit: Duration = config.hook.post_start_limit;
        Context {
            call,
            store: Store::new(&config.paths.state),
            voice: Voice::new(call.vmid, &config),
            deadline: Deadline::after(limit),
            trail: OnceCell::new(),
            config,
        }
    }

    /// The audit trail. Opened only where there is something to write down.
    pub(super) fn trail(&self) -> Result<&Trail, AuditError> {
        if let Some(trail) = self.trail.get() {
            return Ok(trail);
        }
        let trail = voice::trail(&self.config)?;
        Ok(self.trail.get_or_init(|| trail))
    }

    /// Writes down what changes nothing. That it could not be written is said, and changes nothing
    /// either.
    pub(super) fn record(&self, record: &Record<'_>) {
        if let Err(error) = self.trail().and_then(|trail| trail.record(record)) {
            self.voice.warn(
                "audit",
                &format!("the audit trail was not written: {error}"),
            );
        }
    }
}

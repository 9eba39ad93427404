//! What is known about the clock of a running guest: the agent stage and everything after it.
use serde::{Deserialize, Serialize};

use crate::model::{BootInstant, Course, Now, Offset, Printable, Timestamp, VmId};
use crate::system::Generation;

/// How far keeping a clock has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepStage {
    /// The guest's agent is waited for.
    Waiting,
    /// The clock was set and read back within its tolerance; it is looked at again and again.
    Kept,
    /// The clock was set, or was to be, and what was read back is not good enough.
    Unverified,
    /// Policy does not permit it any more; nothing was set.
    Denied,
    /// The agent did not come, or cannot do it.
    GaveUp,
    /// The guest has its real time back.
    Restored,
}

impl KeepStage {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            KeepStage::Waiting => "waiting",
            KeepStage::Kept => "kept",
            KeepStage::Unverified => "unverified",
            KeepStage::Denied => "denied",
            KeepStage::GaveUp => "gave-up",
            KeepStage::Restored => "restored",
        }
    }
}

/// A guest's clock as its agent showed it last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AgentResult {
    /// Whether the error is within the tolerance.
    pub verified: bool,
    /// What the guest showed.
    pub guest_time: Timestamp,
    /// The host's clock then.
    pub at: Timestamp,
    /// Guest minus host, as intended.
    pub offset_ns: Offset,
    /// Measured minus intended.
    pub error_ns: Offset,
    /// How well the error is known, either way.
    pub uncertainty_ns: Offset,
}

/// The state of keeping one guest's clock. It is about one QEMU process and worth nothing for another.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Keep {
    /// Version of this format.
    pub version: u32,
    /// The VM.
    pub vmid: VmId,
    /// Its QEMU process.
    pub generation: Generation,
    /// How far it has come.
    pub stage: KeepStage,
    /// Which time the guest shall have.
    pub course: Course,
    /// Its clock at the last look.
    pub agent: Option<AgentResult>,
    /// Until when it is looked at every few seconds.
    pub hold_until: Option<BootInstant>,
    /// When the guest gets its real time back.
    pub restore_by: Option<Timestamp>,
    /// The same by the clock that never steps, which counts where it is known: it was known in this life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore_at: Option<BootInstant>,
    /// When something in the guest was found to have set the clock and it was set again, within the last hour.
    pub set_again: Vec<BootInstant>,
    /// Whether the RTC was read again after the guest's firmware was through.
    pub rtc_looked_at: bool,
    /// How often in a row the agent could not be asked.
    pub failures: u32,
    /// Before this moment the guest is not looked at.
    pub not_before: Option<BootInstant>,
    /// What a person should know about it.
    pub remark: Option<Printable>,
}

impl Keep {
    /// The version that this program writes and reads.
    pub const VERSION: u32 = 1;

    /// The state of a guest whose agent is waited for.
    #[must_use]
    pub fn waiting(vmid: VmId, generation: Generation, course: Course) -> Keep {
        Keep {
            version: Keep::VERSION,
            vmid,
            generation,
            stage: KeepStage::Waiting,
            course,
            agent: None,
            hold_until: None,
            restore_by: None,
            restore_at: None,
            set_again: Vec::new(),
            rtc_looked_at: false,
            failures: 0,
            not_before: None,
            remark: None,
        }
    }

    /// The same, with the real time to be given back then, or not at all.
    #[must_use]
    pub fn due(self, then: Option<Now>) -> Keep {
        Keep {
            restore_by: then.map(|then| then.real),
            restore_at: then.map(|then| then.boot),
            ..self
        }
    }

    /// Whether the real time is to be given back by now, and has not been.
    #[must_use]
    pub fn is_overdue(&self, now: Now) -> bool {
        let over = match (self.restore_at, self.restore_by) {
            (Some(at), _) => at <= now.boot,
            (None, by) => by.is_some_and(|by| by <= now.real),
        };
        over && self.stage != KeepStage::Restored
    }
}

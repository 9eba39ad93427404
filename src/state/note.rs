//! What is known about one start.
use serde::{Deserialize, Serialize};

use crate::audit::{Actor, Receipt};
use crate::model::{BootInstant, ClockPlan, Offset, Printable, StartKind, Timestamp, VmId};
use crate::policy::Grant;
use crate::system::Generation;

/// How far a start has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// pre-start has decided; nothing was done yet.
    Planned,
    /// post-start is about to stop the VM, or was killed while it was stopped.
    Stopping,
    /// The VM runs again, and what was done to its RTC was not written down (yet).
    Interrupted,
    /// The RTC was set.
    RtcSet,
    /// The clock was left alone, because of the kind of start or of QEMU's state.
    LeftAlone,
    /// The RTC should have been set and was not.
    Failed,
}

impl Stage {
    /// The word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Planned => "planned",
            Stage::Stopping => "stopping",
            Stage::Interrupted => "interrupted",
            Stage::RtcSet => "rtc-set",
            Stage::LeftAlone => "left-alone",
            Stage::Failed => "failed",
        }
    }
}

/// What the RTC stage did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RtcResult {
    /// Whether reading back showed what was written.
    pub verified: bool,
    /// What the guest was to show at `at`.
    pub guest_time: Timestamp,
    /// The host's clock when the RTC was released.
    pub at: Timestamp,
    /// Guest minus host, as intended; fixed from here on.
    pub offset_ns: Offset,
    /// Measured minus intended.
    pub error_ns: Offset,
    /// How well the error is known.
    pub uncertainty_ns: Offset,
}

/// The note of one start.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Note {
    /// Version of this format.
    pub version: u32,
    /// The VM.
    pub vmid: VmId,
    /// Its name.
    pub name: Option<Printable>,
    /// The boot of the host that this belongs to.
    pub boot_id: String,
    /// When pre-start decided.
    pub since: Timestamp,
    /// The same on the clock that never steps.
    pub since_boot: BootInstant,
    /// How the VM was started, as far as known.
    pub start_kind: Option<StartKind>,
    /// The config's lock at pre-start.
    pub lock: Option<Printable>,
    /// Who asked for the start, or chose by hand: what is done in the background is theirs too.
    #[serde(default)]
    pub actor: Option<Actor>,
    /// Whether somebody chose this time by hand, for a VM that ran already.
    #[serde(default)]
    pub by_hand: bool,
    /// What the VM may have.
    pub grant: Grant,
    /// What was planned within that.
    pub plan: ClockPlan,
    /// The planned offset at `since`: guest minus host.
    pub offset_ns: Offset,
    /// SHA-256 of the allowlist that decided.
    pub allowlist_sha256: String,
    /// The proof that the intent was written down; none where nothing is to be changed.
    pub intent: Option<Receipt>,
    /// How far it has come.
    pub stage: Stage,
    /// The QEMU process that `stage` is about.
    pub generation: Option<Generation>,
    /// What the RTC stage did.
    pub rtc: Option<RtcResult>,
    /// What a person should know about it.
    pub remark: Option<Printable>,
}

impl Note {
    /// The version that this program writes and reads.
    pub const VERSION: u32 = 1;

    /// Whether this note can be about the process `qemu`: it was written before that was started,
    /// and no other process has used it.
    #[must_use]
    pub fn belongs_to(&self, qemu: Generation, boot_id: &str) -> bool {
        // /proc counts in hundredths of a second, cut: allow for one.
        let started = qemu.started_nanos().saturating_add(10_000_000);
        self.boot_id == boot_id
            && started >= self.since_boot.as_nanos()
            && self.generation.is_none_or(|other| other == qemu)
    }
}

//! What somebody has approved: that a rule with `confirm = true` may apply to a VM for a while.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{BootInstant, Printable, ProfileName, Timestamp, VmId};

/// An approval, `/run/time-shift/VMID.approval.json`. It counts on the node that has it, until it has
/// run out by a clock that nobody sets, or the node boots.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Approval {
    /// Version of this format.
    pub version: u32,
    /// The VM.
    pub vmid: VmId,
    /// The profile that it may have.
    pub profile: ProfileName,
    /// SHA-256 of the allowlist that was approved under, in hexadecimal.
    pub allowlist_sha256: String,
    /// The boot of the host that it belongs to.
    pub boot_id: String,
    /// When it was given.
    pub since: Timestamp,
    /// The same by the clock that never steps.
    pub since_boot: BootInstant,
    /// How long it holds, at most [`Approval::LONGEST`].
    pub length: Duration,
    /// Who gave it.
    pub by: Printable,
    /// Why, in his words.
    pub reason: Option<Printable>,
}

impl Approval {
    /// The version of this format.
    pub const VERSION: u32 = 1;

    /// How long one can hold.
    pub const LONGEST: Duration = Duration::from_secs(3600);

    /// What is left of it at `now`; nothing once it has run out, or if it cannot be one of this boot.
    #[must_use]
    pub fn left(&self, boot_id: &str, now: BootInstant) -> Option<Duration> {
        let possible =
            self.boot_id == boot_id && self.length <= Approval::LONGEST && self.since_boot <= now;
        let left = self.length.checked_sub(now.since(self.since_boot))?;
        (possible && !left.is_zero()).then_some(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_holds_for_its_length_in_its_boot_and_no_longer_b4() {
        let second = 1_000_000_000;
        let mut approval = Approval {
            version: Approval::VERSION,
            vmid: VmId::MIN,
            profile: ProfileName::parse("p").unwrap(),
            allowlist_sha256: String::new(),
            boot_id: "this".to_owned(),
            since: Timestamp::parse("2026-11-24").unwrap(),
            since_boot: BootInstant::from_nanos(100 * second),
            length: Duration::from_secs(60),
            by: Printable::from("system"),
            reason: None,
        };
        let left = |approval: &Approval, boot: &str, at: u64| {
            approval.left(boot, BootInstant::from_nanos(at * second))
        };
        assert_eq!(left(&approval, "this", 100), Some(Duration::from_secs(60)));
        assert_eq!(left(&approval, "this", 159), Some(Duration::from_secs(1)));
        assert_eq!(left(&approval, "this", 160), None);
        assert_eq!(left(&approval, "this", 9_999), None);
        // Given in the future, or in another boot: nobody can have.
        assert_eq!(left(&approval, "this", 99), None);
        assert_eq!(left(&approval, "other", 100), None);
        approval.length = Duration::from_secs(3601);
        assert_eq!(left(&approval, "this", 100), None);
    }
}

//! Whether somebody has approved what a rule wants approved.
use crate::config::Config;
use crate::model::{BootInstant, VmId};
use crate::policy::Confirmation;
use crate::state::{Approval, Store};
use crate::system;

/// What is known about a VM's approval under the allowlist with this SHA-256.
#[must_use]
pub fn confirmation(config: &Config, vmid: VmId, allowlist_sha256: &str) -> Confirmation {
    let store = Store::new(&config.paths.state);
    let approval = match store.load_approval(vmid) {
        Ok(Some(approval)) => approval,
        Ok(None) => return Confirmation::Missing,
        Err(error) => return Confirmation::Unusable(error.to_string()),
    };
    let here = system::boot_id().map_err(|error| error.to_string());
    let now = system::now().map_err(|error| error.to_string());
    match here.and_then(|boot_id| Ok((boot_id, now?))) {
        Ok((boot_id, now)) => judged(approval, &boot_id, now.boot, allowlist_sha256),
        Err(error) => Confirmation::Unusable(error),
    }
}

/// What an approval comes to now.
#[must_use]
pub fn judged(
    approval: Approval,
    boot_id: &str,
    now: BootInstant,
    allowlist_sha256: &str,
) -> Confirmation {
    match approval.left(boot_id, now) {
        None => Confirmation::RanOut,
        Some(_) if approval.allowlist_sha256 != allowlist_sha256 => Confirmation::OtherAllowlist,
        Some(left) => Confirmation::Given {
            profile: approval.profile,
            left,
        },
    }
}

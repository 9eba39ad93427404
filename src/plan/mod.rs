//! A grant becomes a plan: where the guest's time comes from and how it gets there.
//!
//! Belongs here: arithmetic on what was granted. What is too far is for `policy` to say.
#![forbid(unsafe_code)]

use crate::model::{ClockPlan, ClockTarget, Course, Deny, DenyReason, Now, Offset};
use crate::policy::Grant;

/// Calculates the plan for a start at `now`.
///
/// # Errors
/// A [`Deny`] where the target cannot be calculated.
pub fn make(grant: &Grant, now: Now) -> Result<ClockPlan, Deny> {
    let course = course(grant, now).map_err(|deny| deny.blocking(grant.block_when_denied()))?;
    Ok(ClockPlan {
        course,
        stages: grant.stages(),
        align: grant.align(),
        tolerance: grant.tolerance(),
        zone: grant.zone(),
    })
}

fn course(grant: &Grant, now: Now) -> Result<Course, Deny> {
    let target = match grant.target() {
        ClockTarget::Now => {
            return Ok(Course::Constant {
                offset: Offset::ZERO,
            });
        }
        ClockTarget::Shifted(shift) => return Ok(Course::Shifted { shift: *shift }),
        ClockTarget::At(target) => *target,
        target @ ClockTarget::Certificate(_) => grant.date().ok_or_else(|| {
            let text = format!("the grant has no date for target {target}; start the VM again");
            Deny::new(DenyReason::CertificateNotPinned, text)
        })?,
    };
    let Some(anchor) = grant.anchor() else {
        return Ok(Course::FromStart {
            target,
            start: now.boot,
        });
    };
    match target.since(anchor) {
        Ok(offset) => Ok(Course::Constant { offset }),
        Err(error) => Err(Deny::new(
            DenyReason::TimeOutOfRange,
            format!("target {target} and anchor {anchor} are too far apart: {error}"),
        )),
    }
}

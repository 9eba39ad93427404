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
    match (grant.target(), grant.anchor()) {
        (ClockTarget::Now, _) => Ok(Course::Constant {
            offset: Offset::ZERO,
        }),
        (ClockTarget::Shifted(shift), _) => Ok(Course::Shifted { shift: *shift }),
        (ClockTarget::At(target), None) => Ok(Course::FromStart {
            target: *target,
            start: now.boot,
        }),
        (ClockTarget::At(target), Some(anchor)) => match target.since(anchor) {
            Ok(offset) => Ok(Course::Constant { offset }),
            Err(error) => Err(Deny::new(
                DenyReason::TimeOutOfRange,
                format!("target {target} and anchor {anchor} are too far apart: {error}"),
            )),
        },
        (target @ ClockTarget::Certificate { .. }, _) => Err(Deny::new(
            DenyReason::CertificateNotPinned,
            format!(
                "profile {} has target {target}, and this version cannot pin certificates yet; write the \
                 date as target",
                grant.profile()
            ),
        )),
    }
}

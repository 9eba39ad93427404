//! The last check before anything is touched, and the proof that it was made.
use super::decide::Grant;
use crate::model::{ClockPlan, Course, Deny, DenyReason, Now, Offset, Stages, Timestamp};

/// A plan that policy has checked against the grant's bounds, or a command that it has found in the
/// grant's profile. Nothing but [`authorize`] and [`authorize_command`](super::authorize_command) make
/// one:
///
/// ```compile_fail
/// use time_shift::model::ClockPlan;
/// use time_shift::policy::{Authorized, Grant};
/// fn forge(plan: ClockPlan, grant: Grant) -> Authorized<ClockPlan> {
///     Authorized { plan, grant }
/// }
/// ```
///
/// The honest way compiles:
///
/// ```
/// use time_shift::model::{ClockPlan, Deny, Now};
/// use time_shift::policy::{Authorized, Grant, authorize};
/// fn ask(plan: ClockPlan, grant: Grant, now: Now) -> Result<Authorized<ClockPlan>, Deny> {
///     authorize(grant, plan, now)
/// }
/// ```
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub struct Authorized<T> {
    pub(super) plan: T,
    pub(super) grant: Grant,
}

impl<T> Authorized<T> {
    /// What may be done.
    pub fn plan(&self) -> &T {
        &self.plan
    }

    /// Why it may be done.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }
}

/// Checks what `plan` would make of the guest's clock at `now` against the bounds of `grant`.
///
/// # Errors
/// A [`Deny`] that names the bound; it blocks if the grant's profile says so.
pub fn authorize(grant: Grant, plan: ClockPlan, now: Now) -> Result<Authorized<ClockPlan>, Deny> {
    match check(&grant, &plan, now) {
        Ok(()) => Ok(Authorized { plan, grant }),
        Err(deny) => Err(deny.blocking(grant.block_when_denied)),
    }
}

/// A plan that gives a guest the real time back. That is always permitted, whatever the bounds of
/// its grant, and by every stage.
pub fn authorize_restore(grant: Grant) -> Authorized<ClockPlan> {
    let plan = ClockPlan {
        course: Course::Constant {
            offset: Offset::ZERO,
        },
        stages: Stages {
            rtc: true,
            agent: true,
        },
        align: false,
        tolerance: grant.tolerance,
        zone: grant.zone,
    };
    Authorized { plan, grant }
}

fn check(grant: &Grant, plan: &ClockPlan, now: Now) -> Result<(), Deny> {
    let allowed = grant.stages;
    if (plan.stages.rtc && !allowed.rtc) || (plan.stages.agent && !allowed.agent) {
        return Err(Deny::new(
            DenyReason::ProfileNotAllowed,
            "the plan wants a stage that the rule does not permit; start the VM again",
        ));
    }
    let guest = plan.course.guest_time(now).map_err(|error| {
        Deny::new(
            DenyReason::TimeOutOfRange,
            format!("the guest's time cannot be calculated: {error}"),
        )
    })?;
    check_bounds(grant, guest, now.real)?;
    plan.course.offset(now).map_err(|error| {
        Deny::new(
            DenyReason::TimeOutOfRange,
            format!("the shift cannot be calculated: {error}"),
        )
    })?;
    if plan.stages.rtc {
        grant.rtc_years.check(guest, plan.zone)?;
    }
    Ok(())
}

fn check_bounds(grant: &Grant, guest: Timestamp, host: Timestamp) -> Result<(), Deny> {
    not_before(grant, guest)?;
    not_after(grant, guest)?;
    not_too_far(grant, guest, host)
}

/// The rule's `earliest`.
pub(super) fn not_before(grant: &Grant, guest: Timestamp) -> Result<(), Deny> {
    if guest >= grant.earliest {
        return Ok(());
    }
    Err(Deny::new(
        DenyReason::TooEarly,
        format!(
            "the guest would show {guest}, the rule (allowlist line {}) allows nothing before {}",
            grant.rule_line, grant.earliest
        ),
    ))
}

/// The rule's `latest`.
pub(super) fn not_after(grant: &Grant, guest: Timestamp) -> Result<(), Deny> {
    if guest <= grant.latest {
        return Ok(());
    }
    Err(Deny::new(
        DenyReason::TooLate,
        format!(
            "the guest would show {guest}, the rule (allowlist line {}) allows nothing after {}",
            grant.rule_line, grant.latest
        ),
    ))
}

/// The rule's `max-shift`.
pub(super) fn not_too_far(grant: &Grant, guest: Timestamp, host: Timestamp) -> Result<(), Deny> {
    if grant.max_shift.holds(host, guest) {
        return Ok(());
    }
    Err(Deny::new(
        DenyReason::ShiftTooLarge,
        format!(
            "the guest would show {guest}, the host shows {host}, and the rule (allowlist line {}) allows \
             at most {} between them",
            grant.rule_line, grant.max_shift
        ),
    ))
}

//! Policy and plan in their order: what a hook carries out and what `plan` shows is the same.
//!
//! Belongs here: the sequence decide, calculate, authorise, and what a person should know of the
//! result.
#![forbid(unsafe_code)]

mod warnings;
mod why;

use crate::allowlist::Allowlist;
use crate::model::{ClockPlan, Deny, Now};
use crate::plan;
use crate::policy::{Authorized, Decision, Request, authorize, decide};
use crate::vmconfig::VmFacts;

pub use warnings::{WARNINGS, Warning, warnings};
pub use why::why;

/// What shall happen to a VM's clock.
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub enum Judgement {
    /// Nothing, and nothing is to be said.
    NotConcerned,
    /// Nothing, for this reason.
    Denied(Deny),
    /// This.
    Permitted(Box<Authorized<ClockPlan>>),
}

/// Judges a VM's start at `now`.
pub fn judge(request: &Request, facts: &VmFacts, allowlist: &Allowlist, now: Now) -> Judgement {
    let grant = match decide(request, facts, allowlist) {
        Decision::NotConcerned => return Judgement::NotConcerned,
        Decision::Denied(deny) => return Judgement::Denied(deny),
        Decision::Permitted(grant) => *grant,
    };
    let authorized = plan::make(&grant, now).and_then(|plan| authorize(grant, plan, now));
    match authorized {
        Ok(authorized) => Judgement::Permitted(Box::new(authorized)),
        Err(deny) => Judgement::Denied(deny),
    }
}

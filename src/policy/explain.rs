//! The checks of a decision one by one, by the functions that decide.
use serde::Serialize;

use super::Confirmation;
use super::authorize::{not_after, not_before, not_too_far};
use super::choose::choose;
use super::confirm;
use super::decide::{Decision, Grant, Request, check_identity, decide, possible_stages};
use super::starter::{self, Starter};
use crate::allowlist::{Allowlist, Rule};
use crate::model::{ClockPlan, Deny, DenyReason, Now, Stages};
use crate::vmconfig::VmFacts;

/// How a check ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Nothing against it.
    Passed,
    /// It is the reason, or one of the reasons, of a denial.
    Failed,
    /// It does not concern this VM, or an earlier check left nothing to look at.
    NotReached,
}

/// A check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Check {
    /// What is checked.
    pub check: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// The reason of the denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<DenyReason>,
    /// The values that were compared; of one that failed, what has to change.
    pub text: String,
}

impl Check {
    fn passed(check: &'static str, text: impl Into<String>) -> Check {
        Check {
            check,
            verdict: Verdict::Passed,
            reason: None,
            text: text.into(),
        }
    }

    fn failed(check: &'static str, deny: &Deny) -> Check {
        Check {
            check,
            verdict: Verdict::Failed,
            reason: Some(deny.reason),
            text: deny.text.clone(),
        }
    }

    fn not_reached(check: &'static str, text: impl Into<String>) -> Check {
        Check {
            verdict: Verdict::NotReached,
            ..Check::passed(check, text)
        }
    }

    /// What a check came to: `text` of what passed, or the denial.
    #[must_use]
    pub fn of(check: &'static str, result: &Result<(), Deny>, text: impl Into<String>) -> Check {
        match result {
            Ok(()) => Check::passed(check, text),
            Err(deny) => Check::failed(check, deny),
        }
    }
}

/// The checks that come before there is a time, and what would be granted if the approval that may be
/// missing were there and one of the rule's users were behind it.
#[must_use]
pub fn explain(
    request: &Request,
    facts: &VmFacts,
    allowlist: &Allowlist,
) -> (Vec<Check>, Option<Grant>) {
    let mut checks = Vec::new();
    let decision = decide(request, facts, allowlist);
    match allowlist.rule_for(request.vmid) {
        None => checks.push(match &decision {
            Decision::Denied(deny) => Check::failed("rule", deny),
            _ => Check::not_reached(
                "rule",
                "no rule names this VM, and no tag of it begins with ts-",
            ),
        }),
        Some(rule) => {
            checks.push(Check::passed(
                "rule",
                format!("allowlist line {} names this VM", rule.line),
            ));
            of_rule(request, rule, facts, allowlist, &mut checks);
        }
    }
    // Whatever else may deny is said, too.
    let unsaid = |deny: &&Deny| checks.iter().all(|check| check.reason != Some(deny.reason));
    let denied = match &decision {
        Decision::Denied(deny) => Some(deny).filter(unsaid),
        Decision::Permitted(_) | Decision::NotConcerned => None,
    };
    if let Some(deny) = denied {
        let check = match deny.reason {
            DenyReason::CertificateNotPinned => "target",
            _ => "other",
        };
        checks.push(Check::failed(check, deny));
    }
    let approved = Request {
        confirmation: Confirmation::Assumed,
        starter: Starter::Assumed,
        ..request.clone()
    };
    match decide(&approved, facts, allowlist) {
        Decision::Permitted(grant) => (checks, Some(*grant)),
        Decision::Denied(_) | Decision::NotConcerned => (checks, None),
    }
}

fn of_rule(
    request: &Request,
    rule: &Rule,
    facts: &VmFacts,
    allowlist: &Allowlist,
    checks: &mut Vec<Check>,
) {
    let (name, profile) = match choose(rule, facts, &request.registered_tags, allowlist) {
        Ok(Some(chosen)) => chosen,
        Ok(None) => {
            let text = "the rule assigns none, and no tag of the VM chooses one";
            return checks.push(Check::not_reached("profile", text));
        }
        Err(deny) => return checks.push(Check::failed("profile", &deny)),
    };
    let how = match rule.assign {
        Some(_) => "assigned by the rule",
        None if rule.any_tag => "chosen by a tag, any counts",
        None => "chosen by a registered tag",
    };
    checks.push(Check::passed(
        "profile",
        format!("{name} (line {}), {how}", profile.line),
    ));
    let uuid = match &rule.uuid {
        Some(uuid) => format!("{uuid}, as the rule wants"),
        None => "the rule names none".to_owned(),
    };
    checks.push(Check::of("uuid", &check_identity(rule, facts), uuid));
    let users = match &request.starter {
        _ if rule.pve_users.is_empty() => "the rule is for everybody's starts".to_owned(),
        Starter::Known(callers) => {
            let callers: Vec<String> = callers.iter().map(ToString::to_string).collect();
            format!("{}, whom the rule lists", callers.join(" and "))
        }
        Starter::Other(_) | Starter::Assumed => "one whom the rule lists".to_owned(),
    };
    let starter = starter::check(rule, &request.starter).map(|_| ());
    checks.push(Check::of("pve-users", &starter, users));
    let approval = match &request.confirmation {
        _ if !rule.confirm => "the rule wants none".to_owned(),
        Confirmation::Given { left, .. } => format!("approved, for {} s more", left.as_secs()),
        _ => "approved".to_owned(),
    };
    let confirmed = confirm::check(rule, request.vmid, name, &request.confirmation);
    checks.push(Check::of("approval", &confirmed, approval));
    let stages = possible_stages(profile, rule, facts);
    let text = format!(
        "the profile wants {}, the rule permits {}",
        words(profile.stages),
        words(rule.stages)
    );
    checks.push(Check::of("stages", &stages.map(|_| ()), text));
}

/// The checks of a calculated time against what was granted.
#[must_use]
pub fn explain_plan(grant: &Grant, plan: &ClockPlan, now: Now) -> Vec<Check> {
    let guest = match plan.course.guest_time(now) {
        Ok(guest) => guest,
        Err(error) => {
            let text = format!("the guest's time cannot be calculated: {error}");
            return vec![Check::failed(
                "target",
                &Deny::new(DenyReason::TimeOutOfRange, text),
            )];
        }
    };
    let mut checks = vec![
        Check::passed(
            "target",
            format!("{}: the guest would show {guest}", grant.target),
        ),
        Check::of(
            "earliest",
            &not_before(grant, guest),
            format!("not before {}", grant.earliest),
        ),
        Check::of(
            "latest",
            &not_after(grant, guest),
            format!("not after {}", grant.latest),
        ),
        Check::of(
            "max-shift",
            &not_too_far(grant, guest, now.real),
            format!("within {} of the host's {}", grant.max_shift, now.real),
        ),
    ];
    checks.push(match plan.stages.rtc {
        true => Check::of(
            "machine",
            &grant.rtc_years.check(guest, plan.zone),
            "its RTC can hold that year",
        ),
        false => Check::not_reached("machine", "the RTC is not set"),
    });
    checks
}

fn words(stages: Stages) -> String {
    let words: Vec<&str> = stages.iter().map(|stage| stage.as_str()).collect();
    words.join(" and ")
}

//! The decision: none of our business, denied, or permitted within bounds.
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::choose::{choose, follows_the_host, listed, only_one, profile_tags};
use super::confirm::{self, Confirmation};
use super::machine::RtcYears;
use super::pins::{self, Pins};
use super::starter::{self, Starter};
use crate::allowlist::{Allowlist, OnUndo, Profile, Rule, TimeService};
use crate::model::{
    ClockTarget, Deny, DenyReason, OnTrouble, ProfileName, PveCaller, RtcZone, ShiftBound, Stages,
    Tag, Timestamp, VmId,
};
use crate::vmconfig::VmFacts;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Request {
    /// The VM.
    pub vmid: VmId,
    /// The tags that datacenter.cfg registers; needed only where
    /// [`asks_for_registered_tags`](super::asks_for_registered_tags) says so.
    pub registered_tags: Vec<Tag>,
    /// What is known about an approval; needed only where the VM's rule wants one.
    pub confirmation: Confirmation,
    /// Who is behind it; needed only where
    /// [`asks_for_starter`](super::asks_for_starter) says so.
    pub starter: Starter,
    /// What is pinned for the servers that [`asks_for_pins`](super::asks_for_pins) names.
    pub pins: Pins,
}

/// What the allowlist says about a VM.
#[must_use]
#[derive(Clone, PartialEq, Debug)]
pub enum Decision {
    /// Neither a rule nor a tag concerns this VM: there is nothing to do or to say.
    NotConcerned,
    /// No.
    Denied(Deny),
    /// Yes, within the grant's bounds.
    Permitted(Box<Grant>),
}

impl Default for Decision {
    fn default() -> Decision {
        Decision::Denied(Deny::default())
    }
}

/// What a VM may have, and the bounds within which it may. It can be written into the state file
/// of a start and read back from there, which is why that file is as well guarded as the allowlist.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grant {
    pub(super) vmid: VmId,
    pub(super) profile: ProfileName,
    pub(super) rule_line: usize,
    pub(super) target: ClockTarget,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) date: Option<Timestamp>,
    pub(super) anchor: Option<Timestamp>,
    pub(super) stages: Stages,
    pub(super) align: bool,
    pub(super) tolerance: Duration,
    pub(super) zone: RtcZone,
    pub(super) earliest: Timestamp,
    pub(super) latest: Timestamp,
    pub(super) max_shift: ShiftBound,
    pub(super) rtc_years: RtcYears,
    pub(super) time_service: TimeService,
    pub(super) hold: Duration,
    pub(super) agent_wait: Duration,
    pub(super) on_undo: OnUndo,
    pub(super) restore_after: Option<Duration>,
    pub(super) block_when_denied: bool,
    pub(super) block_on_failure: bool,
    /// Left out where it is not so: an earlier version does not know it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) confirmed: bool,
    /// Left out where its rule is everybody's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) started_by: Vec<PveCaller>,
}

impl Grant {
    /// The VM it is for.
    #[must_use]
    pub fn vmid(&self) -> VmId {
        self.vmid
    }

    /// The profile it comes from.
    #[must_use]
    pub fn profile(&self) -> &ProfileName {
        &self.profile
    }

    /// The line of the allowlist at which its rule starts.
    #[must_use]
    pub fn rule_line(&self) -> usize {
        self.rule_line
    }

    /// What the guest shall show.
    #[must_use]
    pub fn target(&self) -> &ClockTarget {
        &self.target
    }

    /// The date that the target comes to, where that is a certificate.
    #[must_use]
    pub fn date(&self) -> Option<Timestamp> {
        self.date
    }

    /// The real time at which the guest shall show the target; without it, when it starts.
    #[must_use]
    pub fn anchor(&self) -> Option<Timestamp> {
        self.anchor
    }

    /// How its clock may be set.
    #[must_use]
    pub fn stages(&self) -> Stages {
        self.stages
    }

    /// Whether the RTC's second shall start with the guest's.
    #[must_use]
    pub fn align(&self) -> bool {
        self.align
    }

    /// How much error is good enough.
    #[must_use]
    pub fn tolerance(&self) -> Duration {
        self.tolerance
    }

    /// What the guest takes its RTC for.
    #[must_use]
    pub fn zone(&self) -> RtcZone {
        self.zone
    }

    /// What happens to the time service in the guest.
    #[must_use]
    pub fn time_service(&self) -> TimeService {
        self.time_service
    }

    /// How long after a start the clock is looked at every few seconds.
    #[must_use]
    pub fn hold(&self) -> Duration {
        self.hold
    }

    /// How long a running guest may take to its agent.
    #[must_use]
    pub fn agent_wait(&self) -> Duration {
        self.agent_wait
    }

    /// What is done about a clock that was put back.
    #[must_use]
    pub fn on_undo(&self) -> OnUndo {
        self.on_undo
    }

    /// After how long the guest gets its real time back.
    #[must_use]
    pub fn restore_after(&self) -> Option<Duration> {
        self.restore_after
    }

    /// Whether a refusal of what is asked under this grant keeps the VM from starting.
    #[must_use]
    pub fn block_when_denied(&self) -> bool {
        self.block_when_denied
    }

    /// Whether its rule wanted an approval, and there was one.
    #[must_use]
    pub fn confirmed(&self) -> bool {
        self.confirmed
    }

    /// Who was behind the start, where its rule asked.
    #[must_use]
    pub fn started_by(&self) -> &[PveCaller] {
        &self.started_by
    }

    /// Whether a failure before the start keeps the VM from starting.
    #[must_use]
    pub fn block_on_failure(&self) -> bool {
        self.block_on_failure
    }
}

/// Which time is asked for.
#[derive(Clone, Copy, Debug)]
pub enum Wish<'a> {
    /// The one of the VM's profile, as at a start.
    Profile,
    /// The host's, for a guest that is only to be synchronised. Any profile of the rule that has it
    /// will do.
    Now,
    /// Another one within the rule's bounds, chosen by hand.
    Target {
        /// That time.
        target: &'a ClockTarget,
        /// The profile that says how; none: the VM's own, else the only one of its rule.
        profile: Option<&'a ProfileName>,
    },
}

/// Decides about a VM's start. Everything that is not expressly allowed is denied.
pub fn decide(request: &Request, facts: &VmFacts, allowlist: &Allowlist) -> Decision {
    decide_wish(request, facts, allowlist, Wish::Profile)
}

/// Decides about a time for a VM. Everything that is not expressly allowed is denied.
pub fn decide_wish(
    request: &Request,
    facts: &VmFacts,
    allowlist: &Allowlist,
    wish: Wish<'_>,
) -> Decision {
    let Some(rule) = allowlist.rule_for(request.vmid) else {
        return if profile_tags(facts).is_empty() && matches!(wish, Wish::Profile) {
            Decision::NotConcerned
        } else if profile_tags(facts).is_empty() {
            Decision::Denied(Deny::new(
                DenyReason::NoRule,
                "no rule of the allowlist names this VM; add an [[allow]] for it",
            ))
        } else {
            Decision::Denied(Deny::new(
                DenyReason::NoRule,
                "a ts- tag asks for another time, but no rule of the allowlist names this VM; add an \
                 [[allow]] for it or remove the tag",
            ))
        };
    };
    match permit(request, rule, facts, allowlist, wish) {
        Ok(None) => Decision::NotConcerned,
        Ok(Some(grant)) => Decision::Permitted(Box::new(grant)),
        Err(deny) => Decision::Denied(deny),
    }
}

fn permit(
    request: &Request,
    rule: &Rule,
    facts: &VmFacts,
    allowlist: &Allowlist,
    wish: Wish<'_>,
) -> Result<Option<Grant>, Deny> {
    let own = || choose(rule, facts, &request.registered_tags, allowlist);
    let chosen = match wish {
        Wish::Profile => own()?,
        Wish::Now => Some(follows_the_host(rule, allowlist)?),
        Wish::Target { profile, .. } => Some(match profile {
            Some(name) => listed(rule, name, allowlist)?,
            None => match own()? {
                Some(own) => own,
                None => only_one(rule, allowlist)?,
            },
        }),
    };
    let Some((name, profile)) = chosen else {
        return Ok(None);
    };
    let (target, anchor) = match wish {
        Wish::Target { target, .. } => (target.clone(), None),
        Wish::Profile | Wish::Now => (profile.target.clone(), profile.anchor),
    };
    let block = profile.on_denied == OnTrouble::Block;
    check_identity(rule, facts).map_err(|deny| deny.blocking(block))?;
    let started_by = starter::check(rule, &request.starter).map_err(|deny| deny.blocking(block))?;
    let date = pins::date(&target, &request.pins, rule, profile.margin)
        .map_err(|deny| deny.blocking(block))?;
    confirm::check(rule, request.vmid, name, &request.confirmation)
        .map_err(|deny| deny.blocking(block))?;
    let stages = possible_stages(profile, rule, facts).map_err(|deny| deny.blocking(block))?;
    Ok(Some(Grant {
        vmid: request.vmid,
        profile: name.clone(),
        rule_line: rule.line,
        target,
        date,
        anchor,
        stages,
        align: profile.align,
        tolerance: profile.tolerance,
        zone: facts.zone,
        earliest: rule.earliest,
        latest: rule.latest,
        max_shift: rule.max_shift,
        rtc_years: RtcYears::of(facts),
        time_service: profile.time_service,
        hold: profile.hold,
        agent_wait: profile.agent_wait,
        on_undo: profile.on_undo,
        restore_after: profile.restore_after,
        block_when_denied: block,
        block_on_failure: profile.on_failure == OnTrouble::Block,
        confirmed: rule.confirm,
        started_by,
    }))
}

/// A VMID is reused after its VM was destroyed, and a clone carries tags along; its uuid is new.
pub(super) fn check_identity(rule: &Rule, facts: &VmFacts) -> Result<(), Deny> {
    match &rule.uuid {
        Some(uuid) if facts.smbios_uuid.as_deref() != Some(uuid.as_str()) => Err(Deny::new(
            DenyReason::UuidMismatch,
            format!(
                "the rule (allowlist line {}) is for the VM with smbios1 uuid {uuid}, this one has {}; \
                 correct the rule if it is meant",
                rule.line,
                facts.smbios_uuid.as_deref().unwrap_or("none"),
            ),
        )),
        _ => Ok(()),
    }
}

/// The stages that the profile wants, the rule permits and the machine has.
pub(super) fn possible_stages(
    profile: &Profile,
    rule: &Rule,
    facts: &VmFacts,
) -> Result<Stages, Deny> {
    let stages = Stages {
        rtc: profile.stages.rtc && rule.stages.rtc && facts.is_x86(),
        agent: profile.stages.agent && rule.stages.agent,
    };
    if stages.rtc || stages.agent {
        return Ok(stages);
    }
    Err(Deny::new(
        DenyReason::MachineCannotHold,
        "this machine has no RTC that can be set from outside (not x86) and the profile names no \
         other stage; add \"agent\" to its stages",
    ))
}

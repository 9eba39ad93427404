//! Asking policy again, long after the start.
use super::error::KeepError;
use super::subject::Subject;
use crate::allowlist::Allowlist;
use crate::audit::{Event, IntentLogged, Record};
use crate::model::{ClockPlan, Course, Deny, DenyReason, Now, Printable, ProfileName, Stages};
use crate::plan;
use crate::policy::{
    Authorized, Confirmation, Decision, Grant, Starter, Wish, asks_for_starter, authorize,
    authorize_restore, authorize_starter, decide_wish,
};
use crate::sources::{Loaded, load_allowlist, request, starter_by_hand};
use crate::system;

/// What is to be done to a clock, permitted now.
#[derive(Debug)]
pub struct Proposal {
    pub(super) authorized: Authorized<ClockPlan>,
    pub(super) loaded: Loaded,
    pub(super) now: Now,
}

/// Through the agent only: that is how a running guest's clock is set.
const AGENT: Stages = Stages {
    rtc: false,
    agent: true,
};

/// For whom a time is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Asker {
    /// For who started the VM: an approval that there was then, and who that was, cover it to its end.
    Start,
    /// For who calls.
    Hand,
    /// For a VM whose start nobody has noted.
    Nobody,
    /// For its real time, which it may have whoever asks.
    Restore,
}

impl Proposal {
    /// What is permitted.
    pub fn authorized(&self) -> &Authorized<ClockPlan> {
        &self.authorized
    }
}

impl Subject<'_> {
    /// Asks whether the guest may have the time of `course` for as long as it runs, under the profile
    /// under which it was started.
    pub(super) fn may_keep(&self, course: Course) -> Result<Proposal, KeepError> {
        let Some(note) = &self.note else {
            return self.ask(Wish::Profile, Some(course), Asker::Nobody);
        };
        let was = note.grant.profile();
        if note.by_hand {
            let wish = Wish::Target {
                target: note.grant.target(),
                profile: Some(was),
            };
            return self.ask(wish, Some(course), Asker::Start);
        }
        let proposal = self.ask(Wish::Profile, Some(course), Asker::Start)?;
        let is = proposal.authorized.grant().profile();
        if was == is {
            return Ok(proposal);
        }
        Err(other_profile(was, is).into())
    }

    /// Asks for a time. `course` counts, if given, instead of what the profile's target comes to now.
    pub(super) fn ask(
        &self,
        wish: Wish<'_>,
        course: Option<Course>,
        asker: Asker,
    ) -> Result<Proposal, KeepError> {
        let loaded = load_allowlist(self.config).map_err(|not_loaded| not_loaded.deny)?;
        let mut request = request(self.config, self.vmid, &self.facts, &loaded, wish);
        let start = self.note.as_ref().map(|note| &note.grant);
        if let Some(grant) = start.filter(|grant| asker == Asker::Start && grant.confirmed()) {
            request.confirmation = Confirmation::Covered(grant.profile().clone());
        }
        if asks_for_starter(self.vmid, &loaded.allowlist) {
            request.starter = match asker {
                Asker::Hand => starter_by_hand(),
                Asker::Restore => Starter::Assumed,
                Asker::Start | Asker::Nobody => started_by(start),
            };
        }
        let grant = match decide_wish(&request, &self.facts, &loaded.allowlist, wish) {
            Decision::Permitted(grant) => *grant,
            Decision::Denied(deny) => return Err(deny.into()),
            Decision::NotConcerned => {
                return Err(Deny::new(
                    DenyReason::NoRule,
                    "no rule of the allowlist gives this VM another time (any more)",
                )
                .into());
            }
        };
        let now = system::now()?;
        let course = match course {
            Some(course) => course,
            None => fixed(plan::make(&grant, now)?.course, now)?,
        };
        if !grant.stages().agent {
            return Err(Deny::new(
                DenyReason::ProfileNotAllowed,
                format!(
                    "profile {} has no stage \"agent\", by which alone a running guest's clock is set; \
                     add it to its stages, or start the VM again",
                    grant.profile()
                ),
            )
            .into());
        }
        let plan = ClockPlan {
            course,
            stages: AGENT,
            align: false,
            tolerance: grant.tolerance(),
            zone: grant.zone(),
        };
        let authorized = authorize(grant, plan, now)?;
        Ok(Proposal {
            authorized,
            loaded,
            now,
        })
    }

    /// Whether the VM's rule is for who calls.
    pub(super) fn is_for_caller(&self) -> Result<(), KeepError> {
        let loaded = load_allowlist(self.config).map_err(|not_loaded| not_loaded.deny)?;
        if asks_for_starter(self.vmid, &loaded.allowlist) {
            authorize_starter(self.vmid, &loaded.allowlist, &starter_by_hand())?;
        }
        Ok(())
    }

    /// What gives the guest the real time back. That is always permitted where it had another.
    pub(super) fn may_restore(&self) -> Result<Proposal, KeepError> {
        let grant = match &self.note {
            Some(note) => note.grant.clone(),
            None => self
                .ask(Wish::Profile, None, Asker::Restore)?
                .authorized
                .grant()
                .clone(),
        };
        // Commands that start what was stopped come from it; without one there are none.
        let loaded = load_allowlist(self.config).or_else(|not_loaded| {
            self.voice.warn("restore", &not_loaded.deny.to_string());
            Ok::<_, KeepError>(Loaded {
                allowlist: Allowlist::default(),
                path: not_loaded.path,
                sha256: String::new(),
            })
        })?;
        Ok(Proposal {
            authorized: authorize_restore(grant),
            loaded,
            now: system::now()?,
        })
    }

    /// Writes down what is going to be done.
    pub(super) fn intend(
        &self,
        proposal: &Proposal,
        text: &str,
    ) -> Result<IntentLogged, KeepError> {
        let course = proposal.authorized.plan().course;
        let record = Record {
            name: self.facts.name.as_ref(),
            allowlist_sha256: Some(&proposal.loaded.sha256),
            guest_time: Some(course.guest_time(proposal.now)?),
            offset_ns: Some(course.offset(proposal.now)?),
            text: Some(Printable::sentence(text)),
            ..Record::new(Event::Intent, self.vmid)
        };
        Ok(self.trail.intent(&proposal.authorized, record)?)
    }
}

/// The course of a guest that runs: what a calendar span comes to now stays as it is.
pub(super) fn fixed(course: Course, now: Now) -> Result<Course, KeepError> {
    Ok(match course {
        Course::Shifted { .. } => Course::Constant {
            offset: course.offset(now)?,
        },
        Course::FromStart { .. } | Course::Constant { .. } => course,
    })
}

/// Who was behind a start, as its note has it.
fn started_by(start: Option<&Grant>) -> Starter {
    match start.map(Grant::started_by) {
        Some(users @ [_, ..]) => Starter::Known(users.to_vec()),
        _ => Starter::Other("who started the VM was not asked then".to_owned()),
    }
}

fn other_profile(was: &ProfileName, is: &ProfileName) -> Deny {
    Deny::new(
        DenyReason::ProfileNotAllowed,
        format!(
            "the VM was started under profile {was} and has profile {is} by now; start it again to \
             give it that time"
        ),
    )
}

//! `time-shift plan`: the hook's pipeline up to the point where it would touch something.
use std::path::PathBuf;

use serde::Serialize;

use super::arguments::Plan;
use super::style::{colors, hanging, pairs};
use super::{Exit, Failure, put, put_json};
use crate::config::Config;
use crate::judge::{Judgement, Warning, judge, warnings, why};
use crate::model::{ClockPlan, DenyReason, Now, Offset, Printable, ProfileName, Timestamp, VmId};
use crate::policy::{Authorized, Check, Verdict, Wish, asks_for_starter};
use crate::report::Tone;
use crate::sources::{Guest, config_path, find_guest, load_allowlist, request, starter_by_hand};
use crate::system;
use crate::vmconfig::{RtcBase, VmFacts};

/// The answer, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Answer {
    vmid: VmId,
    name: Option<Printable>,
    kind: &'static str,
    rtc_base: Option<&'static str>,
    profile: Option<ProfileName>,
    decision: &'static str,
    reason: Option<DenyReason>,
    #[serde(skip)]
    why: Option<String>,
    guest_time: Option<Timestamp>,
    offset_ns: Option<Offset>,
    stages: Vec<&'static str>,
    warnings: Vec<Warning>,
    /// Every check in its order, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    checks: Option<Vec<Check>>,
    /// The file that they come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowlist: Option<PathBuf>,
}

pub(super) fn run(config: &Config, options: &Plan) -> Result<Exit, Failure> {
    let mut now = system::now()?;
    if let Some(at) = options.at {
        now.real = at;
    }
    let answer = answer(config, options, now)?;
    if options.json {
        put_json(&answer)?;
    } else {
        put(&text(&answer))?;
    }
    Ok(if answer.decision == "deny" {
        Exit::Denied
    } else {
        Exit::Done
    })
}

fn answer(config: &Config, options: &Plan, now: Now) -> Result<Answer, Failure> {
    let vmid = options.vmid;
    let facts = match find_guest(config, vmid, None)? {
        Guest::Qemu(facts) => facts,
        Guest::Container => {
            let warning = Warning {
                code: "CONTAINER",
                text: "a container has its host's clock, so there is nothing to set".to_owned(),
            };
            return Ok(Answer {
                kind: "lxc",
                warnings: vec![warning],
                ..nothing(vmid)
            });
        }
        Guest::Nobody => {
            let path = config_path(config, vmid, None);
            return Err(Failure(format!(
                "VM {vmid}: there is no {}",
                path.display()
            )));
        }
    };
    let mut base = Answer {
        name: facts.name.clone(),
        rtc_base: Some(rtc_base(&facts)),
        ..nothing(vmid)
    };
    let deny = match load_allowlist(config) {
        Err(not_loaded) => not_loaded.deny,
        Ok(loaded) => {
            let mut request = request(config, vmid, &facts, &loaded, Wish::Profile);
            if asks_for_starter(vmid, &loaded.allowlist) {
                request.starter = starter_by_hand();
            }
            if options.why {
                base.checks = Some(why(&request, &facts, &loaded.allowlist, now));
                base.allowlist = Some(loaded.path.clone());
            }
            match judge(&request, &facts, &loaded.allowlist, now) {
                Judgement::NotConcerned => return Ok(base),
                Judgement::Permitted(authorized) => {
                    return permitted(base, &authorized, &facts, now);
                }
                Judgement::Denied(deny) => deny,
            }
        }
    };
    Ok(Answer {
        decision: "deny",
        reason: Some(deny.reason),
        why: Some(deny.text),
        ..base
    })
}

fn nothing(vmid: VmId) -> Answer {
    Answer {
        vmid,
        name: None,
        kind: "qemu",
        rtc_base: None,
        profile: None,
        decision: "none",
        reason: None,
        why: None,
        guest_time: None,
        offset_ns: None,
        stages: Vec::new(),
        warnings: Vec::new(),
        checks: None,
        allowlist: None,
    }
}

fn permitted(
    base: Answer,
    authorized: &Authorized<ClockPlan>,
    facts: &VmFacts,
    now: Now,
) -> Result<Answer, Failure> {
    let plan = authorized.plan();
    Ok(Answer {
        profile: Some(authorized.grant().profile().clone()),
        decision: "permit",
        guest_time: Some(plan.course.guest_time(now)?),
        offset_ns: Some(plan.course.offset(now)?),
        stages: plan.stages.iter().map(|stage| stage.as_str()).collect(),
        warnings: warnings(facts, authorized, now, system::host_clock_synchronised()),
        ..base
    })
}

fn rtc_base(facts: &VmFacts) -> &'static str {
    match facts.rtc_base {
        RtcBase::Utc => "utc",
        RtcBase::Localtime => "localtime",
        RtcBase::Startdate => "startdate",
    }
}

fn text(answer: &Answer) -> String {
    let name = answer
        .name
        .as_ref()
        .map_or_else(String::new, |name| format!(" ({name})"));
    let what = if answer.kind == "lxc" {
        "Container"
    } else {
        "VM"
    };
    let decision = match answer.decision {
        "none" => "none: neither a rule nor a ts- tag concerns this guest".to_owned(),
        other => other.to_owned(),
    };
    let mut lines = vec![("decision", decision)];
    if let (Some(reason), Some(why)) = (answer.reason, &answer.why) {
        lines.push(("reason", format!("{reason}: {why}")));
    }
    if let Some(profile) = &answer.profile {
        lines.push(("profile", profile.to_string()));
    }
    if let (Some(time), Some(offset)) = (answer.guest_time, answer.offset_ns) {
        lines.push(("guest time", time.to_string()));
        lines.push(("offset", format!("{offset} (guest minus host)")));
        lines.push(("stages", answer.stages.join(", ")));
    }
    if let Some(base) = answer.rtc_base {
        lines.push(("RTC base", base.to_owned()));
    }
    lines.extend(
        answer
            .warnings
            .iter()
            .map(|warning| ("warning", warning.to_string())),
    );
    let mut text = format!("{what} {}{name}\n{}", answer.vmid, pairs(&lines));
    if let Some(checks) = &answer.checks {
        match &answer.allowlist {
            Some(path) => text.push_str(&hanging("Checks, by ", &format!("{}:", path.display()))),
            None => text.push_str("Checks:\n"),
        }
        for check in checks {
            text.push_str(&line(check));
        }
    }
    text
}

fn line(check: &Check) -> String {
    let (mark, tone) = match check.verdict {
        Verdict::Passed => ("ok  ", Tone::Good),
        Verdict::Failed => ("DENY", Tone::Bad),
        Verdict::NotReached => ("-   ", Tone::Aside),
    };
    let reason = check
        .reason
        .map(|reason| format!("{reason}: "))
        .unwrap_or_default();
    let begin = format!("  {mark}  {:9}  ", check.check);
    let text = hanging(&begin, &format!("{reason}{}", check.text));
    text.replacen(mark, &colors().paint(tone, mark), 1)
}

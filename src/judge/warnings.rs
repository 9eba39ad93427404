//! What an administrator should know about a plan that is permitted all the same.
use crate::allowlist::TimeService;
use crate::model::{ClockPlan, Course, StartKind};
use crate::policy::Authorized;
use crate::vmconfig::{RtcBase, VmFacts};

/// The warnings for what is going to be done, each a sentence; `synchronised` is what the kernel
/// says of the host's clock.
#[must_use]
pub fn warnings(
    facts: &VmFacts,
    authorized: &Authorized<ClockPlan>,
    synchronised: bool,
) -> Vec<String> {
    let (plan, grant) = (authorized.plan(), authorized.grant());
    let cases = [
        (
            !synchronised && !matches!(plan.course, Course::FromStart { .. }),
            "the host's clock is not synchronised, and the guest's follows it",
        ),
        (
            plan.stages.rtc && facts.rtc_base == RtcBase::Startdate,
            "the config has a startdate, which the RTC would show; the target is written over it",
        ),
        (
            plan.stages.rtc && facts.args_move_clock,
            "args has an -rtc option of its own, which beats the config's localtime and startdate",
        ),
        (
            plan.stages.agent && !plan.stages.rtc,
            "this version cannot do stage agent yet, so nothing will be changed",
        ),
        (
            plan.stages.agent && plan.stages.rtc,
            "this version cannot do stage agent yet: a guest with systemd may move a date before its \
             own build forward, Windows may ignore one in the past",
        ),
        (
            grant.time_service() == TimeService::Stop,
            "this version cannot stop time services yet: one in the guest may put its clock back",
        ),
        (
            grant.restore_after().is_some(),
            "this version cannot do restore-after yet: the guest keeps its time until it is stopped",
        ),
    ];
    let kind = facts.start_kind(false);
    let resumes = matches!(kind, Some(StartKind::Resume | StartKind::Incoming));
    let mut warnings = Vec::new();
    if resumes {
        warnings.push(
            "the next start goes on from a saved state, and the RTC keeps its time".to_owned(),
        );
    } else if let Some(lock) = facts.lock.as_ref().filter(|lock| lock.as_str() != "backup") {
        warnings.push(format!(
            "the VM is locked ({lock}), and its clock is left alone as long as that is so"
        ));
    }
    let said = cases.into_iter().filter(|(applies, _)| *applies);
    warnings.extend(said.map(|(_, text)| text.to_owned()));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlist;
    use crate::judge::{Judgement, judge};
    use crate::model::{BootInstant, Now, Timestamp, VmId};
    use crate::policy::Request;
    use crate::vmconfig;

    fn warnings_of(config: &str, profile: &str, synchronised: bool) -> String {
        let text = format!(
            "version = 1\n[profiles.p]\n{profile}\n[[allow]]\nvmids = [100]\nprofiles = [\"p\"]\n\
             assign = \"p\"\nearliest = \"2000-01-01\"\nlatest = \"2030-01-01\"\nmax-shift = \"30y\"\n"
        );
        let allowlist = allowlist::parse(&text).unwrap();
        let facts = vmconfig::parse(config.as_bytes());
        let request = Request {
            vmid: VmId::MIN,
            registered_tags: Vec::new(),
        };
        let now = Now {
            real: Timestamp::parse("2026-11-24").unwrap(),
            boot: BootInstant::from_nanos(0),
        };
        let Judgement::Permitted(authorized) = judge(&request, &facts, &allowlist, now) else {
            panic!("not permitted");
        };
        warnings(&facts, &authorized, synchronised).join("|")
    }

    #[test]
    fn each_trap_has_its_warning() {
        let rtc = "target = \"-1y\"\nstages = [\"rtc\"]";
        let agent = "target = \"-1y\"\nstages = [\"agent\"]";
        let fixed = "target = \"2016-06-15\"\nstages = [\"rtc\"]";
        for (config, profile, synchronised, part) in [
            ("", rtc, false, "not synchronised"),
            ("startdate: 2006-06-17", rtc, true, "startdate"),
            ("args: -rtc base=utc", rtc, true, "-rtc option"),
            (
                "lock: suspended\nvmstate: local:x",
                rtc,
                true,
                "saved state",
            ),
            ("lock: migrate", rtc, true, "saved state"),
            ("lock: snapshot", rtc, true, "locked (snapshot)"),
            ("", agent, true, "nothing will be changed"),
            ("", "target = \"-1y\"", true, "systemd"),
            (
                "",
                &format!("{rtc}\nrestore-after = \"8h\""),
                true,
                "restore-after",
            ),
            (
                "",
                &format!("{rtc}\ntime-service = \"stop\""),
                true,
                "time services",
            ),
        ] {
            let said = warnings_of(config, profile, synchronised);
            assert!(said.contains(part) && !said.contains('|'), "{part}: {said}");
        }
        assert_eq!(warnings_of("", rtc, true), "");
        assert_eq!(warnings_of("", fixed, false), "");
        assert_eq!(
            warnings_of("startdate: 2006-06-17\nargs: -rtc base=utc", agent, true)
                .matches('|')
                .count(),
            0
        );
    }
}

//! What an administrator should know about a plan that is permitted all the same: will this date
//! stick on this guest?
use std::fmt;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::allowlist::TimeService;
use crate::model::{ClockPlan, Course, Now, StartKind};
use crate::policy::Authorized;
use crate::vmconfig::{OsType, RtcBase, VmFacts};

/// A warning, by a name that stays.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Warning {
    /// The name.
    pub code: &'static str,
    /// What will happen, and what to change.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.text, self.code)
    }
}

/// The years that guest agents other than that of Windows take (QEMU, `qga/commands-posix.c`).
const YEARS_OF_AGENTS: std::ops::RangeInclusive<i16> = 1970..=2069;

/// The last whole year that 32-bit seconds since 1970 count.
const LAST_32_BIT: i16 = 2037;

/// systemd from 255 on takes a clock this many years after its own build for a broken one
/// (`clock-valid-range-usec-max`). The build is not known here; today's is the latest it can be.
const SYSTEMD_YEARS: i64 = 15;

const YEAR_NANOS: i64 = 31_556_952_000_000_000;

/// A warning's name and what it says.
type Known = (&'static str, &'static str);

const HOST_CLOCK_UNSYNCHRONISED: Known = (
    "HOST_CLOCK_UNSYNCHRONISED",
    "the host's clock is not synchronised, and the guest's follows it; see timedatectl",
);
const STARTDATE: Known = (
    "STARTDATE",
    "the config has a startdate, which the RTC would show; the target is written over it",
);
const ARGS_RTC: Known = (
    "ARGS_RTC",
    "args has an -rtc (or -readconfig) option of its own, which beats the config's localtime and startdate",
);
const AGENT_OFF: Known = (
    "AGENT_OFF",
    "the config has no guest agent, so the agent stage will not happen: set agent: 1 and \
    install qemu-guest-agent in the guest",
);
const NO_RTC: Known = (
    "NO_RTC",
    "this machine has no RTC that can be set from outside (not x86): the guest boots with the \
    real time and gets the other one when its agent is up",
);
const SYSTEMD_EPOCH: Known = (
    "SYSTEMD_EPOCH",
    "a Linux with systemd moves a date before systemd's own build forward to that when it \
    boots; add \"agent\" to the profile's stages",
);
const WINDOWS_PAST: Known = (
    "WINDOWS_PAST",
    "Windows may ignore an RTC in the past and come up at the last time it knew; add \"agent\" \
    to the profile's stages",
);
const SYSTEMD_FAR_FUTURE: Known = (
    "SYSTEMD_FAR_FUTURE",
    "newer versions of systemd take a date more than 15 years after their own build for a \
    broken clock and reset it; add \"agent\" to the profile's stages",
);
const YEAR_2038: Known = (
    "YEAR_2038",
    "a guest that counts seconds in 32 bits (32-bit Linux, some old software) cannot go beyond \
    2038-01-19; choose an earlier date if it is one",
);
const AGENT_YEARS: Known = (
    "AGENT_YEARS",
    "guest agents other than that of Windows take the years 1970 to 2069 only, so the agent \
    stage will refuse; choose a date within them",
);
const TIME_SERVICE_NEEDS_AGENT: Known = (
    "TIME_SERVICE_NEEDS_AGENT",
    "time-service = \"stop\" needs the guest agent; add \"agent\" to the profile's stages",
);
const RESTORE_NEEDS_AGENT: Known = (
    "RESTORE_NEEDS_AGENT",
    "restore-after needs the guest agent; without it the guest keeps its time until it is \
    stopped; add \"agent\" to the profile's stages",
);
const SAVED_STATE: Known = (
    "SAVED_STATE",
    "the next start goes on from a saved state, and the RTC keeps its time",
);
const LOCKED: Known = (
    "LOCKED",
    "the VM is locked, and its clock is left alone as long as that is so",
);

/// Every warning, with what it means; some say more where they are given.
pub const WARNINGS: &[Known] = &[
    HOST_CLOCK_UNSYNCHRONISED,
    STARTDATE,
    ARGS_RTC,
    AGENT_OFF,
    NO_RTC,
    SYSTEMD_EPOCH,
    WINDOWS_PAST,
    SYSTEMD_FAR_FUTURE,
    YEAR_2038,
    AGENT_YEARS,
    TIME_SERVICE_NEEDS_AGENT,
    RESTORE_NEEDS_AGENT,
    SAVED_STATE,
    LOCKED,
];

/// The warnings for what is going to be done at `now`; `synchronised` is what the kernel says of the
/// host's clock.
#[must_use]
pub fn warnings(
    facts: &VmFacts,
    authorized: &Authorized<ClockPlan>,
    now: Now,
    synchronised: bool,
) -> Vec<Warning> {
    let (plan, grant) = (authorized.plan(), authorized.grant());
    let (rtc, agent) = (plan.stages.rtc, plan.stages.agent);
    let linux = facts.ostype == OsType::Linux;
    let offset = plan
        .course
        .offset(now)
        .map_or(0, |offset| offset.as_nanos());
    let past = offset < -YEAR_NANOS / 365;
    let year = plan
        .course
        .guest_time(now)
        .map_or(0, |time| TimeZone::UTC.to_datetime(time.jiff()).year());
    let cases = [
        (
            !synchronised && !matches!(plan.course, Course::FromStart { .. }),
            HOST_CLOCK_UNSYNCHRONISED,
        ),
        (rtc && facts.rtc_base == RtcBase::Startdate, STARTDATE),
        (rtc && facts.args_move_clock, ARGS_RTC),
        (agent && !facts.agent, AGENT_OFF),
        (agent && !rtc && !facts.is_x86(), NO_RTC),
        (rtc && !agent && linux && past, SYSTEMD_EPOCH),
        (rtc && !agent && facts.is_windows() && past, WINDOWS_PAST),
        (
            rtc && !agent && linux && offset > YEAR_NANOS.saturating_mul(SYSTEMD_YEARS),
            SYSTEMD_FAR_FUTURE,
        ),
        (year > LAST_32_BIT, YEAR_2038),
        (
            agent && !facts.is_windows() && !YEARS_OF_AGENTS.contains(&year),
            AGENT_YEARS,
        ),
        (
            !agent && grant.time_service() == TimeService::Stop,
            TIME_SERVICE_NEEDS_AGENT,
        ),
        (
            !agent && grant.restore_after().is_some(),
            RESTORE_NEEDS_AGENT,
        ),
    ];
    let kind = facts.start_kind(false);
    let resumes = matches!(kind, Some(StartKind::Resume | StartKind::Incoming));
    let mut warnings = Vec::new();
    if resumes {
        warnings.push(Warning {
            code: SAVED_STATE.0,
            text: SAVED_STATE.1.to_owned(),
        });
    } else if let Some(lock) = facts.lock.as_ref().filter(|lock| lock.as_str() != "backup") {
        warnings.push(Warning {
            code: LOCKED.0,
            text: format!(
                "the VM is locked ({lock}), and its clock is left alone as long as that is so"
            ),
        });
    }
    let said = cases.into_iter().filter(|(applies, _)| *applies);
    warnings.extend(said.map(|(_, (code, text))| Warning {
        code,
        text: text.to_owned(),
    }));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlist;
    use crate::judge::{Judgement, judge};
    use crate::model::{BootInstant, Timestamp, VmId};
    use crate::policy::{Confirmation, Pins, Request, Starter};
    use crate::vmconfig;

    fn warnings_of(config: &str, profile: &str, synchronised: bool) -> Vec<&'static str> {
        let text = format!(
            "version = 1\n[profiles.p]\n{profile}\n[[allow]]\nvmids = [100]\nprofiles = [\"p\"]\n\
             assign = \"p\"\nearliest = \"1970-01-01\"\nlatest = \"2105-01-01\"\nmax-shift = \"90y\"\n"
        );
        let allowlist = allowlist::parse(&text).unwrap();
        let facts = vmconfig::parse(config.as_bytes());
        let request = Request {
            vmid: VmId::MIN,
            registered_tags: Vec::new(),
            confirmation: Confirmation::Missing,
            starter: Starter::default(),
            pins: Pins::default(),
        };
        let now = Now {
            real: Timestamp::parse("2026-11-24").unwrap(),
            boot: BootInstant::from_nanos(0),
        };
        let Judgement::Permitted(authorized) = judge(&request, &facts, &allowlist, now) else {
            panic!("not permitted: {config} {profile}");
        };
        let warnings = warnings(&facts, &authorized, now, synchronised);
        warnings.iter().map(|warning| warning.code).collect()
    }

    #[test]
    fn each_trap_has_its_warning() {
        let rtc = "target = \"-1y\"\nstages = [\"rtc\"]";
        let agent = "target = \"-1y\"\nstages = [\"agent\"]";
        let both = "target = \"-1y\"";
        let on = "ostype: l26\nagent: 1\n";
        for (config, profile, synchronised, code) in [
            ("", rtc, false, "HOST_CLOCK_UNSYNCHRONISED"),
            ("startdate: 2006-06-17", rtc, true, "STARTDATE"),
            ("args: -rtc base=utc", rtc, true, "ARGS_RTC"),
            (
                "lock: suspended\nvmstate: local:x",
                rtc,
                true,
                "SAVED_STATE",
            ),
            ("lock: migrate", rtc, true, "SAVED_STATE"),
            ("lock: snapshot", rtc, true, "LOCKED"),
            ("ostype: l26", both, true, "AGENT_OFF"),
            ("agent: 1\narch: aarch64", both, true, "NO_RTC"),
            ("ostype: l26", rtc, true, "SYSTEMD_EPOCH"),
            ("ostype: win11", rtc, true, "WINDOWS_PAST"),
            (
                "ostype: l26\nmachine: q35",
                "target = \"+30y\"\nstages = [\"rtc\"]",
                true,
                "SYSTEMD_FAR_FUTURE",
            ),
            (
                "machine: q35",
                "target = \"2040-01-01\"\nstages = [\"rtc\"]",
                true,
                "YEAR_2038",
            ),
            (
                &format!("{on}machine: q35"),
                "target = \"2080-01-01\"",
                true,
                "AGENT_YEARS",
            ),
            (
                "",
                &format!("{rtc}\ntime-service = \"stop\""),
                true,
                "TIME_SERVICE_NEEDS_AGENT",
            ),
            (
                "",
                &format!("{rtc}\nrestore-after = \"8h\""),
                true,
                "RESTORE_NEEDS_AGENT",
            ),
        ] {
            assert!(WARNINGS.iter().any(|(known, _)| *known == code));
            let said = warnings_of(config, profile, synchronised);
            let others = said.iter().filter(|other| {
                // A far date is both.
                !(**other == "YEAR_2038" && ["SYSTEMD_FAR_FUTURE", "AGENT_YEARS"].contains(&code))
            });
            assert_eq!(
                others.copied().collect::<Vec<_>>(),
                [code],
                "{config} {profile}"
            );
        }
        let fixed = "target = \"2016-06-15\"\nstages = [\"rtc\"]";
        assert_eq!(warnings_of("", rtc, true), [""; 0]);
        assert_eq!(warnings_of("", fixed, false), [""; 0]);
        assert_eq!(warnings_of(on, both, true), [""; 0]);
        assert_eq!(
            warnings_of(
                &format!("{on}startdate: 2006-06-17\nargs: -rtc base=utc"),
                agent,
                true
            ),
            [""; 0]
        );
    }
}

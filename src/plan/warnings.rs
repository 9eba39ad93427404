//! What an administrator should know about a plan that is permitted all the same.
use crate::model::{ClockPlan, Course};
use crate::vmconfig::{RtcBase, VmFacts};

/// The warnings for a plan, each a sentence; `synchronised` is what the kernel says of the host's
/// clock.
#[must_use]
pub fn warnings(facts: &VmFacts, plan: &ClockPlan, synchronised: bool) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut warn = |text: &str| warnings.push(text.to_owned());
    if !synchronised && !matches!(plan.course, Course::FromStart { .. }) {
        warn("the host's clock is not synchronised, and the guest's follows it");
    }
    if plan.stages.rtc && facts.rtc_base == RtcBase::Startdate {
        warn("the config has a startdate, which the RTC would show; the target is written over it");
    }
    if plan.stages.rtc && facts.args_move_clock {
        warn(
            "args has an -rtc option of its own, which beats the config's localtime and startdate",
        );
    }
    if plan.stages.agent && !plan.stages.rtc {
        warn("stage agent is not carried out by this version, so nothing will be changed");
    } else if plan.stages.agent {
        warn(
            "stage agent is not carried out by this version: a guest with systemd may move a date \
             before its own build forward, Windows may ignore one in the past",
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{Offset, RtcZone, Stages};
    use crate::vmconfig;

    fn warnings_of(config: &str, stages: Stages, synchronised: bool) -> usize {
        let plan = ClockPlan {
            course: Course::Constant {
                offset: Offset::ZERO,
            },
            stages,
            align: false,
            tolerance: Duration::from_millis(250),
            zone: RtcZone::Utc,
        };
        warnings(&vmconfig::parse(config.as_bytes()), &plan, synchronised).len()
    }

    #[test]
    fn each_trap_has_its_warning() {
        let rtc = Stages {
            rtc: true,
            agent: false,
        };
        let agent = Stages {
            rtc: false,
            agent: true,
        };
        assert_eq!(warnings_of("", rtc, true), 0);
        assert_eq!(warnings_of("", rtc, false), 1);
        assert_eq!(warnings_of("startdate: 2006-06-17", rtc, true), 1);
        assert_eq!(warnings_of("args: -rtc base=utc", rtc, true), 1);
        assert_eq!(
            warnings_of("startdate: 2006-06-17\nargs: -rtc base=utc", agent, true),
            1
        );
    }
}

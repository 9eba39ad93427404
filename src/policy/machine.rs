//! Which years a guest's emulated RTC can hold.
use serde::{Deserialize, Serialize};

use crate::model::{Deny, DenyReason, RtcZone, Timestamp};
use crate::vmconfig::{MachineKind, VmFacts};

/// The first and last year that come up in the guest as they were written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct RtcYears {
    first: i16,
    last: i16,
    why: Limit,
}

/// What sets the limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Limit {
    /// `pc` declares no century register: guests take two-digit years below 70 for 20xx.
    Pc,
    /// A choice: on 2106-02-07 the seconds since 1970 outgrow 32 bits, signed or not. A 64-bit Linux
    /// showed later years right.
    Q35,
    /// OVMF takes two-digit years from 98 on for 19xx and those below for 20xx, and rewrites the
    /// century. On `pc` a Linux guest, which reads two digits too, shows 1970 to 1997 right all the
    /// same; but the RTC is then a century ahead, for other guests and for whoever reads it back.
    Ovmf,
}

impl RtcYears {
    /// Measured by `tests/lab_matrix.rs`, with a Linux guest: the README has the matrix.
    pub(super) fn of(facts: &VmFacts) -> RtcYears {
        let pc = facts.machine == MachineKind::Pc;
        match (facts.ovmf, pc) {
            (true, true) => RtcYears {
                first: 1998,
                last: 2069,
                why: Limit::Ovmf,
            },
            (true, false) => RtcYears {
                first: 1998,
                last: 2097,
                why: Limit::Ovmf,
            },
            (false, true) => RtcYears {
                first: 1970,
                last: 2069,
                why: Limit::Pc,
            },
            (false, false) => RtcYears {
                first: 1970,
                last: 2105,
                why: Limit::Q35,
            },
        }
    }

    /// Refuses a time whose year would come up as another one.
    pub(super) fn check(self, time: Timestamp, zone: RtcZone) -> Result<(), Deny> {
        let utc = time.jiff().to_zoned_datetime(jiff::tz::TimeZone::UTC);
        // A local-time RTC may show the year before or after: keep a day away from the edges.
        let margin = match zone {
            RtcZone::Utc => jiff::Span::new(),
            RtcZone::Local => jiff::Span::new().days(1),
        };
        let early = utc.checked_sub(margin).map_or(i16::MIN, |time| time.year());
        let late = utc.checked_add(margin).map_or(i16::MAX, |time| time.year());
        if early >= self.first && late <= self.last {
            return Ok(());
        }
        let holder = match self.why {
            Limit::Pc => "the RTC of machine type pc",
            Limit::Q35 => "the RTC of this machine type",
            Limit::Ovmf => "the RTC of this machine type under OVMF",
        };
        let would = if self.why == Limit::Q35 {
            "may"
        } else {
            "would"
        };
        Err(Deny::new(
            DenyReason::MachineCannotHold,
            format!(
                "{holder} holds the years {} to {} only, {time} {would} come up as another; choose a \
                 target within them{}",
                self.first,
                self.last,
                if self.why == Limit::Pc {
                    ", or machine type q35"
                } else {
                    ""
                },
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vmconfig;

    fn verdict(config: &str, time: &str, zone: RtcZone) -> bool {
        let years = RtcYears::of(&vmconfig::parse(config.as_bytes()));
        years.check(Timestamp::parse(time).unwrap(), zone).is_ok()
    }

    #[test]
    fn each_machine_and_firmware_has_its_years() {
        for (config, time, holds) in [
            ("", "1970-01-01", true),
            ("", "1969-12-31T23:59:59Z", false),
            ("", "2069-12-31T23:59:59Z", true),
            ("", "2070-01-01T00:00:00Z", false),
            ("machine: q35", "2105-12-31", true),
            ("machine: q35", "2106-01-01", false),
            ("machine: q35\nbios: ovmf", "1997-12-31", false),
            ("machine: q35\nbios: ovmf", "2097-12-31", true),
            ("bios: ovmf", "2070-01-01", false),
        ] {
            assert_eq!(
                verdict(config, time, RtcZone::Utc),
                holds,
                "{config:?} {time}"
            );
        }
    }

    #[test]
    fn a_local_rtc_keeps_a_day_away_from_the_edge() {
        assert!(!verdict("", "2069-12-31T12:00:00Z", RtcZone::Local));
        assert!(verdict("", "2069-12-30T12:00:00Z", RtcZone::Local));
    }
}

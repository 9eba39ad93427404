//! Why a judgement is what it is.
use crate::allowlist::Allowlist;
use crate::model::Now;
use crate::plan;
use crate::policy::{Check, Request, explain, explain_plan};
use crate::vmconfig::VmFacts;

/// Every check of a VM's start at `now`, in the order in which they are made, also those after the one
/// that denies, as far as there is something to look at.
#[must_use]
pub fn why(request: &Request, facts: &VmFacts, allowlist: &Allowlist, now: Now) -> Vec<Check> {
    let (mut checks, grant) = explain(request, facts, allowlist);
    if let Some(grant) = grant {
        match plan::make(&grant, now) {
            Ok(plan) => checks.extend(explain_plan(&grant, &plan, now)),
            Err(deny) => checks.push(Check::of("target", &Err(deny), "")),
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::judge::{Judgement, judge};
    use crate::model::{BootInstant, DenyReason, Tag, Timestamp, VmId};
    use crate::policy::{Confirmation, Pins, Starter, Verdict};
    use crate::{allowlist, vmconfig};

    fn failures(checks: &[Check]) -> Vec<DenyReason> {
        let failed = checks
            .iter()
            .filter(|check| check.verdict == Verdict::Failed);
        failed.filter_map(|check| check.reason).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// What is explained is what was decided: the reason of a denial is among the checks that
        /// fail, and what is permitted fails none.
        #[test]
        fn what_is_explained_is_what_was_decided(
            target in prop_oneof![Just("2016-06-15"), Just("1950-01-01"), Just("2050-01-01"), Just("-10y"),
                                  Just("now"), Just("+900y"), Just("cert:10.0.0.20")],
            earliest in prop_oneof![Just("1940-01-01"), Just("2010-01-01")],
            latest in prop_oneof![Just("2037-12-31"), Just("2105-12-31")],
            max_shift in prop_oneof![Just("5y"), Just("100y")],
            keys in prop_oneof![Just("assign = \"p\""), Just("any-tag = true"), Just("")],
            confirm in any::<bool>(),
            uuid in any::<bool>(),
            stages in prop_oneof![Just("[\"rtc\"]"), Just("[\"agent\"]"), Just("[\"rtc\", \"agent\"]")],
            config in prop_oneof![Just(""), Just("tags: ts-p\n"), Just("tags: ts-q\n"), Just("tags: ts-p;ts-q\n"),
                                  Just("machine: virt\narch: aarch64\n"), Just("bios: ovmf\ntags: ts-p\n")],
            registered in any::<bool>(),
            vmid in prop_oneof![Just("100"), Just("101")],
            users in any::<bool>(),
            starter in prop_oneof![Just(Starter::default()), Just(Starter::Assumed)],
            confirmation in prop_oneof![Just(Confirmation::Missing), Just(Confirmation::RanOut),
                                        Just(Confirmation::Assumed)],
        ) {
            let uuid = if uuid { "uuid = \"4c4c4544-0042-3510-8052-b4c04f4a3132\"\n" } else { "" };
            let users = if users { "pve-users = [\"alice@pve\"]\n" } else { "" };
            let text = format!(
                "version = 1\n[profiles.p]\ntarget = \"{target}\"\nstages = {stages}\n[[allow]]\nvmids = [100]\n\
                 profiles = [\"p\"]\n{keys}\nearliest = \"{earliest}\"\nlatest = \"{latest}\"\n\
                 max-shift = \"{max_shift}\"\nconfirm = {confirm}\n{uuid}{users}"
            );
            // Contradictions within the file are refused before anything is decided.
            let Ok(list) = allowlist::parse(&text) else { return Ok(()) };
            let facts = vmconfig::parse(config.as_bytes());
            let request = Request {
                vmid: VmId::parse(vmid.as_bytes()).unwrap(),
                registered_tags: if registered { vec![Tag::parse("ts-p").unwrap()] } else { Vec::new() },
                confirmation,
                starter,
                pins: Pins::default(),
            };
            let now = Now {
                real: Timestamp::parse("2026-11-24").unwrap(),
                boot: BootInstant::from_nanos(0),
            };
            let checks = why(&request, &facts, &list, now);
            match judge(&request, &facts, &list, now) {
                Judgement::Denied(deny) => {
                    prop_assert!(failures(&checks).contains(&deny.reason), "{:?} {:?}", deny, checks);
                    prop_assert!(checks.iter().all(|check| check.check != "other"), "{:?}", checks);
                }
                Judgement::Permitted(_) => {
                    prop_assert!(failures(&checks).is_empty(), "{:?}", checks);
                    prop_assert_eq!(checks.len(), 11, "{:?}", checks);
                }
                Judgement::NotConcerned => {
                    prop_assert!(failures(&checks).is_empty(), "{:?}", checks);
                    let last = checks.last().map(|check| check.verdict);
                    prop_assert_eq!(last, Some(Verdict::NotReached), "{:?}", checks);
                }
            }
        }
    }
}

//! Whatever the file: a VM that is assigned has the profile, and nobody else notices.
use proptest::prelude::*;

use super::*;
use crate::allowlist::{Rule, parse};

const PROFILES: [&str; 3] = ["a", "b", "c"];

/// VMIDs 100 to 139, each in at most one rule, rules of all kinds, comments everywhere.
fn files() -> impl Strategy<Value = String> {
    let rule = (
        proptest::sample::subsequence(PROFILES.to_vec(), 1..=3),
        0..4_usize,
        any::<(bool, bool, bool, bool)>(),
        2..4_u8,
    );
    (
        proptest::collection::vec(rule, 1..5),
        proptest::collection::vec(0..6_usize, 40),
        any::<bool>(),
    )
        .prop_map(|(rules, owners, windows)| {
            let mut text = "version = 1\n".to_owned();
            for name in PROFILES {
                text += &format!("# profile {name}\n[profiles.{name}]\ntarget = \"-10y\"\n");
            }
            for (number, (profiles, assign, (confirm, any_tag, lines, blank), years)) in
                rules.iter().enumerate()
            {
                let mut entries: Vec<(u32, u32)> = Vec::new();
                for (vmid, owner) in (100_u32..).zip(&owners) {
                    if *owner != number {
                        continue;
                    }
                    match entries.last_mut() {
                        Some((_, last)) if *last + 1 == vmid && vmid % 7 != 0 => *last = vmid,
                        _ => entries.push((vmid, vmid)),
                    }
                }
                if entries.is_empty() {
                    continue;
                }
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(first, last)| match first == last {
                        true => format!("{first}"),
                        false => format!("\"{first}-{last}\""),
                    })
                    .collect();
                if *blank {
                    text += "\n# rule\n# of two lines\n";
                }
                text += &match lines {
                    true => format!(
                        "[[allow]]\nvmids = [\n  # first\n  {}, # last\n]\n",
                        entries.join(", # entry\n  ")
                    ),
                    false => format!("[[allow]] # rule {number}\nvmids = [{}]\n", entries.join(", ")),
                };
                text += &format!("profiles = {profiles:?} # which\n");
                if let Some(name) = profiles.get(*assign) {
                    text += &format!("# why\nassign = '{name}' # so\n");
                }
                text += &format!(
                    "earliest = \"2000-01-01\"\nlatest = \"2037-12-31\"\nmax-shift = \"{years}0y\"\n\
                     confirm = {confirm}\nany-tag = {any_tag}\n"
                );
            }
            text += "# the end\n";
            match windows {
                true => text.replace('\n', "\r\n"),
                false => text,
            }
        })
}

fn sources() -> impl Strategy<Value = Source> {
    prop_oneof![
        3 => Just(Source::TheOnlyRule),
        1 => (100..140_u32).prop_map(|number| Source::RuleOf(VmId::try_from(number).unwrap())),
        1 => Just(Source::Bounds(Bounds {
            earliest: "2001-01-01".to_owned(),
            latest: "2030-01-01".to_owned(),
            max_shift: "11y".to_owned(),
        })),
    ]
}

/// What the file means for a VM, without where it stands.
fn meaning(list: &Allowlist, vmid: VmId) -> Option<Rule> {
    let rule = list.rule_for(vmid)?;
    Some(Rule {
        ranges: Vec::new(),
        line: 0,
        ..rule.clone()
    })
}

fn comments(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = text
        .lines()
        .filter_map(|line| line.find('#').map(|at| line[at..].trim_end()))
        .collect();
    found.sort_unstable();
    found
}

/// Nothing but one VM's rule is another one.
fn others_are_as_they_were(
    old: &Allowlist,
    new: &Allowlist,
    vmid: VmId,
) -> Result<(), TestCaseError> {
    for number in 100..=145 {
        let other = VmId::try_from(number).unwrap();
        if other != vmid {
            prop_assert_eq!(meaning(old, other), meaning(new, other), "VM {}", other);
        }
    }
    prop_assert_eq!(
        old.profiles.keys().collect::<Vec<_>>(),
        new.profiles.keys().collect::<Vec<_>>()
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn assign_gives_one_vm_the_profile_and_changes_nobody_elses(
        text in files(), number in 100..145_u32, name in 0..3_usize, source in sources(),
    ) {
        let old = parse(&text).unwrap();
        let vmid = VmId::try_from(number).unwrap();
        let profile = ProfileName::parse(PROFILES[name]).unwrap();
        match assign(&text, &old, vmid, &profile, &source) {
            Ok(Some(revision)) => {
                let new = parse(&revision.text).unwrap();
                let rule = new.rule_for(vmid).unwrap();
                prop_assert_eq!(rule.assign.as_ref(), Some(&profile));
                others_are_as_they_were(&old, &new, vmid)?;
                prop_assert_eq!(comments(&revision.text), comments(&text));
                // Under a rule, its bounds and conditions stay.
                if let Some(before) = meaning(&old, vmid) {
                    let after = meaning(&new, vmid).unwrap();
                    prop_assert_eq!(Rule { assign: None, ..before }, Rule { assign: None, ..after });
                }
                let again = assign(&revision.text, &new, vmid, &profile, &Source::TheOnlyRule);
                prop_assert_eq!(again, Ok(None));
            }
            Ok(None) => {
                let assigned = old.rule_for(vmid).and_then(|rule| rule.assign.as_ref());
                prop_assert_eq!(assigned, Some(&profile));
            }
            Err(ReviseError::Layout(_) | ReviseError::Invalid(_) | ReviseError::Others) => {
                prop_assert!(false, "{}", text);
            }
            Err(_) => {}
        }
    }

    #[test]
    fn unassign_takes_off_one_vm_and_nobody_else(
        text in files(), number in 100..145_u32, by_tag in any::<bool>(),
    ) {
        let old = parse(&text).unwrap();
        let vmid = VmId::try_from(number).unwrap();
        let off = if by_tag { Off::OfTheAssignment } else { Off::OfItsRule };
        let Some(revision) = unassign(&text, &old, vmid, off).unwrap() else {
            let assigned = old.rule_for(vmid).and_then(|rule| rule.assign.as_ref());
            prop_assert!(old.rule_for(vmid).is_none() || (by_tag && assigned.is_none()));
            return Ok(());
        };
        let new = parse(&revision.text).unwrap();
        others_are_as_they_were(&old, &new, vmid)?;
        let after = meaning(&new, vmid);
        let wanted = meaning(&old, vmid).filter(|_| by_tag).map(|rule| Rule { assign: None, ..rule });
        prop_assert_eq!(after, wanted);
    }
}

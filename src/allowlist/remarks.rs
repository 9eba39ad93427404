//! What an allowlist says that is valid and probably not meant.
use std::collections::BTreeMap;

use super::command::{CommandName, Does, GuestCommand};
use super::profile::{Profile, Profiles, TimeService};
use super::references::References;
use super::rule::{Marks, Rule};
use crate::model::{ClockTarget, ShiftBound, Timestamp};
use crate::strict::{Finding, Reader, quoted};

/// All remarks about profiles and rules.
pub(super) fn all(
    reader: &Reader<'_>,
    profiles: &Profiles,
    rules: &[(Rule, Marks)],
    commands: &BTreeMap<CommandName, GuestCommand>,
    references: &References,
) -> Vec<Finding> {
    let mut remarks = Vec::new();
    for (name, (profile, mark)) in profiles {
        let mut about = |text: &str| {
            remarks
                .push(reader.remark(*mark, format!("profile {}: {text}", quoted(name.as_str()))));
        };
        if !references.used_profiles.contains(name) {
            about("no rule names it");
        }
        if profile.align && !profile.stages.rtc {
            about("`align` does nothing without the stage \"rtc\"");
        }
        if matches!(profile.target, ClockTarget::Certificate(_)) && profile.anchor.is_some() {
            about(
                "with `anchor` the guest's clock runs on out of the certificate's validity, a `margin` after \
                 the anchor at the latest; without it each start begins within",
            );
        }
        let stops = |name| {
            commands
                .get(name)
                .is_some_and(|command| command.does == Some(Does::Stop))
        };
        if profile.time_service == TimeService::Stop && !profile.guest_commands.iter().any(stops) {
            about(
                "`time-service = \"stop\"`, but none of its `guest-commands` has `does = \"stop\"`",
            );
        }
        let for_good = |name: &&CommandName| {
            let command = commands.get(*name);
            command
                .is_some_and(|command| command.does == Some(Does::Stop) && command.undo.is_none())
        };
        if let Some(command) = profile.guest_commands.iter().find(for_good) {
            about(&format!(
                "nothing starts again what guest-command `{command}` stops: it has no `undo`"
            ));
        }
        let idle = |name: &&CommandName| {
            commands
                .get(*name)
                .is_some_and(|command| command.does.is_none())
        };
        if let Some(command) = profile.guest_commands.iter().find(idle) {
            about(&format!(
                "guest-command `{command}` is never run: it has no `does`"
            ));
        }
    }
    for (rule, marks) in rules {
        let one_vm = matches!(rule.ranges.as_slice(), [(first, last)] if first == last);
        if rule.uuid.is_some() && !one_vm {
            let text = "a rule with `uuid` can apply to one VM only, but names several VMIDs";
            remarks.push(reader.remark(marks.rule, text));
        }
        for (name, mark) in rule.profiles.iter().zip(&marks.profiles) {
            let Some((profile, _)) = profiles.get(name) else {
                continue;
            };
            let unconfirmed = |name: &&CommandName| {
                let command = commands.get(*name);
                !rule.confirm && command.is_some_and(|command| command.confirm)
            };
            if let Some(command) = profile.guest_commands.iter().find(unconfirmed) {
                let name = quoted(name.as_str());
                let text = format!(
                    "guest-command `{command}` of profile {name} is never run: it has `confirm`, and this rule \
                     has not"
                );
                remarks.push(reader.remark(*mark, text));
            }
            if is_beyond(profile, rule.max_shift) {
                let name = quoted(name.as_str());
                let text = format!("profile {name} shifts by more than `max-shift`: always denied");
                remarks.push(reader.remark(*mark, text));
            }
        }
    }
    remarks
}

/// Whether the profile's shift is too large whatever the date. A year or month is not always as
/// long, so this looks from several dates and believes only what is so from each.
fn is_beyond(profile: &Profile, bound: ShiftBound) -> bool {
    if matches!(
        (&profile.target, profile.anchor),
        (ClockTarget::At(_), None)
    ) {
        return false;
    }
    const DATES: [&str; 4] = ["2023-01-01", "2024-02-29", "2026-07-31", "2031-03-01"];
    let beyond = |host: Timestamp| match (&profile.target, profile.anchor) {
        (ClockTarget::Shifted(shift), _) => shift
            .from(host)
            .is_ok_and(|guest| !bound.holds(host, guest)),
        (ClockTarget::At(target), Some(anchor)) => {
            let guest = target.since(anchor).and_then(|offset| host.plus(offset));
            guest.is_ok_and(|guest| !bound.holds(host, guest))
        }
        _ => false,
    };
    DATES
        .iter()
        .all(|date| Timestamp::parse(date).is_ok_and(beyond))
}

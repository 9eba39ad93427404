//! The errors that show only once all tables are known.
use super::profile::Profiles;
use super::references::References;
use super::rule::{Marks, Rule};
use crate::model::{ClockTarget, Stages};
use crate::strict::{Reader, nearest, quoted};

/// Reports names that nothing in the file has.
pub(super) fn references(reader: &Reader<'_>, references: &References) {
    // What is missing may then just not have been understood.
    if reader.is_broken() {
        return;
    }
    for (name, mark) in &references.unknown_profiles {
        let known = references.profiles.iter().map(|name| name.as_str());
        let hint = hint(reader, name.as_str(), known);
        reader.missing(
            *mark,
            format!("there is no profile {}{hint}", quoted(name.as_str())),
        );
    }
    for (name, mark) in &references.wanted_commands {
        if !references.commands.contains_key(name) {
            let known = references.commands.keys().map(|name| name.as_str());
            let hint = hint(reader, name.as_str(), known);
            let name = quoted(name.as_str());
            reader.missing(*mark, format!("there is no [[guest-command]] {name}{hint}"));
        }
    }
}

fn hint<'n>(reader: &Reader<'_>, name: &str, known: impl Iterator<Item = &'n str>) -> String {
    if reader.is_full() {
        return String::new();
    }
    nearest(name, known)
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}

/// Reports profiles that their rule can never allow.
pub(super) fn rule(reader: &Reader<'_>, rule: &Rule, marks: &Marks, profiles: &Profiles) {
    for (name, mark) in rule.profiles.iter().zip(&marks.profiles) {
        let Some((profile, _)) = profiles.get(name) else {
            continue;
        };
        let whose = || format!("profile {} (line {})", quoted(name.as_str()), profile.line);
        if let Some(stage) = forbidden_stage(rule.stages, profile.stages) {
            let text = format!(
                "{} wants the stage \"{stage}\", which this rule's `stages` lack",
                whose()
            );
            reader.error(*mark, text);
        }
        let ClockTarget::At(target) = profile.target else {
            continue;
        };
        let (edge, bound) = if target < rule.earliest {
            ("before `earliest`", rule.earliest)
        } else if target > rule.latest {
            ("after `latest`", rule.latest)
        } else {
            continue;
        };
        let text = format!(
            "{} has the target {target}, which lies {edge} ({bound})",
            whose()
        );
        reader.error(*mark, text);
    }
}

fn forbidden_stage(allowed: Stages, wanted: Stages) -> Option<&'static str> {
    if wanted.rtc && !allowed.rtc {
        Some("rtc")
    } else if wanted.agent && !allowed.agent {
        Some("agent")
    } else {
        None
    }
}

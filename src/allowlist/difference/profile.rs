//! What becomes different in a profile.
use super::rule::stages;
use super::{Change, Kind, or_none, others};
use crate::allowlist::{OnUndo, Profile, TimeService};
use crate::model::{OnTrouble, ProfileName};

/// What a profile does, for people.
pub(super) fn summary(profile: &Profile) -> String {
    match profile.anchor {
        Some(anchor) => format!("target {}, shown at {anchor}", profile.target),
        None => format!("target {}", profile.target),
    }
}

/// What becomes different for the VMs that may have it.
pub(super) fn changes(name: &ProfileName, old: &Profile, new: &Profile) -> Vec<Change> {
    let others = others(&described(old), &described(new));
    others
        .into_iter()
        .map(|text| Change::new(Kind::Changes, format!("profile {name}: {text}")))
        .collect()
}

fn described(profile: &Profile) -> Vec<(&'static str, String)> {
    // Taken apart, so that no key is forgotten.
    let Profile {
        description: _,
        target,
        anchor,
        stages: wanted,
        align,
        tolerance,
        time_service,
        hold,
        agent_wait,
        on_undo,
        restore_after,
        on_denied,
        on_failure,
        guest_commands,
        margin,
        line: _,
    } = profile;
    let trouble = |on: &OnTrouble| match on {
        OnTrouble::Start => "start",
        OnTrouble::Block => "block",
    };
    let commands: Vec<String> = guest_commands.iter().map(ToString::to_string).collect();
    vec![
        ("target", target.to_string()),
        ("anchor", or_none(anchor.as_ref())),
        ("stages", stages(*wanted)),
        ("align", align.to_string()),
        ("tolerance", format!("{tolerance:?}")),
        (
            "time-service",
            match time_service {
                TimeService::Keep => "keep".to_owned(),
                TimeService::Stop => "stop".to_owned(),
            },
        ),
        ("hold", format!("{hold:?}")),
        ("agent-wait", format!("{agent_wait:?}")),
        (
            "on-undo",
            match on_undo {
                OnUndo::Report => "report".to_owned(),
                OnUndo::Set => "set".to_owned(),
            },
        ),
        (
            "restore-after",
            restore_after.map_or_else(|| "none".to_owned(), |after| format!("{after:?}")),
        ),
        ("on-denied", trouble(on_denied).to_owned()),
        ("on-failure", trouble(on_failure).to_owned()),
        ("margin", format!("{margin:?}")),
        ("guest-commands", format!("[{}]", commands.join(", "))),
    ]
}

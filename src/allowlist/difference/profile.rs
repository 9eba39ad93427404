//! What becomes different in a profile.
use std::sync::OnceLock;

use super::rule::stages;
use super::{Change, Kind, listed, or_none, others};
use crate::allowlist::{self, OnUndo, Profile, TimeService};
use crate::model::{OnTrouble, ProfileName, lapse_text};

/// What a profile does, for people: its target, and each other key that is not as by default.
pub(super) fn summary(profile: &Profile) -> String {
    static DEFAULTS: OnceLock<Vec<(&str, String)>> = OnceLock::new();
    let defaults = DEFAULTS.get_or_init(|| {
        let text = "version = 1\n[profiles.a]\ntarget = \"now\"\n";
        let list = allowlist::parse(text).unwrap_or_default();
        list.profiles.values().flat_map(described).collect()
    });
    let mut said = described(profile);
    said.retain(|entry| entry.0 == "target" || !defaults.contains(entry));
    listed(&said)
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
        ("tolerance", lapse_text(*tolerance)),
        (
            "time-service",
            match time_service {
                TimeService::Keep => "keep".to_owned(),
                TimeService::Stop => "stop".to_owned(),
            },
        ),
        ("hold", lapse_text(*hold)),
        ("agent-wait", lapse_text(*agent_wait)),
        (
            "on-undo",
            match on_undo {
                OnUndo::Report => "report".to_owned(),
                OnUndo::Set => "set".to_owned(),
            },
        ),
        (
            "restore-after",
            restore_after.map_or_else(|| "none".to_owned(), lapse_text),
        ),
        ("on-denied", trouble(on_denied).to_owned()),
        ("on-failure", trouble(on_failure).to_owned()),
        ("margin", lapse_text(*margin)),
        ("guest-commands", format!("[{}]", commands.join(", "))),
    ]
}

//! What is said about two files.
use super::*;
use crate::allowlist::parse;

const OLD: &str = r#"version = 1
[profiles.a]
target = "2016-06-15T12:00:00Z"
[profiles.b]
target = "-10y"
[[allow]]
vmids = [100, "200-299"]
profiles = ["a"]
assign = "a"
earliest = "2010-01-01"
latest = "2037-12-31"
max-shift = "20y"
[[allow]]
vmids = [300]
profiles = ["b"]
earliest = "2010-01-01"
latest = "2037-12-31"
max-shift = "20y"
uuid = "4c4c4544-0042-3510-8052-b4c04f4a3132"
[[guest-command]]
name = "stop"
path = "/usr/bin/timedatectl"
args = ["set-ntp", "false"]
[[role]]
name = "viewers"
users = ["alice"]
verbs = ["view"]
"#;

/// The difference between the file and the same one with some text replaced, in words.
fn said(changes: &[(&str, &str)]) -> Vec<String> {
    let mut text = OLD.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, to);
    }
    let difference = difference(&parse(OLD).unwrap(), &parse(&text).unwrap());
    let say = |change: &Change| format!("{:?} {}", change.kind, change.text);
    let mut said = Vec::new();
    for affected in &difference.vms {
        let ranges: Vec<String> = affected
            .ranges
            .iter()
            .map(|(first, last)| format!("{first}-{last}"))
            .collect();
        let changes: Vec<String> = affected.changes.iter().map(say).collect();
        said.push(format!("{}: {}", ranges.join(" "), changes.join("; ")));
    }
    said.extend(difference.roles.iter().map(say));
    said.extend(difference.commands.iter().map(say));
    said
}

#[test]
fn what_only_looks_different_is_no_difference() {
    assert_eq!(said(&[]), [""; 0]);
    assert_eq!(
        said(&[("vmids = [300]", "# moved\n\nvmids = [300]")]),
        [""; 0]
    );
    assert_eq!(
        said(&[("\"200-299\"", "\"200-249\", \"250-299\"")]),
        [""; 0]
    );
    assert_eq!(
        said(&[(
            "target = \"-10y\"",
            "target = \"-10y\"\ndescription = \"x\""
        )]),
        [""; 0]
    );
}

#[test]
fn vmids_gain_and_lose_what_a_rule_permits() {
    assert_eq!(
        said(&[("\"200-299\"", "\"200-250\", 400")]),
        [
            "251-299: Loses profile a (assigned): target 2016-06-15T12:00:00Z; Loses bounds: \
             2010-01-01T00:00:00Z to 2037-12-31T23:59:59Z, at most P20Y from the host's time; \
             stages rtc, agent",
            "400-400: Gains profile a (assigned): target 2016-06-15T12:00:00Z; Gains bounds: \
             2010-01-01T00:00:00Z to 2037-12-31T23:59:59Z, at most P20Y from the host's time; \
             stages rtc, agent",
        ]
    );
}

#[test]
fn wider_bounds_are_a_gain_and_narrower_ones_a_loss() {
    let wider = said(&[(
        "assign = \"a\"\nearliest = \"2010-01-01\"",
        "assign = \"a\"\nany-tag = true\nearliest = \"2000-01-01\"",
    )]);
    assert_eq!(
        wider,
        [
            "100-100 200-299: Gains earliest: 2010-01-01T00:00:00Z -> 2000-01-01T00:00:00Z; Gains any \
             user's tag counts (any-tag)"
        ]
    );
    let narrower = said(&[(
        "assign = \"a\"\nearliest = \"2010-01-01\"",
        "assign = \"a\"\nconfirm = true\nearliest = \"2011-01-01\"",
    )]);
    assert_eq!(
        narrower,
        [
            "100-100 200-299: Loses earliest: 2010-01-01T00:00:00Z -> 2011-01-01T00:00:00Z; Loses needs an \
             approval (confirm)"
        ]
    );
    let unbound = said(&[("uuid = \"4c4c4544-0042-3510-8052-b4c04f4a3132\"\n", "")]);
    assert_eq!(
        unbound,
        ["300-300: Gains uuid: 4c4c4544-0042-3510-8052-b4c04f4a3132 -> none"]
    );
}

#[test]
fn a_profile_changes_for_the_vms_that_may_have_it() {
    assert_eq!(
        said(&[("target = \"-10y\"", "target = \"-12y\"\nstages = [\"rtc\"]")]),
        [
            "300-300: Changes profile b: target: -P10Y -> -P12Y; Changes profile b: stages: rtc, agent -> \
             rtc"
        ]
    );
}

#[test]
fn roles_and_commands_are_told_with_all_that_they_permit() {
    assert_eq!(
        said(&[
            ("verbs = [\"view\"]", "verbs = [\"view\", \"assign\"]"),
            ("\"false\"]", "\"\\u202e\"]"),
        ]),
        [
            "Changes role viewers: verbs: [view] -> [assign, view]",
            "Changes guest-command stop: runs: /usr/bin/timedatectl \"set-ntp\" \"false\" -> \
             /usr/bin/timedatectl \"set-ntp\" \"\\u{202e}\"",
        ]
    );
    let nothing = Allowlist::default();
    let all = difference(&nothing, &parse(OLD).unwrap());
    assert_eq!(all.vms.len(), 2);
    assert_eq!(all.roles[0].kind, Kind::Gains);
    assert_eq!(all.commands[0].kind, Kind::Gains);
    assert_eq!(difference(&parse(OLD).unwrap(), &nothing).vms.len(), 2);
}

#[test]
fn rules_that_share_a_line_are_told_apart() {
    let rule = |vmid: u32, latest: &str| {
        format!(
            "{{vmids = [{vmid}], profiles = [\"a\"], earliest = \"2010-01-01\", latest = \"{latest}\", \
             max-shift = \"20y\"}}"
        )
    };
    let file = |one: &str, other: &str| {
        let (one, other) = (rule(100, one), rule(101, other));
        parse(&format!(
            "version = 1\nallow = [{one}, {other}]\n[profiles.a]\ntarget = \"2016-06-15\"\n"
        ))
        .unwrap()
    };
    let same = file("2037-12-31", "2037-12-31");
    let other = file("2037-12-31", "2038-12-31");
    let difference = difference(&same, &other);
    assert_eq!(difference.vms.len(), 1);
    assert!(difference.is_only_about(VmId::try_from(101).unwrap()));
}

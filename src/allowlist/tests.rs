//! What an allowlist may say.
use std::time::Duration;

use super::*;
use crate::model::OnTrouble;
use crate::model::{ClockTarget, Stages, Timestamp};

/// The file as it is installed.
const SHIPPED: &str = include_str!("../../etc/allowlist.toml");

/// A file with every key there is.
pub(super) const FULL: &str = r#"version = 1
[profiles.idrac-2016]
description = "iDRAC 7 firmware of 2016"
target = "2016-06-15T12:00:00Z"
anchor = "2026-11-24T00:00:00Z"
stages = ["rtc", "agent"]
align = true
tolerance = "250ms"
time-service = "stop"
hold = "10m"
agent-wait = "5m"
on-undo = "set"
restore-after = "8h"
on-denied = "block"
on-failure = "block"
guest-commands = ["stop-timesyncd"]
[profiles.ten-years]
target = "-10y"
stages = ["agent"]
[profiles.certificate]
target = "cert:10.0.0.20"
margin = "7d"
stages = ["agent"]
[[allow]]
vmids = [100, "200-299"]
profiles = ["idrac-2016", "ten-years"]
assign = "idrac-2016"
earliest = "2010-01-01"
latest = "2037-12-31"
max-shift = "20y"
confirm = true
any-tag = true
[[allow]]
vmids = [300]
profiles = ["ten-years", "certificate"]
earliest = "2010-01-01"
latest = "2037-12-31T12:00:00+01:00"
max-shift = "P11Y"
stages = ["agent"]
uuid = "4C4C4544-0042-3510-8052-b4c04f4a3132"
pve-users = ["alice@pve", "root@pam!ci"]
[[guest-command]]
name = "stop-timesyncd"
path = "/usr/bin/timedatectl"
args = ["set-ntp", "false"]
timeout = "20s"
os = "linux"
does = "stop"
undo = "start-timesyncd"
query = "start-timesyncd"
[[guest-command]]
name = "start-timesyncd"
path = "/usr/bin/timedatectl"
args = ["set-ntp", "true"]
does = "start"
[[host-command]]
name = "pve-set"
path = "/usr/bin/pvesh"
args = ["set", "{path}", "{parameters}"]
timeout = "30s"
output-limit = 4096
confirm = true
[deny]
programs = ["chronyc", "my-*"]
arguments = ["--force"]
"#;

fn vmid(number: u32) -> VmId {
    VmId::try_from(number).unwrap()
}

#[test]
fn every_key_is_read_as_it_is_written() {
    let list = parse(FULL).unwrap();
    assert_eq!(list.warnings(), []);

    let profile = &list.profiles[&ProfileName::parse("idrac-2016").unwrap()];
    assert_eq!(
        profile.description.as_ref().unwrap().as_str(),
        "iDRAC 7 firmware of 2016"
    );
    assert_eq!(profile.target, ClockTarget::parse("2016-06-15").unwrap());
    assert_eq!(
        profile.anchor,
        Some(Timestamp::parse("2026-11-24T00:00:00Z").unwrap())
    );
    assert_eq!(
        profile.stages,
        Stages {
            rtc: true,
            agent: true
        }
    );
    assert!(profile.align);
    assert_eq!(profile.tolerance, Duration::from_millis(250));
    assert_eq!(profile.time_service, TimeService::Stop);
    assert_eq!(profile.hold, Duration::from_secs(600));
    assert_eq!(profile.restore_after, Some(Duration::from_secs(8 * 3_600)));
    assert_eq!(
        (profile.on_denied, profile.on_failure),
        (OnTrouble::Block, OnTrouble::Block)
    );
    assert_eq!(
        profile.guest_commands,
        [CommandName::parse("stop-timesyncd").unwrap()]
    );
    assert_eq!(profile.line, 2);

    let [first, second] = list.rules.as_slice() else {
        panic!("two rules")
    };
    assert_eq!(
        first.ranges,
        [(vmid(100), vmid(100)), (vmid(200), vmid(299))]
    );
    assert_eq!(first.assign.as_ref().unwrap().as_str(), "idrac-2016");
    assert_eq!(
        first.earliest,
        Timestamp::parse("2010-01-01T00:00:00Z").unwrap()
    );
    assert_eq!(
        first.latest,
        Timestamp::parse("2037-12-31T23:59:59.999999999Z").unwrap()
    );
    assert_eq!(first.max_shift.to_string(), "P20Y");
    assert!(first.confirm && first.any_tag);
    assert_eq!(first.line, 24);
    assert_eq!(
        second.latest,
        Timestamp::parse("2037-12-31T11:00:00Z").unwrap()
    );
    assert_eq!(
        second.stages,
        Stages {
            rtc: false,
            agent: true
        }
    );
    assert_eq!(
        second.uuid.as_ref().unwrap().as_str(),
        "4c4c4544-0042-3510-8052-b4c04f4a3132"
    );

    let users: Vec<String> = second.pve_users.iter().map(ToString::to_string).collect();
    assert_eq!(users, ["alice@pve", "root@pam!ci"]);
    assert_eq!(first.pve_users, []);

    let command = &list.guest_commands[&CommandName::parse("stop-timesyncd").unwrap()];
    assert_eq!(command.path, "/usr/bin/timedatectl");
    assert_eq!(command.args, ["set-ntp", "false"]);
    assert_eq!(command.timeout, Duration::from_secs(20));
    assert_eq!(
        (command.os, command.does),
        (Some(GuestOs::Linux), Some(Does::Stop))
    );
    assert_eq!(command.undo.as_ref().unwrap().as_str(), "start-timesyncd");
    assert_eq!((command.output_limit, command.confirm), (65_536, false));

    let command = &list.host_commands[&CommandName::parse("pve-set").unwrap()];
    assert_eq!(command.path.as_str(), "/usr/bin/pvesh");
    assert_eq!(command.args, ["set", "{path}", "{parameters}"]);
    assert_eq!(
        (command.timeout, command.output_limit, command.confirm),
        (Duration::from_secs(30), 4_096, true)
    );
    assert_eq!(list.deny.programs, ["chronyc", "my-*"]);
    assert_eq!(list.deny.arguments, ["--force"]);
}

#[test]
fn what_is_left_out_has_a_careful_default() {
    let list = parse(
        "version = 1\n[profiles.a]\ntarget = \"now\"\n[[allow]]\nvmids = [100]\nprofiles = [\"a\"]\n\
         earliest = \"2020-01-01\"\nlatest = \"2030-01-01\"\nmax-shift = \"1d\"\n\
         [[guest-command]]\nname = \"c\"\npath = '/bin/c'\n",
    )
    .unwrap();
    let profile = list.profiles.values().next().unwrap();
    assert_eq!(
        profile.stages,
        Stages {
            rtc: true,
            agent: true
        }
    );
    assert_eq!(
        (profile.align, profile.tolerance),
        (false, Duration::from_millis(250))
    );
    assert_eq!(
        (profile.time_service, profile.hold),
        (TimeService::Keep, Duration::from_secs(600))
    );
    assert_eq!((profile.restore_after, profile.anchor), (None, None));
    assert_eq!(
        (profile.on_denied, profile.on_failure),
        (OnTrouble::Start, OnTrouble::Start)
    );
    assert!(profile.guest_commands.is_empty() && profile.description.is_none());
    let rule = &list.rules[0];
    assert!(!rule.confirm && !rule.any_tag && rule.assign.is_none() && rule.uuid.is_none());
    assert_eq!(
        rule.stages,
        Stages {
            rtc: true,
            agent: true
        }
    );
    let command = list.guest_commands.values().next().unwrap();
    assert_eq!(command.timeout, Duration::from_secs(10));
    assert!(command.args.is_empty() && command.os.is_none() && command.does.is_none());
}

#[test]
fn the_shipped_file_allows_nothing_but_what_the_program_needs_itself() {
    let mut list = parse(SHIPPED).unwrap();
    let names: Vec<String> = list.host_commands.keys().map(ToString::to_string).collect();
    let mut known: Vec<&str> = KNOWN.to_vec();
    known.sort_unstable();
    assert_eq!(names, known);
    list.host_commands.clear();
    assert_eq!(list, Allowlist::default());
}

#[test]
fn the_example_of_the_shipped_file_is_valid_and_shows_every_key() {
    let lines = SHIPPED.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if !rest.is_empty() && !rest.starts_with(' ') => rest,
        _ => line,
    });
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let list = parse(&text).unwrap();
    assert_eq!(list.warnings(), []);
    assert_eq!(
        (
            list.profiles.len(),
            list.rules.len(),
            list.guest_commands.len(),
            list.host_commands.len()
        ),
        (2, 2, 11, 3)
    );
    for line in FULL.lines().filter(|line| !line.starts_with('[')) {
        let key = line.split(' ').next().unwrap();
        assert!(
            SHIPPED.contains(&format!("#{key} = ")) || SHIPPED.contains(&format!("\n{key} = ")),
            "{key} is not shown"
        );
    }
}

#[test]
fn the_rule_of_a_vm_is_found_at_the_edges_of_its_ranges() {
    let list = parse(FULL).unwrap();
    let line = |number| list.rule_for(vmid(number)).map(|rule| rule.line);
    for (number, expected) in [
        (100, Some(24)),
        (101, None),
        (199, None),
        (200, Some(24)),
        (299, Some(24)),
        (300, Some(33)),
        (301, None),
        (999_999_999, None),
    ] {
        assert_eq!(line(number), expected, "{number}");
    }
    assert_eq!(Allowlist::default().rule_for(vmid(100)), None);
}

#[test]
fn ten_thousand_rules_are_read_and_every_vm_gets_its_own() {
    let rule = |n: u32| {
        let (one, low, high) = (1_000 + n * 10, 1_001 + n * 10, 1_009 + n * 10);
        format!(
            "[[allow]]\nvmids = [{one}, \"{low}-{high}\"]\nprofiles = [\"a\"]\n\
             earliest = \"2010-01-01\"\nlatest = \"2030-01-01\"\nmax-shift = \"20y\"\n"
        )
    };
    let rules: String = (0..10_000).rev().map(rule).collect();
    let list = parse(&format!(
        "version = 1\n[profiles.a]\ntarget = \"2016-06-15\"\n{rules}"
    ))
    .unwrap();
    assert_eq!(list.rules.len(), 10_000);
    for number in (1_000..101_000).step_by(77) {
        let rule = list.rule_for(vmid(number)).unwrap();
        assert!(
            rule.ranges
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&vmid(number)))
        );
    }
}

#[test]
fn a_start_gets_its_rule_and_no_other_and_all_else_as_it_is() {
    let list = parse(FULL).unwrap();
    assert!(list.rules.len() > 1);
    let numbers = list.rules.iter().flat_map(|rule| &rule.ranges);
    let edges = numbers
        .flat_map(|(first, last)| [first.get() - 1, first.get(), last.get(), last.get() + 1]);
    for vmid in edges.filter_map(|number| VmId::parse(number.to_string().as_bytes()).ok()) {
        let own = parse_for(FULL, vmid).unwrap();
        assert_eq!(own.rule_for(vmid), list.rule_for(vmid), "{vmid}");
        assert_eq!(own.rules.len(), usize::from(list.rule_for(vmid).is_some()));
        assert_eq!(own.profiles, list.profiles);
        assert_eq!(own.guest_commands, list.guest_commands);
        assert_eq!(own.host_commands, list.host_commands);
        assert_eq!((&own.deny, &own.roles), (&list.deny, &list.roles));
        for rule in &list.rules {
            let other = rule.ranges[0].0;
            let same = own.rule_for(other).is_none() || own.rule_for(other) == list.rule_for(vmid);
            assert!(same, "{vmid} {other}");
        }
    }
}

#[test]
fn a_start_gets_its_rule_in_whatever_order_its_vmids_are() {
    for vmids in [
        "300, \"100-199\"",
        "\"200-299\", 100",
        "103, 102, 101, 100",
        "\"400-499\", 150, \"200-299\"",
    ] {
        let text = format!(
            "version = 1\n[profiles.a]\ntarget = \"now\"\n[[allow]]\nvmids = [{vmids}]\nprofiles = [\"a\"]\n\
             earliest = \"1990-01-01\"\nlatest = \"2037-12-31\"\nmax-shift = \"20y\"\n"
        );
        let list = parse(&text).unwrap();
        for number in 100..600 {
            let vmid = vmid(number);
            let own = parse_for(&text, vmid).unwrap();
            assert_eq!(own.rule_for(vmid), list.rule_for(vmid), "{vmids} {vmid}");
        }
    }
}

#[test]
fn commands_that_are_never_run_or_never_taken_back_are_warnings() {
    let text = |rule: &str, command: &str| {
        format!(
            "version = 1\n[profiles.a]\ntarget = \"now\"\ntime-service = \"stop\"\nguest-commands = [\"x\"]\n\
             [[allow]]\nvmids = [100]\nprofiles = [\"a\"]\nearliest = \"1990-01-01\"\nlatest = \"2037-12-31\"\n\
             max-shift = \"20y\"\n{rule}[[guest-command]]\nname = \"x\"\npath = \"/x\"\ndoes = \"stop\"\n{command}\
             [[guest-command]]\nname = \"y\"\npath = \"/y\"\ndoes = \"start\"\n"
        )
    };
    let said = |rule, command| -> Vec<String> {
        let list = parse(&text(rule, command)).unwrap();
        list.warnings().iter().map(Finding::to_string).collect()
    };
    let undo = "undo = \"y\"\n";
    assert_eq!(said("", undo), [""; 0]);
    assert_eq!(
        said("", ""),
        [
            "line 2, column 1: profile `a`: nothing starts again what guest-command `x` stops: it has no `undo`"
        ]
    );
    let confirm = "undo = \"y\"\nconfirm = true\n";
    assert_eq!(
        said("", confirm),
        [
            "line 8, column 13: guest-command `x` of profile `a` is never run: it has `confirm`, and this rule \
             has not"
        ]
    );
    assert_eq!(said("confirm = true\n", confirm), [""; 0]);
}

#[test]
fn what_is_probably_not_meant_is_a_warning() {
    let list = parse(
        "version = 1\n[profiles.a]\ntarget = \"-30y\"\nalign = true\nstages = [\"agent\"]\n\
         [profiles.b]\ntarget = \"2016-06-15\"\nanchor = \"2046-06-15\"\n\
         [profiles.c]\ntarget = \"now\"\ntime-service = \"stop\"\nguest-commands = [\"x\"]\n\
         [[allow]]\nvmids = [100, 101]\nprofiles = [\"a\", \"b\"]\nearliest = \"1990-01-01\"\n\
         latest = \"2037-12-31\"\nmax-shift = \"20y\"\nuuid = \"4c4c4544-0042-3510-8052-b4c04f4a3132\"\n\
         [[guest-command]]\nname = \"x\"\npath = \"/x\"\n",
    )
    .unwrap();
    let said: Vec<String> = list.warnings().iter().map(Finding::to_string).collect();
    assert_eq!(
        said,
        [
            "line 2, column 1: profile `a`: `align` does nothing without the stage \"rtc\"",
            "line 9, column 1: profile `c`: `time-service = \"stop\"`, but none of its \
             `guest-commands` has `does = \"stop\"`",
            "line 9, column 1: profile `c`: guest-command `x` is never run: it has no `does`",
            "line 9, column 1: profile `c`: no rule names it",
            "line 13, column 1: a rule with `uuid` can apply to one VM only, but names several VMIDs",
            "line 15, column 13: profile `a` shifts by more than `max-shift`: always denied",
            "line 15, column 18: profile `b` shifts by more than `max-shift`: always denied",
        ]
    );
}

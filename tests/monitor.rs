//! The RTC stage against a monitor made by hand, for what the real QEMU cannot be made to show: what
//! is sent in each state and after each fault, and that `cont` is sent alone and last or not at all.
//! A2, F1, F3, and points 2 and 4 of the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "monitor/faults.rs"]
mod faults;
mod support;

use std::fs;
use std::time::Duration;

use serde_json::Value;
use support::{Fake, Run, World, allow, wait_until};

const TARGET: &str = "2016-06-15T12:00:00Z";

/// All that is asked before anything is touched.
const QUESTIONS: [&str; 5] = [
    "qmp_capabilities",
    "query-status",
    "query-migrate",
    "query-target",
    "qom-get",
];

/// A node whose VM 100 has had its pre-start, and whose post-start takes 600 ms at most.
fn started(config: &str) -> World {
    let world = World::with_vm(config, &allow(TARGET));
    world.write(
        "/etc/time-shift/config.toml",
        "[hook]\npost-start-limit = \"600ms\"\n",
    );
    let run = world.hook(100, "pre-start");
    assert_eq!(run.code, Some(0), "{run:?}");
    world
}

/// post-start against a fake with these arguments; the hook ends well, in time and in one line, and
/// hangs up. What was sent comes back, without the `EOF`.
#[track_caller]
fn post_start(world: &World, arguments: &[&str]) -> (Run, Vec<String>) {
    let fake = world.fake(100, arguments);
    let run = world.hook(100, "post-start");
    run.one_line(0, &["time-shift: VM 100 (vm100): "]);
    assert!(run.took < Duration::from_millis(2500), "{run:?}");
    (run, sent(&fake))
}

/// What a fake got from the one client it had, which has hung up.
#[track_caller]
fn sent(fake: &Fake<'_>) -> Vec<String> {
    wait_until("the hook hangs up", || fake.count("EOF") > 0);
    let mut commands = fake.commands();
    assert_eq!(commands.pop().unwrap(), "EOF", "{commands:?}");
    commands
}

fn stage(world: &World) -> String {
    world.note(100).unwrap()["stage"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Only questions were asked: nothing was stopped, written or continued.
#[track_caller]
fn only_asked(commands: &[String]) {
    assert!(
        commands
            .iter()
            .all(|command| QUESTIONS.contains(&command.as_str())),
        "{commands:?}"
    );
}

/// post-start leaves the VM alone and says why.
#[track_caller]
fn left_alone(config: &str, arguments: &[&str], said: &str) -> Vec<String> {
    let world = started(config);
    let (run, commands) = post_start(&world, arguments);
    run.says(&["clock left alone", said]);
    only_asked(&commands);
    assert_eq!(stage(&world), "left-alone");
    commands
}

/// Setting the RTC fails with `said`; the VM, if it was stopped, was continued, by `cont` alone.
#[track_caller]
fn fails(arguments: &[&str], said: &str) -> Vec<String> {
    let world = started("");
    let (run, commands) = post_start(&world, arguments);
    run.says(&["RTC not set", said]);
    assert_eq!(stage(&world), "failed");
    let outcome = world.audit().pop().unwrap();
    assert_eq!(
        (&outcome["event"], &outcome["verified"]),
        (&"outcome".into(), &Value::Null)
    );
    commands
}

/// What is sent from `cont` on, with the look before it.
#[track_caller]
fn continued(commands: &[String]) {
    let tail = &commands[commands.len().saturating_sub(3)..];
    assert_eq!(
        tail,
        ["query-status", "cont", "query-status"],
        "{commands:?}"
    );
    let conts = commands.iter().filter(|command| *command == "cont").count();
    assert_eq!(conts, 1, "{commands:?}");
}

#[track_caller]
fn never_continued(commands: &[String]) {
    assert!(
        !commands.iter().any(|command| command == "cont"),
        "{commands:?}"
    );
}

fn writes(commands: &[String]) -> usize {
    commands
        .iter()
        .filter(|command| command.starts_with("o "))
        .count()
}

#[test]
fn a_running_vm_is_asked_stopped_set_looked_at_and_continued_a2() {
    let world = started("");
    let (run, commands) = post_start(&world, &[]);
    run.says(&[
        "RTC set to 2016-06-15T12:00:0",
        "read back as 2016-06-15 12:00:0",
        "error ",
        " ms, vCPUs paused ",
    ]);
    assert_eq!(run.err, "");
    assert_eq!(commands[..5], QUESTIONS);
    assert_eq!(commands[5..7], ["stop", "query-status"]);
    let end = &commands[commands.len() - 4..];
    assert_eq!(end, ["qom-get", "query-status", "cont", "query-status"]);
    let middle = &commands[7..commands.len() - 4];
    let ports = middle
        .iter()
        .all(|command| command.starts_with("o ") || command == "i /b 0x71");
    assert!(ports, "{commands:?}");
    // The index is left where a guest's stray write is ignored.
    assert_eq!(middle.last().unwrap(), "o /h 0x70 0x000d");

    let note = world.note(100).unwrap();
    assert_eq!(
        (&note["stage"], &note["rtc"]["verified"]),
        (&"rtc-set".into(), &true.into())
    );
    let outcome = world.audit().pop().unwrap();
    assert_eq!(outcome["event"], "outcome");
    assert_eq!(outcome["intent"], note["intent"]["intent"]);
    assert_eq!(outcome["error-ns"], note["rtc"]["error-ns"]);
    let error = note["rtc"]["error-ns"].as_i64().unwrap();
    assert!(error.abs() <= 550_000_000, "{error}");
}

#[test]
fn a_vm_that_somebody_else_stopped_is_written_and_never_continued() {
    for state in ["prelaunch", "paused"] {
        let world = started("");
        let (run, commands) = post_start(&world, &[&format!("status={state}")]);
        run.says(&["RTC set to ", &format!("QEMU is {state} and stays so")]);
        assert!(writes(&commands) > 10);
        never_continued(&commands);
        assert!(!commands.contains(&"stop".to_owned()), "{commands:?}");
        assert_eq!(stage(&world), "rtc-set");
    }
}

#[test]
fn a_vm_in_any_other_state_is_left_alone() {
    let states = [
        "inmigrate",
        "restore-vm",
        "save-vm",
        "finish-migrate",
        "postmigrate",
        "io-error",
        "internal-error",
        "guest-panicked",
        "watchdog",
        "shutdown",
        "suspended",
        "colo",
        "",
        "\u{1b}[31mnew",
    ];
    for state in states.into_iter().filter(|state| !state.is_empty()) {
        let shown = state.replace('\u{1b}', "\\u{1b}");
        left_alone(
            "",
            &[&format!("status={state}")],
            &format!("QEMU's state is {shown}"),
        );
    }
}

#[test]
fn a_migration_or_a_lock_leaves_a_running_vm_alone() {
    for state in [
        "active",
        "setup",
        "device",
        "pre-switchover",
        "postcopy-active",
        "wait-unplug",
    ] {
        left_alone(
            "",
            &[&format!("migrate={state}")],
            "a migration is going on",
        );
    }
    for lock in ["backup", "snapshot", "rollback"] {
        left_alone(
            &format!("lock: {lock}\n"),
            &[],
            &format!("the VM is locked ({lock})"),
        );
    }
    for state in ["none", "completed", "failed", "cancelled"] {
        let world = started("");
        post_start(&world, &[&format!("migrate={state}")])
            .0
            .says(&["RTC set to"]);
    }
    // A backup in stop mode lets the VM boot afterwards: the RTC has to be right by then.
    let world = started("lock: backup\n");
    let (run, commands) = post_start(&world, &["-S", "status=prelaunch"]);
    run.says(&["RTC set to", "QEMU is prelaunch and stays so"]);
    never_continued(&commands);
}

#[test]
fn starts_that_go_on_from_a_state_are_not_even_asked_a1() {
    let cases: [(&[&str], &str); 4] = [
        (&["-loadstate", "/dev/pve/x"], "a resume"),
        (&["-loadvm", "snap"], "a resume"),
        (&["-incoming", "unix:/run/x", "-S"], "an incoming migration"),
        (
            &["-S", "-incoming", "tcp:0:1", "-loadstate", "x"],
            "an incoming migration",
        ),
    ];
    for (options, said) in cases {
        let world = started("");
        let fake = world.fake(100, options);
        world
            .hook(100, "post-start")
            .one_line(0, &["clock left alone", said]);
        assert_eq!(fake.commands(), [""; 0]);
        assert_eq!(stage(&world), "left-alone");
    }
    let world = started("");
    let fake = world.fake(100, &[]);
    let run = world.hook_with(&["100", "post-start"], "pve2");
    run.one_line(0, &["clock left alone", "an incoming migration"]);
    assert_eq!(fake.commands(), [""; 0]);
    assert_eq!(world.note(100).unwrap()["start-kind"], "incoming");
}

#[test]
fn without_an_rtc_behind_the_ports_nothing_is_touched() {
    let arm = left_alone("", &["arch=aarch64"], "the machine is not x86");
    assert_eq!(arm, QUESTIONS[..4]);
    left_alone(
        "",
        &["fault=qom-get:error"],
        "there is no RTC that can be set from outside",
    );
    // Its divider is in reset: the guest has halted it. By then the VM was stopped.
    let world = started("");
    let (run, commands) = post_start(&world, &["rtc=halted"]);
    run.says(&["the guest has halted its RTC"]);
    assert_eq!(writes(&commands), 3, "{commands:?}");
    continued(&commands);
}

//! The nets under a stopped VM, on a monitor made by hand: the guardian that outlives the hook, and the
//! next run of the hook. F1, F3, and point 4 of the issue. The real QEMU's part is in the lab tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::io::Read;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Fake, World, allow, wait_until};

const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
const NOTE: &str = "/run/time-shift/100.json";
const CONFIG: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";

fn started() -> World {
    let world = World::with_vm("", &allow("2016-06-15T12:00:00Z"));
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    world
}

/// The guardian, the only one left, continues the VM by `cont` alone and hangs up.
#[track_caller]
fn continued_by_the_guardian(fake: &Fake<'_>) {
    wait_until("the guardian is done", || fake.count("EOF") == 1);
    let commands = fake.commands();
    let end = &commands[commands.len().saturating_sub(4)..];
    assert_eq!(
        end,
        ["query-status", "cont", "query-status", "EOF"],
        "{commands:?}"
    );
    assert_eq!(fake.count("cont"), 1, "{commands:?}");
}

#[test]
fn a_stop_that_takes_5_s_holds_the_start_for_3_and_the_guardian_continues_f1() {
    let world = started();
    let fake = world.fake(100, &["fault=stop:late=5000"]);
    let run = world.hook(100, "post-start");
    run.one_line(0, &["RTC not set", "a guardian process continues the VM"]);
    // Both streams were at their end by then, so the guardian holds neither.
    assert!(
        run.took > Duration::from_millis(2900) && run.took < Duration::from_millis(4500),
        "{run:?}"
    );
    assert_eq!(fake.commands().last().unwrap(), "stop");
    continued_by_the_guardian(&fake);
    // What it did not hear of in time is looked at again by the next run.
    world.hook(100, "pre-stop").silent();
    assert_eq!(fake.count("cont"), 1);
}

#[test]
fn the_limit_is_that_of_config_toml() {
    let world = started();
    world.write(
        "/etc/time-shift/config.toml",
        "[hook]\npost-start-limit = \"500ms\"\n",
    );
    let fake = world.fake(100, &["fault=stop:late=1500"]);
    let run = world.hook(100, "post-start");
    assert!(
        run.took > Duration::from_millis(450) && run.took < Duration::from_millis(1400),
        "{run:?}"
    );
    continued_by_the_guardian(&fake);
}

#[test]
fn a_hook_killed_while_the_vm_stands_is_survived_by_its_guardian_f3() {
    for (fault, command) in [
        ("stop:late=800", "stop"),
        ("query-status#2:late=800", "query-status"),
        ("i:late=800", "i /b 0x71"),
        ("o#12:late=800", "o /h 0x70 0x000d"),
        ("qom-get#2:late=800", "qom-get"),
        ("query-status#3:late=800", "query-status"),
        ("cont:late=800", "cont"),
    ] {
        let world = started();
        let fake = world.fake(100, &[&format!("fault={fault}")]);
        let mut hook = world.command(HOOK);
        hook.args(["100", "post-start"]).stdin(Stdio::null());
        let mut hook = hook
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let number = fault.split_once('#').map_or(1, |(_, rest)| {
            rest.split_once(':').unwrap().0.parse().unwrap()
        });
        match fault.starts_with("o#") {
            // Of the writes, the twelfth is somewhere in the middle.
            true => wait_until("the writes", || {
                fake.commands()
                    .iter()
                    .filter(|got| got.starts_with("o "))
                    .count()
                    >= number
            }),
            false => wait_until(fault, || fake.count(command) >= number),
        }
        let begun = Instant::now();
        hook.kill().unwrap();
        hook.wait().unwrap();
        // The guardian holds neither stream.
        let mut text = String::new();
        hook.stdout
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        hook.stderr
            .take()
            .unwrap()
            .read_to_string(&mut text)
            .unwrap();
        assert!(
            begun.elapsed() < Duration::from_millis(600),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(text, "", "{fault}");
        wait_until("the guardian is done", || fake.count("EOF") == 1);
        let commands = fake.commands();
        assert_eq!(fake.count("cont"), 1, "{fault}: {commands:?}");
        let end = &commands[commands.len() - 2..];
        assert_eq!(end, ["query-status", "EOF"], "{fault}: {commands:?}");
    }
}

#[test]
fn a_guardian_continues_no_vm_that_is_not_exactly_paused() {
    for state in ["postmigrate", "io-error", "shutdown", "finish-migrate"] {
        let world = started();
        let after = format!("after-stop={state}");
        let fake = world.fake(100, &[&after, "fault=stop:late=300"]);
        let mut hook = world.command(HOOK);
        hook.args(["100", "post-start"]).stdin(Stdio::null());
        let mut hook = hook
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        fake.wait_for("stop");
        hook.kill().unwrap();
        hook.wait().unwrap();
        wait_until("the guardian is done", || fake.count("EOF") == 1);
        let commands = fake.commands();
        assert_eq!(commands[5..], ["stop", "query-status", "EOF"], "{state}");
    }
}

/// A node whose VM 100 an earlier run stopped and left so, killed with its guardian; the fake has
/// these arguments.
fn left_standing<'w>(world: &'w World, arguments: &[&str]) -> (Fake<'w>, Value) {
    let fake = world.fake(100, arguments);
    let mut note = world.note(100).unwrap();
    note["stage"] = "stopping".into();
    note["start-kind"] = "cold".into();
    note["generation"] = fake.generation();
    world.write(NOTE, note.to_string());
    (fake, note)
}

/// None of the later phases continues the VM, nor says anything.
#[track_caller]
fn not_rescued(world: &World, fake: &Fake<'_>) {
    world.hook(100, "pre-stop").silent();
    assert_eq!(fake.count("cont"), 0, "{:?}", fake.commands());
    let audit = world.audit();
    assert!(
        audit.iter().all(|line| line["event"] != "rescue"),
        "{audit:?}"
    );
}

#[test]
fn the_next_run_continues_a_vm_that_an_earlier_one_left_paused() {
    let world = started();
    let (fake, _) = left_standing(&world, &["status=paused"]);
    let run = world.hook(100, "pre-stop");
    run.one_line(
        0,
        &[
            "VM 100 (vm100): ",
            "an earlier run was killed",
            "it has been continued",
        ],
    );
    assert_eq!(run.out, "");
    wait_until("the hook hangs up", || fake.count("EOF") == 1);
    assert_eq!(
        fake.commands(),
        [
            "qmp_capabilities",
            "query-status",
            "query-migrate",
            "query-status",
            "cont",
            "query-status",
            "EOF"
        ]
    );
    let audit = world.audit();
    assert_eq!(audit.last().unwrap()["event"], "rescue", "{audit:?}");
    // Once.
    assert_eq!(world.hook(100, "pre-stop").code, Some(0));
    assert_eq!(fake.count("cont"), 1);
}

#[test]
fn a_vm_that_runs_or_is_in_any_other_state_needs_no_rescue() {
    for state in [
        "running",
        "postmigrate",
        "inmigrate",
        "io-error",
        "shutdown",
        "prelaunch",
    ] {
        let world = started();
        let (fake, _) = left_standing(&world, &[&format!("status={state}")]);
        not_rescued(&world, &fake);
    }
}

#[test]
fn a_vm_that_migrates_is_not_continued() {
    for state in ["active", "setup", "device"] {
        let world = started();
        let migrate = format!("migrate={state}");
        let (fake, _) = left_standing(&world, &["status=paused", &migrate]);
        not_rescued(&world, &fake);
    }
}

#[test]
fn a_vm_whose_config_is_on_another_node_is_not_even_asked() {
    let world = started();
    let (fake, _) = left_standing(&world, &["status=paused"]);
    let other = "/etc/pve/nodes/pve2/qemu-server";
    fs::create_dir_all(world.path(other)).unwrap();
    fs::rename(world.path(CONFIG), world.path(other).join("100.conf")).unwrap();
    not_rescued(&world, &fake);
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn a_vm_that_something_else_is_at_work_on_is_not_even_asked() {
    let world = started();
    let (fake, _) = left_standing(&world, &["status=paused"]);
    for lock in ["backup", "snapshot", "migrate"] {
        world.vm(100, &format!("lock: {lock}\n"));
        not_rescued(&world, &fake);
    }
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn another_qemu_process_than_the_stopped_one_is_not_even_asked() {
    let world = started();
    let (fake, note) = left_standing(&world, &["status=paused"]);
    for (key, value) in [
        (
            "start_ticks",
            note["generation"]["start_ticks"].as_u64().unwrap() - 1,
        ),
        ("pid", std::process::id().into()),
    ] {
        let mut other = note.clone();
        other["generation"][key] = json!(value);
        world.write(NOTE, other.to_string());
        not_rescued(&world, &fake);
    }
    let mut none = note.clone();
    none["generation"] = Value::Null;
    world.write(NOTE, none.to_string());
    not_rescued(&world, &fake);
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn only_the_stage_stopping_is_looked_at_again() {
    for stage in ["planned", "rtc-set", "left-alone", "failed"] {
        let world = started();
        let (fake, mut note) = left_standing(&world, &["status=paused"]);
        note["stage"] = stage.into();
        world.write(NOTE, note.to_string());
        not_rescued(&world, &fake);
        assert_eq!(fake.commands(), [""; 0]);
    }
}

#[test]
fn a_rescue_that_fails_says_what_to_do() {
    for (fault, said) in [
        ("cont:error", "QEMU refused"),
        ("query-status:close", "hung up"),
    ] {
        let world = started();
        let fault = format!("fault={fault}");
        let (_fake, _) = left_standing(&world, &["status=paused", &fault]);
        let run = world.hook(100, "pre-stop");
        run.one_line(0, &["could not be continued", said, "qm resume 100"]);
    }
}

#[test]
fn post_stop_after_a_rescue_forgets_the_start() {
    let world = started();
    let (fake, _) = left_standing(&world, &["status=paused"]);
    drop(fake);
    thread::sleep(Duration::from_millis(10));
    world.hook(100, "pre-stop").silent();
    world.hook(100, "post-stop").silent();
    assert_eq!(world.note(100), None);
}

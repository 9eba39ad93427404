//! Starts that are no cold ones: paused, resumed, incoming.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use support::saved::{resumed, save};
use support::{Guest, Run, TestMonitor, World, allow};

/// Longest from the target to the guest's first line.
const BOOT: i64 = 60;

const CONFIG: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";

fn world(config: &str) -> World {
    World::with_vm(config, &allow("2016-06-15T12:00:00Z"))
}

/// Runs post-start, which has to leave the RTC (that shows the host's time) and the state alone.
fn leaves_alone(world: &World, guest: &Guest<'_>, migrated_from: &str, state: &str) -> Run {
    let off = |monitor: &mut TestMonitor| monitor.rtc_seconds() - Timestamp::now().as_second();
    let before = off(&mut guest.monitor());
    assert!(before.abs() <= 1, "the RTC is {before} s off at first");
    assert_eq!(guest.monitor().status(), state);
    let after = world.hook_with(&["100", "post-start"], migrated_from);
    let now = off(&mut guest.monitor());
    assert!(now.abs() <= 1, "the RTC was moved: {now} s, {after:?}");
    assert_eq!(guest.monitor().status(), state);
    let note = world.note(100).unwrap();
    assert_eq!(note["stage"], "left-alone");
    assert!(note["rtc"].is_null());
    after
}

/// A start with `-S` gets its RTC; that the guest may go on is for somebody else to say.
fn paused_start(config: &str) {
    let world = world(config);
    let (guest, _, after) = world.start(100, &["-m", "pc", "--", "-S"]);
    after.one_line(
        0,
        &[
            "RTC set to 2016-06-15T12:00:0",
            "QEMU is prelaunch and stays so",
        ],
    );
    let note = world.note(100).unwrap();
    assert_eq!(note["start-kind"], "paused");
    assert_eq!(note["stage"], "rtc-set");
    sleep(Duration::from_secs(1));
    assert_eq!(guest.monitor().status(), "prelaunch");
    assert_eq!(guest.serial(), "");
    guest.monitor().call("cont", json!({}));
    let clocks = guest.booted();
    clocks.show("2016-06-15T12:00:01Z", BOOT);
}

#[test]
fn a_frozen_vm_boots_at_the_target_once_somebody_continues_it_a1() {
    paused_start("freeze: 1\n");
}

#[test]
fn a_vm_that_a_backup_starts_boots_at_the_target_once_it_is_continued_a1() {
    paused_start("lock: backup\n");
}

#[test]
fn a_vm_under_any_other_lock_is_left_alone_a1() {
    for (lock, options) in [
        ("snapshot", vec!["-m", "pc", "--no-guest", "--", "-S"]),
        ("snapshot", vec!["-m", "pc", "--no-guest"]),
        ("backup", vec!["-m", "pc", "--no-guest"]),
    ] {
        let world = world(&format!("lock: {lock}\n"));
        world.hook(100, "pre-start");
        let guest = world.launch(100, &options);
        let paused = options.contains(&"-S");
        let state = if paused { "prelaunch" } else { "running" };
        let after = leaves_alone(&world, &guest, "", state);
        after.one_line(0, &["clock left alone", "locked", lock]);
    }
}

#[test]
fn a_vm_that_somebody_paused_gets_its_rtc_and_stays_paused_a1() {
    let world = world("");
    world.hook(100, "pre-start");
    let guest = world.launch(100, &["-m", "pc", "--no-guest"]);
    guest.monitor().call("stop", json!({}));
    let after = world.hook(100, "post-start");
    after.one_line(0, &["RTC set to 2016-06-15", "QEMU is paused and stays so"]);
    assert_eq!(guest.monitor().status(), "paused");
    let rtc = guest.monitor().rtc();
    assert!(rtc.starts_with("2016-06-15T12:00:0"), "{rtc}");
}

#[test]
fn a_resumed_vm_keeps_the_clock_it_was_saved_with_a1() {
    let world = world("");
    let saved = world.launch(100, &["-m", "pc"]);
    saved.booted();
    save(&saved);
    saved.kill();
    let resume = resumed(&["-m", "pc"]);

    // The end of a hibernation: pre-start sees its marks, and Proxmox VE removes them.
    world.vm(100, "lock: suspended\nvmstate: local:100/vm-100-state\n");
    let before = world.hook(100, "pre-start");
    before.one_line(0, &["a resume", "keeps its time"]);
    let guest = world.launch(100, &resume);
    world.vm(100, "");
    leaves_alone(&world, &guest, "", "running").one_line(0, &["a resume", "keeps its time"]);
    assert_eq!(world.note(100).unwrap()["start-kind"], "resume");
    let ahead = guest.ahead();
    assert!((-60..=1).contains(&ahead), "{ahead} s ahead");
    guest.kill();
    world.hook(100, "post-stop").silent();

    // A rollback to a snapshot with RAM: no mark in the config at all, only QEMU's command line.
    let before = world.hook(100, "pre-start");
    before.one_line(0, &["2016-06-15T12:00:00Z"]);
    let guest = world.launch(100, &resume);
    leaves_alone(&world, &guest, "", "running").one_line(0, &["a resume", "keeps its time"]);
    assert_eq!(world.note(100).unwrap()["start-kind"], "resume");
    let ahead = guest.ahead();
    assert!((-60..=1).contains(&ahead), "{ahead} s ahead");
}

const INCOMING: [&str; 7] = [
    "-m",
    "pc",
    "--no-guest",
    "--",
    "-S",
    "-incoming",
    "unix:/run/lab/in",
];

#[test]
fn a_vm_that_arrives_from_another_node_is_left_alone_a1() {
    let world = world("");
    // Until the migration is over the config is the source's.
    let there = CONFIG.replace("lab1", "lab2");
    world.write(&there, world.read(CONFIG));
    fs::remove_file(world.path(CONFIG)).unwrap();

    let before = world.hook_with(&["100", "pre-start"], "lab2");
    before.one_line(
        0,
        &["VM 100 (vm100)", "incoming migration", "keeps its time"],
    );
    let guest = world.launch(100, &INCOMING);
    let after = leaves_alone(&world, &guest, "lab2", "inmigrate");
    after.one_line(0, &["an incoming migration, its RTC keeps its time"]);
    assert_eq!(world.note(100).unwrap()["start-kind"], "incoming");
}

#[test]
fn a_vm_that_arrives_from_another_cluster_is_left_alone_a1() {
    let world = world("");
    // No variable, and a config of this node's: the command line alone says it.
    world.hook(100, "pre-start");
    let guest = world.launch(100, &INCOMING);
    let after = leaves_alone(&world, &guest, "", "inmigrate");
    after.one_line(0, &["an incoming migration, its RTC keeps its time"]);
    assert_eq!(world.note(100).unwrap()["start-kind"], "incoming");
}

#[test]
fn an_incoming_migration_is_never_blocked_a1() {
    let allowlist = allow("2016-06-15T12:00:00Z")
        .replace("target", "on-denied = \"block\"\ntarget")
        .replace("2016-06-15T12:00:00Z", "-10y")
        .replace("1970-01-01", "2020-01-01");
    let world = World::with_vm("", &allowlist);
    let there = CONFIG.replace("lab1", "lab2");
    world.write(&there, world.read(CONFIG));
    let cold = world.hook(100, "pre-start");
    cold.one_line(1, &["TOO_EARLY", "kept from starting"]);
    let incoming = world.hook_with(&["100", "pre-start"], "lab2");
    incoming.one_line(0, &["TOO_EARLY"]);
}

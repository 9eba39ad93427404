//! Real live migrations between two QEMUs on two nodes, with the hook on both sides: a VM never runs
//! twice and keeps its clock. A1, A2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};
use serde_json::json;
use support::strace::{SECOND_MONITOR, TARGET, before_post_start, sendto_with, undisturbed};
use support::{Guest, Standing, TestMonitor, World, allow, wait_until};

const CONFIG: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";

/// The node that a VM comes to. The one it comes from is lab2 there, and has the config until the
/// migration is over.
struct Target {
    world: World,
}

impl Target {
    fn new() -> Target {
        let world = World::with_vm("", &allow(TARGET));
        world.write(&CONFIG.replace("lab1", "lab2"), world.read(CONFIG));
        fs::remove_file(world.path(CONFIG)).unwrap();
        Target { world }
    }

    /// The start that waits for the VM, both phases: nothing is done to its clock.
    fn expecting(&self, options: &[&str]) -> (Guest<'_>, TestMonitor) {
        let world = &self.world;
        let before = world.hook_with(&["100", "pre-start"], "lab2");
        before.one_line(0, &["incoming migration", "keeps its time"]);
        let incoming = [options, &["-S", "-incoming", "unix:/run/lab/in"]].concat();
        let guest = world.launch(100, &incoming);
        let after = world.hook_with(&["100", "post-start"], "lab2");
        after.one_line(0, &["an incoming migration, its RTC keeps its time"]);
        let mut monitor = TestMonitor::connect(&world.path("/run/lab/second"));
        assert_eq!(monitor.status(), "inmigrate");
        (guest, monitor)
    }

    /// Makes `source` see the socket on which this node's QEMU waits.
    fn reachable_from(&self, source: &World) {
        let here = self.world.path("/run/lab/in");
        fs::hard_link(here, source.path("/run/lab/out")).unwrap();
    }

    /// What Proxmox VE does when all of it has arrived: the config moves, the VM goes on.
    fn takes_over(&self, source: &World, to: &mut TestMonitor) {
        fs::remove_file(source.path(CONFIG)).unwrap();
        let there = self.world.path(&CONFIG.replace("lab1", "lab2"));
        fs::rename(there, self.world.path(CONFIG)).unwrap();
        to.call("cont", json!({}));
        assert_eq!(to.status(), "running");
    }
}

/// Sends the VM over, looking at both sides all the time.
fn migrate(from: &mut TestMonitor, to: &mut TestMonitor) {
    from.call(
        "migrate-set-parameters",
        json!({"max-bandwidth": 4_000_000_000_u64}),
    );
    from.call("migrate", json!({"uri": "unix:/run/lab/out"}));
    let begun = Instant::now();
    loop {
        let both = (from.status(), to.status());
        assert_ne!(both, ("running".to_owned(), "running".to_owned()));
        let progress = from.call("query-migrate", json!({}));
        if progress["status"] == "completed" && to.status() != "inmigrate" {
            break;
        }
        assert_ne!(progress["status"], "failed", "{progress}");
        assert!(begun.elapsed() < Duration::from_secs(60), "{progress}");
        sleep(Duration::from_millis(2));
    }
    assert_eq!(from.status(), "postmigrate");
}

/// No phase of the hook, in any order, brings a VM that has moved away to life again.
fn stays_away(source: &World, from: &mut TestMonitor) {
    for phase in ["post-start", "pre-stop", "post-start", "post-stop"] {
        let run = source.hook(100, phase);
        assert_eq!(run.code, Some(0), "{run:?}");
        assert_eq!(from.status(), "postmigrate", "after {phase}: {run:?}");
    }
}

#[test]
fn a_migrated_guest_keeps_its_shift_and_runs_on_one_node_only_a1_a2() {
    let [option, value] = SECOND_MONITOR;
    let options = ["-m", "q35", "--smp", "2", "--", option, value];
    let source = World::with_vm("", &allow(TARGET));
    let (guest, _, after) = source.start(100, &options);
    after.one_line(0, &["RTC set to 1999-10-05T16:41:3"]);
    guest.booted().show(TARGET, 60);
    let mut from = TestMonitor::connect(&source.path("/run/lab/second"));
    let shift = from.rtc_seconds() - Timestamp::now().as_second();

    let target = Target::new();
    let (arrived, mut to) = target.expecting(&options);
    target.reachable_from(&source);
    migrate(&mut from, &mut to);
    // Until Proxmox VE lets it go on it stands on both sides, whatever the hook is called for.
    assert_eq!(to.status(), "paused");
    target.world.hook(100, "pre-stop").silent();
    assert_eq!(to.status(), "paused");
    let left = source.note(100).unwrap();
    assert_eq!(left["stage"], "rtc-set");
    target.takes_over(&source, &mut to);
    stays_away(&source, &mut from);

    let note = target.world.note(100).unwrap();
    assert_eq!(note["start-kind"], "incoming");
    assert_eq!(note["stage"], "left-alone");
    assert!(note["rtc"].is_null());
    let kept = to.rtc_seconds() - Timestamp::now().as_second();
    assert!((kept - shift).abs() <= 1, "{shift} s became {kept} s");
    // The system clock stood while the guest did; its serial port is the new node's now.
    let ahead = arrived.ahead();
    assert!((-60..=1).contains(&(ahead - shift)), "{shift}, {ahead}");
    assert_eq!(to.status(), "running");
    assert_eq!(from.status(), "postmigrate");
}

/// A hook that stands still just before it would ask for the state and continue, its VM stopped;
/// meanwhile the VM moves away.
fn moves_away_under(meanwhile: impl FnOnce(&World, Standing), says: &[&str]) {
    let cont = sendto_with(&undisturbed(), "\\\"cont\\\"");
    let [option, value] = SECOND_MONITOR;
    let source = World::with_vm("", &allow(TARGET));
    let (_guest, mut from) = before_post_start(&source);
    let target = Target::new();
    let (_arrived, mut to) = target.expecting(&["-m", "pc", "--no-guest", "--", option, value]);
    target.reachable_from(&source);

    let hook = Standing::at_send(&source, cont - 1, Duration::from_millis(2500));
    hook.guardian();
    wait_until("stopped", || {
        let note = source.note(100);
        note.is_some_and(|note| note["stage"] == "stopping")
    });
    let begun = Instant::now();
    while from.status() != "paused" {
        assert!(begun.elapsed() < Duration::from_secs(2), "not stopped");
    }
    migrate(&mut from, &mut to);
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "too slow for this"
    );
    meanwhile(&source, hook);
    assert_eq!(from.status(), "postmigrate");
    target.takes_over(&source, &mut to);
    stays_away(&source, &mut from);
    let remark = source.audit();
    for part in says {
        assert!(
            remark.iter().any(|line| line.to_string().contains(part)),
            "{remark:?}"
        );
    }
    assert_eq!(to.status(), "running");
}

#[test]
fn a_vm_that_moved_away_while_it_stood_is_not_continued_by_the_hook_a1_a2() {
    moves_away_under(
        |_, hook| {
            let (code, log) = hook.end();
            assert_eq!(code, Some(0));
            assert_eq!(log.lines().count(), 1, "{log}");
            assert!(
                log.contains("RTC set to") && log.contains("QEMU is postmigrate and stays so"),
                "{log}"
            );
            assert!(!log.contains("qm resume"), "{log}");
        },
        &["postmigrate"],
    );
}

#[test]
fn a_vm_that_moved_away_while_it_stood_is_not_continued_by_the_guardian_a1_a2() {
    moves_away_under(
        |_, hook| {
            let guardian = hook.guardian();
            kill(hook.hook, Signal::SIGKILL).unwrap();
            hook.abandon();
            wait_until("the guardian is done", || kill(guardian, None).is_err());
        },
        &[],
    );
}

#[test]
fn a_vm_that_is_moving_away_is_left_alone_a1() {
    let source = World::with_vm("", &allow(TARGET));
    let (_guest, mut from) = before_post_start(&source);
    from.call("migrate-set-parameters", json!({"max-bandwidth": 4096}));
    from.call("migrate", json!({"uri": "exec:cat >/dev/null"}));
    let begun = Instant::now();
    while from.call("query-migrate", json!({}))["status"] != "active" {
        assert!(begun.elapsed() < Duration::from_secs(20), "never active");
    }
    let after = source.hook(100, "post-start");
    after.one_line(0, &["clock left alone", "a migration is going on"]);
    assert_eq!(source.note(100).unwrap()["stage"], "left-alone");
    let off = from.rtc_seconds() - Timestamp::now().as_second();
    assert!(off.abs() <= 1, "{off} s");
    assert_eq!(from.status(), "running");
    let begun = Instant::now();
    from.call("migrate_cancel", json!({}));
    while from.call("query-migrate", json!({}))["status"] != "cancelled" {
        assert!(begun.elapsed() < Duration::from_secs(20), "never cancelled");
    }
}

//! A real QEMU that is busy, slow or dying while its post-start runs. A1, A2, F1, F3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use serde_json::json;
use support::strace::{
    PAUSE_LIMIT, SECOND_MONITOR, TARGET, before_post_start, sendto_with, shows_target, undisturbed,
};
use support::{Guest, Run, Standing, TestMonitor, World, allow, wait_until};

/// Runs post-start while another client holds the monitor for `held`.
fn with_the_monitor_held(held: Duration) -> (Run, bool) {
    let world = World::with_vm("", &allow(TARGET));
    let (guest, mut watch) = before_post_start(&world);
    let holder = guest.monitor();
    let release = thread::spawn(move || {
        sleep(held);
        drop(holder);
    });
    let run = world.hook(100, "post-start");
    release.join().unwrap();
    assert_eq!(watch.status(), "running");
    let set = shows_target(&mut watch, "after a held monitor");
    (run, set)
}

#[test]
fn a_client_that_holds_the_monitor_for_a_second_is_waited_for_f1() {
    let (run, set) = with_the_monitor_held(Duration::from_secs(1));
    run.one_line(0, &["RTC set to 1999-10-05T16:41:3"]);
    assert!(set);
    assert!(
        run.took > Duration::from_millis(900) && run.took < Duration::from_secs(3),
        "{run:?}"
    );
}

#[test]
fn a_client_that_holds_the_monitor_for_10_s_costs_the_shift_and_not_the_start_f1() {
    let (run, set) = with_the_monitor_held(Duration::from_secs(10));
    run.one_line(0, &["RTC not set", "another program holds the monitor"]);
    assert!(!set);
    assert!(run.took < Duration::from_secs(4), "{run:?}");
}

/// A VM with a disk that takes `latency` for each request, one of which is under way.
fn with_a_slow_disk(world: &World, latency: Duration) -> (Guest<'_>, TestMonitor) {
    world.hook(100, "pre-start").one_line(0, &["is to boot at"]);
    let [option, value] = SECOND_MONITOR;
    let disk = format!(
        "driver=null-co,node-name=slow,size=1048576,latency-ns={}",
        latency.as_nanos()
    );
    let guest = world.launch(
        100,
        &[
            "-m",
            "pc",
            "--no-guest",
            "--",
            option,
            value,
            "-blockdev",
            &disk,
            "-device",
            "virtio-blk-pci,drive=slow,id=disk,bootindex=1",
        ],
    );
    let mut monitor = TestMonitor::connect(&world.path("/run/lab/second"));
    // As the firmware would, and now.
    let said =
        monitor.human("qemu-io -d /machine/peripheral/disk/virtio-backend \"aio_read 0 512\"");
    assert!(!said.contains("rror"), "{said}");
    (guest, monitor)
}

/// Longest that the vCPUs stood, as seen from outside.
fn runs_within(monitor: &mut TestMonitor, limit: Duration) {
    let begun = Instant::now();
    while monitor.status() != "running" {
        assert!(begun.elapsed() < limit, "{}", monitor.status());
        sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_disk_of_2_s_latency_is_waited_for_and_the_vm_runs_f1() {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = with_a_slow_disk(&world, Duration::from_secs(2));
    let run = world.hook(100, "post-start");
    run.one_line(0, &["RTC set to 1999-10-05T16:41:3", "vCPUs paused"]);
    assert!(
        run.took > Duration::from_secs(1),
        "the disk was idle: {run:?}"
    );
    assert!(run.took < Duration::from_secs(4), "{run:?}");
    assert_eq!(monitor.status(), "running");
    assert!(shows_target(&mut monitor, "slow disk"));
}

#[test]
fn a_disk_slower_than_the_deadline_does_not_leave_the_vm_paused_f1_f3() {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = with_a_slow_disk(&world, Duration::from_secs(6));
    let run = world.hook(100, "post-start");
    run.one_line(0, &["RTC not set", "a guardian process continues the VM"]);
    assert!(run.took < Duration::from_secs(4), "{run:?}");
    runs_within(&mut monitor, Duration::from_secs(10));
    assert!(!shows_target(&mut monitor, "slower disk"));
    wait_until("the guardian notes it", || {
        world.note(100).unwrap()["stage"] == "failed"
    });
}

/// Kills QEMU when the hook is about to send what has `word` in it.
fn dies_before(word: &str) {
    let when = sendto_with(&undisturbed(), word);
    let world = World::with_vm("", &allow(TARGET));
    let (guest, mut monitor) = before_post_start(&world);
    let hook = Standing::at_send(&world, when, Duration::from_secs(1));
    if word != "query-migrate" {
        let begun = Instant::now();
        while monitor.status() != "paused" {
            assert!(begun.elapsed() < PAUSE_LIMIT, "not stopped");
        }
    }
    guest.kill();
    let (code, log) = hook.end();
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(log.lines().count(), 1, "{word}: {log}");
    assert!(log.contains("RTC not set"), "{word}: {log}");
    let audit = world.audit();
    assert_eq!(audit.last().unwrap()["event"], "outcome", "{audit:?}");
    // The next start is as if nothing had been.
    world.hook(100, "post-stop").silent();
    let (_guest, _, after) = world.start(100, &["-m", "pc", "--no-guest"]);
    after.one_line(0, &["RTC set to 1999-10-05T16:41:3"]);
}

#[test]
fn a_qemu_that_dies_before_or_while_it_stands_is_one_line_f3() {
    for word in ["query-migrate", "o /h", "\\\"cont\\\""] {
        dies_before(word);
    }
}

#[test]
fn a_template_that_a_backup_starts_keeps_standing_a1() {
    let world = World::with_vm("template: 1\nlock: backup\n", &allow(TARGET));
    let (guest, _, after) = world.start(100, &["-m", "pc", "--no-guest", "--", "-S"]);
    after.one_line(
        0,
        &[
            "RTC set to 1999-10-05T16:41:3",
            "QEMU is prelaunch and stays so",
        ],
    );
    assert_eq!(guest.monitor().status(), "prelaunch");
    world.hook(100, "pre-stop").silent();
    guest.monitor().call("quit", json!({}));
    world.hook(100, "post-stop").silent();
    assert!(world.note(100).is_none());
}

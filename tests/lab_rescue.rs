//! A VM that was stopped and whose hook is gone or has given up: who continues it, and who must not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use serde_json::json;
use support::strace::{
    NOTE, PAUSE_LIMIT, TARGET, before_post_start, sendto_with, shows_target, undisturbed,
};
use support::{Guest, Standing, TestMonitor, World, allow};

/// A VM that was stopped by a hook that then was killed together with its guardian.
fn left_paused(world: &World) -> (Guest<'_>, TestMonitor) {
    let stop = sendto_with(&undisturbed(), "stop");
    let (guest, mut monitor) = before_post_start(world);
    // Two commands on: its stop was answered.
    let hook = Standing::at_send(world, stop + 2, Duration::from_secs(30));
    let guardian = hook.guardian();
    let begun = Instant::now();
    while monitor.status() != "paused" {
        assert!(begun.elapsed() < PAUSE_LIMIT, "the VM is not stopped");
    }
    kill(guardian, Signal::SIGKILL).unwrap();
    kill(hook.hook, Signal::SIGKILL).unwrap();
    hook.abandon();
    sleep(Duration::from_millis(200));
    assert_eq!(monitor.status(), "paused", "nobody is left to continue it");
    assert_eq!(world.note(100).unwrap()["stage"], "stopping");
    (guest, monitor)
}

#[test]
fn pre_stop_continues_a_vm_whose_hook_and_guardian_were_killed_a2_f3() {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = left_paused(&world);
    let net = world.hook(100, "pre-stop");
    net.one_line(0, &["VM 100 (vm100)", "killed", "has been continued"]);
    assert_eq!(monitor.status(), "running");
    shows_target(&mut monitor, "after pre-stop");
    let audit = world.audit();
    assert_eq!(audit.last().unwrap()["event"], "rescue", "{audit:?}");
}

#[test]
fn post_start_continues_such_a_vm_too_and_does_nothing_twice_a2_f3() {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = left_paused(&world);
    let net = world.hook(100, "post-start");
    assert_eq!(net.code, Some(0));
    net.says(&["has been continued", "nothing is done twice"]);
    assert_eq!(monitor.status(), "running");
    let audit = world.audit();
    let outcomes = audit.iter().filter(|line| line["event"] == "outcome");
    assert_eq!(
        outcomes.count(),
        0,
        "one intent, carried out once: {audit:?}"
    );
    // From here on a VM that is paused was paused by somebody else.
    assert_eq!(world.note(100).unwrap()["stage"], "interrupted");
    monitor.call("stop", json!({}));
    world
        .hook(100, "pre-stop")
        .says(&["look at the guest's clock"]);
    assert_eq!(monitor.status(), "paused");
}

#[test]
fn the_second_net_continues_no_vm_that_it_should_not_a2_f3() {
    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = left_paused(&world);
    let kept = fs::read(world.path(NOTE)).unwrap();

    // Another process has the number by now.
    let mut other = world.note(100).unwrap();
    let ticks = other["generation"]["start_ticks"].as_u64().unwrap();
    other["generation"]["start_ticks"] = json!(ticks + 1);
    fs::write(world.path(NOTE), other.to_string()).unwrap();
    world.hook(100, "pre-stop").silent();
    assert_eq!(monitor.status(), "paused");

    // The VM has moved to another node.
    fs::write(world.path(NOTE), &kept).unwrap();
    let config = "/etc/pve/nodes/lab1/qemu-server/100.conf";
    let text = world.read(config);
    fs::remove_file(world.path(config)).unwrap();
    world.hook(100, "pre-stop").silent();
    assert_eq!(monitor.status(), "paused");

    // Something else is at work on it.
    let text = text.strip_prefix("name: vm100\n").unwrap();
    world.vm(100, "lock: snapshot\n");
    world.hook(100, "pre-stop").silent();
    assert_eq!(monitor.status(), "paused");
    world.vm(100, text);

    // Its start was over: whoever paused it did so later.
    let mut set = world.note(100).unwrap();
    set["stage"] = json!("rtc-set");
    fs::write(world.path(NOTE), set.to_string()).unwrap();
    world.hook(100, "pre-stop").silent();
    assert_eq!(monitor.status(), "paused");

    fs::write(world.path(NOTE), &kept).unwrap();
    assert_eq!(world.hook(100, "pre-stop").code, Some(0));
    assert_eq!(monitor.status(), "running");
}

#[test]
fn a_qemu_too_slow_for_the_deadline_is_continued_by_the_guardian_a2_f1() {
    let stop = sendto_with(&undisturbed(), "stop");
    let world = World::with_vm("", &allow(TARGET));
    let (guest, mut monitor) = before_post_start(&world);
    let begun = Instant::now();
    let hook = Standing::at_send(&world, stop, Duration::from_secs(1));
    hook.guardian();
    guest.signal(Signal::SIGSTOP);
    let (code, log) = hook.end();
    let took = begun.elapsed();
    guest.signal(Signal::SIGCONT);
    assert_eq!(code, Some(0));
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(
        log.contains("RTC not set") && log.contains("guardian"),
        "{log}"
    );
    assert!(took < Duration::from_secs(5), "{took:?}");
    // It has to stop before it can be continued.
    let begun = Instant::now();
    while !monitor.events().contains(&"RESUME".to_owned()) {
        assert!(begun.elapsed() < PAUSE_LIMIT, "{}", monitor.status());
    }
    assert_eq!(monitor.status(), "running");
    assert!(!shows_target(&mut monitor, "after the deadline"));
}

/// Kills the hook when it has sent the RTC's fields and QEMU has not looked at them yet. The RTC
/// then shows the old time or the new one, and it counts.
fn killed_before_qemu_reads(options: &[&str], state: &str) {
    let fields = sendto_with(&undisturbed(), "o /h");
    let world = World::with_vm("", &allow(TARGET));
    world.hook(100, "pre-start").one_line(0, &["is to boot at"]);
    let guest = world.launch(100, options);
    let hook = Standing::at_send(&world, fields, Duration::from_millis(800));
    sleep(Duration::from_millis(400));
    guest.signal(Signal::SIGSTOP);
    sleep(Duration::from_millis(600));
    kill(hook.hook, Signal::SIGKILL).unwrap();
    hook.abandon();
    guest.signal(Signal::SIGCONT);

    let mut monitor = guest.monitor();
    assert_eq!(monitor.status(), state);
    let set = shows_target(&mut monitor, "after the kill");
    println!("{state}: set: {set}");
    monitor.call("stop", json!({}));
    assert_eq!(monitor.register(0x0b), 0x02, "status B");
    assert_eq!(monitor.register(0x0a) & 0x7f, 0x26, "status A");
    let begun = monitor.rtc_seconds();
    sleep(Duration::from_millis(1100));
    assert!(monitor.rtc_seconds() > begun, "it counts");
}

#[test]
fn commands_that_qemu_has_not_read_leave_no_mixture_in_a_running_vm_a2_f3() {
    killed_before_qemu_reads(&["-m", "pc", "--no-guest"], "running");
}

#[test]
fn commands_that_qemu_has_not_read_leave_no_mixture_in_a_vm_that_stands_a2_f3() {
    killed_before_qemu_reads(&["-m", "pc", "--no-guest", "--", "-S"], "prelaunch");
}

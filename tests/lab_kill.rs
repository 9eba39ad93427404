//! The hook killed at any moment: the VM is never left paused, and its clock never a mixture.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::collections::HashMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use support::strace::{
    NOTE, PAUSE_LIMIT, TARGET, before_post_start, sendto_with, shows_target, trace, traced,
    undisturbed,
};
use support::{Run, TestMonitor, World, allow};

/// The commands, as strace shows them.
const STOP: &str = r#"execute\":\"stop"#;
const CONT: &str = r#"execute\":\"cont"#;

/// The name of each call, and the how manieth of that name it is: so strace counts them.
fn counted(trace: &[String]) -> Vec<(&str, usize)> {
    let mut counts = HashMap::new();
    let names = trace.iter().filter_map(|call| call.split_once('('));
    names
        .map(|(name, _)| {
            let count = counts.entry(name).or_insert(0);
            *count += 1;
            (name, *count)
        })
        .collect()
}

/// Waits until the VM runs, at most as long as it may take.
fn runs_soon(monitor: &mut TestMonitor, context: &str) {
    let begun = Instant::now();
    while monitor.status() != "running" {
        assert!(begun.elapsed() < PAUSE_LIMIT, "still paused: {context}");
        sleep(Duration::from_millis(5));
    }
}

/// Sets the RTC to the host's time again, as QEMU starts it; the firmware must not come between.
fn back_to_the_hosts_time(monitor: &mut TestMonitor) {
    let now = Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let bcd = |value: i8| u8::try_from(value / 10 * 16 + value % 10).unwrap();
    let year = i8::try_from(now.year() % 100).unwrap();
    let runs = monitor.status() == "running";
    monitor.call("stop", json!({}));
    monitor.set_register(0x0b, 0x82);
    for (register, value) in [
        (0x00, now.second()),
        (0x02, now.minute()),
        (0x04, now.hour()),
        (0x06, now.weekday().to_sunday_one_offset()),
        (0x07, now.day()),
        (0x08, now.month()),
        (0x09, year),
        (0x32, 20),
    ] {
        monitor.set_register(register, bcd(value));
    }
    monitor.set_register(0x0b, 0x02);
    monitor.human("o /b 0x70 0x0d");
    if runs {
        monitor.call("cont", json!({}));
    }
    monitor.events();
}

#[test]
fn killed_at_any_system_call_the_hook_leaves_the_vm_running_a2_f3() {
    let calls = undisturbed();
    let stop = calls.iter().position(|call| call.contains(STOP)).unwrap();

    let world = World::with_vm("", &allow(TARGET));
    let (_guest, mut monitor) = before_post_start(&world);
    let planned = fs::read(world.path(NOTE)).unwrap();
    let (mut killed, mut stopped, mut between, mut set) = (0, 0_usize, 0_usize, 0);
    for (number, (name, count)) in counted(&calls).into_iter().enumerate() {
        // Long before the VM is stopped nothing can be lost: some of those calls will do.
        if number + 20 < stop && number % 16 != 0 {
            continue;
        }
        fs::write(world.path(NOTE), &planned).unwrap();
        back_to_the_hosts_time(&mut monitor);
        assert!(!shows_target(&mut monitor, "before the run"));
        let inject = format!("{name}:signal=SIGKILL:when={count}");
        let run = Run::of(&mut traced(&world, &inject, "post-start"));
        let done = trace(&world);
        let context = format!("killed at {name} {count}: {:?}", done.last());
        if run.code == Some(0) {
            // It waited in fewer calls this time.
            continue;
        }
        assert_eq!(run.signal, Some(9), "{run:?}");
        runs_soon(&mut monitor, &context);
        set += u32::from(shows_target(&mut monitor, &context));
        let events = monitor.events();
        let count = |name: &str| events.iter().filter(|event| *event == name).count();
        assert_eq!(count("STOP"), count("RESUME"), "{context}: {events:?}");
        stopped += count("STOP");
        killed += 1;
        let sent = |word: &str| done.iter().any(|call| call.contains(word));
        between += usize::from(sent(STOP) && !sent(CONT));
    }
    println!(
        "killed {killed} times, {between} of them between stop and cont; {set} times it was set"
    );
    // How often it waits, and so how many calls there are, is chance.
    assert!(between >= 8 && stopped >= between, "{between} {stopped}");
    assert!(0 < set && set < killed, "{set} of {killed}");

    // And it is no worse for it.
    fs::write(world.path(NOTE), &planned).unwrap();
    let after = world.hook(100, "post-start");
    after.one_line(0, &["RTC set to 1999-10-05T16:4"]);
    assert!(shows_target(&mut monitor, "at the end"));
    assert_eq!(monitor.status(), "running");
}

#[test]
fn a_guest_whose_start_was_killed_in_the_middle_boots_at_the_target_a2_f3() {
    let kill_at = sendto_with(&undisturbed(), CONT);
    let world = World::with_vm("", &allow(TARGET));
    world.hook(100, "pre-start");
    let guest = world.launch(100, &["-m", "pc"]);
    let inject = format!("sendto:signal=SIGKILL:when={kill_at}");
    let run = Run::of(&mut traced(&world, &inject, "post-start"));
    assert_eq!(run.signal, Some(9), "{run:?}");
    guest.booted().show(TARGET, 60);
    assert_eq!(guest.monitor().status(), "running");
}

#[test]
fn killed_in_the_middle_the_index_is_where_a_guests_write_does_no_harm_a2_f3() {
    // A VM that stands, so that nobody else moves the index.
    let world = World::with_vm("", &allow(TARGET));
    world.hook(100, "pre-start").one_line(0, &["is to boot at"]);
    let guest = world.launch(100, &["-m", "pc", "--no-guest", "--", "-S"]);
    let planned = fs::read(world.path(NOTE)).unwrap();
    let mut killed = 0;
    for number in 1.. {
        fs::write(world.path(NOTE), &planned).unwrap();
        guest.monitor().human("o /b 0x70 0x0d");
        let inject = format!("sendto:signal=SIGKILL:when={number}");
        let run = Run::of(&mut traced(&world, &inject, "post-start"));
        if run.code == Some(0) {
            break;
        }
        killed += 1;
        // Status D reads as this, and nothing else that counts does.
        let index = guest.monitor().register_at_index();
        let done = trace(&world);
        assert_eq!(index, 0x80, "killed at {:?}", done.last());
    }
    assert!(killed >= 8, "{killed}");
}

#[test]
fn killed_at_any_system_call_a_vm_that_stands_has_no_mixture_of_times_a2_f3() {
    let world = World::with_vm("", &allow(TARGET));
    world.hook(100, "pre-start").one_line(0, &["is to boot at"]);
    let guest = world.launch(100, &["-m", "pc", "--no-guest", "--", "-S"]);
    let planned = fs::read(world.path(NOTE)).unwrap();
    Run::of(&mut traced(&world, "reboot:error=EPERM", "post-start"));
    let calls = trace(&world);
    let (mut killed, mut set) = (0, 0);
    for (number, (name, count)) in counted(&calls).into_iter().enumerate() {
        let wrote = calls.iter().position(|call| call.contains("o /h")).unwrap();
        if number + 1 < wrote {
            continue;
        }
        fs::write(world.path(NOTE), &planned).unwrap();
        let mut monitor = guest.monitor();
        back_to_the_hosts_time(&mut monitor);
        drop(monitor);
        let inject = format!("{name}:signal=SIGKILL:when={count}");
        let run = Run::of(&mut traced(&world, &inject, "post-start"));
        if run.code == Some(0) {
            continue;
        }
        let mut monitor = guest.monitor();
        let context = format!("killed at {name} {count}: {:?}", trace(&world).last());
        set += u32::from(shows_target(&mut monitor, &context));
        assert_eq!(monitor.register(0x0b), 0x02, "{context}");
        assert_eq!(monitor.register(0x0a) & 0x7f, 0x26, "{context}");
        killed += 1;
    }
    println!("killed {killed} times, {set} times it was set");
    assert!(0 < set && set < killed, "{set} of {killed}");
}

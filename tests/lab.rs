//! The hook on real guests, cold starts: what they write to their serial port is the judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::thread;

use support::{World, allow};

const CONFIG: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";

/// Longest from the target to the guest's first line: OVMF alone takes 7 s under software emulation.
const BOOT: i64 = 60;

/// A VM's cold start, and everything that has to be so afterwards.
fn boots_at_the_target(config: &str, options: &[&str]) {
    let world = World::with_vm(config, &allow("2016-06-15T12:00:00Z"));
    let config = world.read(CONFIG);
    let (guest, before, after) = world.start(100, options);
    before.one_line(0, &["VM 100 (vm100): profile test", "2016-06-15T12:00:00Z"]);
    after.one_line(
        0,
        &[
            "RTC set to 2016-06-15T12:00:0",
            "read back as 2016-06-15 12:00:0",
            "error ",
            " ms, vCPUs paused ",
        ],
    );
    println!("{options:?}: {}", after.out.trim());
    assert_eq!(guest.monitor().status(), "running");
    let clocks = guest.booted();
    clocks.show("2016-06-15T12:00:00Z", BOOT);
    assert_eq!(guest.monitor().status(), "running");
    assert_eq!(
        world.read(CONFIG),
        config,
        "the config is not for us to write"
    );
    let note = world.note(100).unwrap();
    assert_eq!(note["start-kind"], "cold");
    assert_eq!(note["stage"], "rtc-set");
    assert_eq!(note["rtc"]["verified"], true);
}

#[test]
fn a_guest_of_machine_type_pc_boots_at_the_target_a1_a2() {
    boots_at_the_target("ostype: other\n", &["-m", "pc"]);
}

#[test]
fn a_guest_of_machine_type_q35_boots_at_the_target_a2() {
    boots_at_the_target("machine: q35\nostype: other\n", &["-m", "q35"]);
}

#[test]
fn a_guest_under_ovmf_boots_at_the_target_a2() {
    boots_at_the_target(
        "bios: ovmf\nmachine: q35\nostype: other\n",
        &["-m", "q35", "--ovmf"],
    );
}

#[test]
fn a_guest_with_four_processors_and_an_agent_boots_at_the_target_a2() {
    boots_at_the_target(
        "agent: 1\ncores: 4\nmachine: q35\nostype: other\n",
        &["-m", "q35", "--smp", "4", "--agent"],
    );
}

#[test]
fn a_denied_vm_boots_at_the_hosts_time_beside_an_allowed_one_b2() {
    let denied = allow("-20y")
        .replace("version = 1\n", "")
        .replace("profiles.test", "profiles.denied")
        .replace("\"test\"", "\"denied\"")
        .replace("[100]", "[101]")
        .replace("1970-01-01", "2010-01-01");
    let world = World::with_vm("", &(allow("-10y") + &denied));
    world.vm(101, "");

    let (allowed_guest, ..) = world.start(100, &["-m", "pc"]);
    let before = world.hook(101, "pre-start");
    before.one_line(0, &["VM 101 (vm101)", "clock left alone", "TOO_EARLY"]);
    let denied_guest = world.launch(101, &["-m", "pc"]);
    world.hook(101, "post-start").silent();

    let now = jiff::Timestamp::now().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    let then = now.checked_sub(jiff::Span::new().years(10)).unwrap();
    let shift = then.timestamp().as_second() - now.timestamp().as_second();
    let ahead = allowed_guest.ahead() - shift;
    assert!(ahead.abs() <= 2, "the allowed guest is {ahead} s off");
    let ahead = denied_guest.ahead();
    assert!(ahead.abs() <= 2, "the denied guest is {ahead} s ahead");
    assert_eq!(denied_guest.monitor().status(), "running");
}

#[test]
fn two_vms_started_at_once_do_not_disturb_each_other_f2() {
    let other = allow("1999-06-15T12:00:00Z")
        .replace("version = 1\n", "")
        .replace("profiles.test", "profiles.other")
        .replace("\"test\"", "\"other\"")
        .replace("[100]", "[101]");
    let world = World::with_vm("", &(allow("2033-06-15T12:00:00Z") + &other));
    world.vm(101, "");
    let [first, second] = [100, 101].map(|vmid| {
        world
            .hook(vmid, "pre-start")
            .one_line(0, &["is to boot at"]);
        world.launch(vmid, &["-m", "pc"])
    });
    thread::scope(|scope| {
        for (vmid, target) in [(100, "2033-06-15T12:00"), (101, "1999-06-15T12:00")] {
            let world = &world;
            scope.spawn(move || {
                let after = world.hook(vmid, "post-start");
                after.one_line(
                    0,
                    &[&format!("VM {vmid} "), &format!("RTC set to {target}")],
                );
            });
        }
    });
    first.booted().show("2033-06-15T12:00:00Z", BOOT);
    second.booted().show("1999-06-15T12:00:00Z", BOOT);
    let outcomes = world.audit();
    let count = |vmid: u32| outcomes.iter().filter(|line| line["vmid"] == vmid).count();
    assert_eq!((count(100), count(101)), (2, 2), "{outcomes:?}");
}

#[test]
fn a_machine_without_an_rtc_is_left_alone_f3() {
    let world = World::with_vm("machine: q35\n", &allow("2016-06-15T12:00:00Z"));
    let (guest, _, after) = world.start(
        100,
        &["--no-guest", "-m", "q35", "--", "-M", "microvm,rtc=off"],
    );
    after.one_line(0, &["VM 100", "clock left alone", "no RTC"]);
    assert_eq!(guest.monitor().status(), "running");
    let note = world.note(100).unwrap();
    assert_eq!(note["stage"], "left-alone");
    assert!(note["rtc"].is_null());
}

#[test]
fn a_machine_that_is_not_x86_is_denied_before_it_starts_a2() {
    let world = World::with_vm(
        "arch: aarch64\nmachine: virt\n",
        &allow("2016-06-15T12:00:00Z"),
    );
    let before = world.hook(100, "pre-start");
    before.one_line(
        0,
        &["clock left alone", "MACHINE_CANNOT_HOLD", "agent", "x86"],
    );
    assert_eq!(world.note(100), None);
}

#[test]
fn a_qemu_that_died_at_once_is_one_clear_line_f3() {
    let world = World::with_vm("", &allow("2016-06-15T12:00:00Z"));
    world.hook(100, "pre-start");
    world.launch(100, &["-m", "pc", "--no-guest"]).kill();
    let after = world.hook(100, "post-start");
    after.one_line(0, &["VM 100 (vm100): RTC not set", "QEMU"]);
    println!("{}", after.err.trim());
    assert_eq!(world.note(100).unwrap()["stage"], "failed");

    // And with its PID file gone.
    world.hook(100, "pre-start");
    std::fs::remove_file(world.path("/run/qemu-server/100.pid")).unwrap();
    let after = world.hook(100, "post-start");
    after.one_line(0, &["RTC not set", "QEMU does not run", "100.pid"]);
    println!("{}", after.err.trim());
}

//! The hook on real guests: what they write to their serial port is the judge.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::arithmetic_side_effects
)]

mod support;

use support::{World, allow};

/// Seconds since 1970 of a time in UTC.
fn epoch(time: &str) -> i64 {
    time.parse::<jiff::Timestamp>().unwrap().as_second()
}

#[test]
fn a_guest_of_machine_type_pc_boots_at_the_target_a1_a2() {
    let world = World::with_vm("ostype: l26\n", &allow("2016-06-15T12:00:00Z"));
    let (guest, before, after) = world.start(100, &["-m", "pc"]);
    before.one_line(0, &["VM 100 (vm100): profile test", "2016-06-15T12:00:00Z"]);
    after.one_line(
        0,
        &[
            "RTC set to 2016-06-15T12:00:0",
            "read back as 2016-06-15 12:00:0",
            " ms",
        ],
    );
    let clocks = guest.booted();
    let late = clocks.epoch - epoch("2016-06-15T12:00:00Z");
    assert!((0..60).contains(&late), "{clocks:?}");
    assert_eq!(guest.monitor().status(), "running");
}

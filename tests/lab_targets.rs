//! Which time a guest boots in: every kind of target, local time, `startdate`, anchors.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use support::{Guest, World, allow};

/// Longest from the target to the guest's first line.
const BOOT: i64 = 60;

/// Starts VM 100 with `target` and returns what the task log says of its end.
fn start<'w>(world: &'w World, options: &[&str]) -> (Guest<'w>, String) {
    let (guest, _, after) = world.start(100, options);
    after.one_line(0, &["RTC set to ", "read back as "]);
    (guest, after.out)
}

/// A guest with this target boots at `shown`.
fn boots_at(target: &str, machine: &str, shown: &str) {
    let world = World::with_vm(&format!("machine: {machine}\n"), &allow(target));
    let (guest, _) = start(&world, &["-m", machine]);
    guest.booted().show(shown, BOOT);
}

/// A guest with this target boots at the host's time plus `shift`.
fn boots_shifted(target: &str, shift: Span) {
    let world = World::with_vm("", &allow(target));
    let (guest, _) = start(&world, &["-m", "pc"]);
    let now = Timestamp::now().to_zoned_datetime(TimeZone::UTC);
    let intended = now.checked_add(shift).unwrap().timestamp().as_second();
    let off = guest.ahead() - (intended - now.timestamp().as_second());
    assert!(off.abs() <= 2, "{target}: {off} s off");
}

#[test]
fn two_seconds_before_the_end_of_a_leap_day_the_guest_comes_to_march_a4() {
    let world = World::with_vm("", &allow("2016-02-29T23:59:58Z"));
    let (guest, log) = start(&world, &["-m", "pc"]);
    assert!(log.contains("RTC set to 2016-02-29T23:59:5"), "{log}");
    guest.booted().show("2016-02-29T23:59:58Z", BOOT);
    sleep(Duration::from_secs(2));
    let rtc = guest.monitor().rtc();
    assert!(rtc.starts_with("2016-03-01T00:0"), "{rtc}");
    let march: Timestamp = "2016-03-01T00:00:00Z".parse().unwrap();
    let passed = guest.ahead() + Timestamp::now().as_second() - march.as_second();
    assert!((0..=BOOT).contains(&passed), "{passed} s into March");
}

#[test]
fn a_plain_date_of_the_last_century_is_its_noon_in_utc_a4() {
    boots_at("1999-12-31", "pc", "1999-12-31T12:00:00Z");
}

#[test]
fn the_century_changes_while_the_guest_boots_a4() {
    let world = World::with_vm("machine: q35\n", &allow("1999-12-31T23:59:58Z"));
    let (guest, log) = start(&world, &["-m", "q35"]);
    assert!(log.contains("RTC set to 1999-12-31T23:59:5"), "{log}");
    guest.booted().show("1999-12-31T23:59:58Z", BOOT);
    sleep(Duration::from_secs(2));
    let rtc = guest.monitor().rtc();
    assert!(rtc.starts_with("2000-01-01T00:0"), "{rtc}");
}

#[test]
fn the_first_second_beyond_32_bits_is_a_time_like_any_other_a4() {
    boots_at("2038-01-19T03:14:08Z", "q35", "2038-01-19T03:14:08Z");
}

#[test]
fn any_offset_from_utc_is_taken_a4() {
    boots_at("2016-06-15T14:00:00+02:00", "pc", "2016-06-15T12:00:00Z");
}

#[test]
fn ten_years_ago_is_the_same_date_ten_years_ago_a4() {
    boots_shifted("-10y", Span::new().years(-10));
}

#[test]
fn a_span_ahead_may_have_hours_a4() {
    boots_shifted("+90d 4h", Span::new().days(90).hours(4));
}

#[test]
fn now_is_the_hosts_time_a4() {
    boots_shifted("now", Span::new());
}

#[test]
fn with_an_anchor_the_guests_clock_runs_on_over_starts_a5() {
    let target: Timestamp = "2016-06-15T12:00:00Z".parse().unwrap();
    let anchor = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let anchored = format!("anchor = \"{anchor}\"\nstages = ");
    let world = World::with_vm(
        "",
        &allow(&target.to_string()).replace("stages = ", &anchored),
    );
    let intended = target.as_second() - anchor.as_second();
    for _ in 0..2 {
        let (guest, _) = start(&world, &["-m", "pc"]);
        let off = guest.ahead() - intended;
        assert!(off.abs() <= 2, "{off} s off");
        guest.kill();
        world.hook(100, "post-stop").silent();
        sleep(Duration::from_secs(3));
    }
}

#[test]
fn without_an_anchor_each_start_begins_at_the_target_a5() {
    let world = World::with_vm("", &allow("2016-06-15T12:00:00Z"));
    let target: Timestamp = "2016-06-15T12:00:00Z".parse().unwrap();
    for _ in 0..2 {
        let (guest, _) = start(&world, &["-m", "pc", "--no-guest"]);
        let late = guest.monitor().rtc_seconds() - target.as_second();
        assert!((0..=2).contains(&late), "{late}");
        guest.kill();
        world.hook(100, "post-stop").silent();
        sleep(Duration::from_secs(3));
    }
}

/// A Windows on a host in Berlin, whose RTC is local time, with this target: what the RTC shows.
fn local(target: &str, shown: &str) {
    let world = World::with_vm("machine: q35\nostype: win11\n", &allow(target));
    let localtime = world.path("/etc/localtime");
    fs::remove_file(&localtime).unwrap();
    symlink("/usr/share/zoneinfo/Europe/Berlin", &localtime).unwrap();
    let options = ["-m", "q35", "--rtc", "driftfix=slew,base=localtime"];
    let (guest, log) = start(&world, &options);
    // The log has the point in time, and the RTC's fields as they are.
    let (minute, _) = target.rsplit_once(':').unwrap();
    assert!(log.contains(&format!("RTC set to {minute}:0")), "{log}");
    let (minute, _) = shown.rsplit_once(':').unwrap();
    let read = format!("read back as {}:0", minute.replace('T', " "));
    assert!(log.contains(&read), "{log}");
    // This guest takes the fields for UTC.
    guest.booted().show(shown, BOOT);
}

#[test]
fn a_local_time_rtc_in_summer_has_daylight_saving_though_the_host_has_winter_a2() {
    local("2016-06-15T12:00:00Z", "2016-06-15T14:00:00Z");
}

#[test]
fn a_local_time_rtc_in_winter_has_none_a2() {
    local("2016-01-15T12:00:00Z", "2016-01-15T13:00:00Z");
}

#[test]
fn the_target_is_written_over_a_startdate_with_a_warning_a2_b9() {
    let world = World::with_vm(
        "ostype: other\nstartdate: 2006-06-17T16:01:21\n",
        &allow("2016-06-15T12:00:00Z"),
    );
    let options = ["-m", "pc", "--rtc", "base=2006-06-17T16:01:21"];
    let (guest, before, after) = world.start(100, &options);
    before.says(&["startdate", "2016-06-15T12:00:00Z"]);
    assert!(before.err.contains("startdate"), "{before:?}");
    after.one_line(0, &["RTC set to 2016-06-15T12:00:0"]);
    guest.booted().show("2016-06-15T12:00:00Z", BOOT);
}

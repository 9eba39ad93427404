//! What a Debian guest does to a clock that only its RTC was set for: why there is an agent stage.
//! A3, A8, A9.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use support::{Clocks, Guest, TestAgent, World, allow};

const TARGET: &str = "2016-06-15T12:00:00Z";

/// Longest from the target to the guest's lines.
const BOOT: i64 = 300;

/// Debian 12 came after this, so no systemd of a guest here has an earlier epoch.
const OLDEST_EPOCH: &str = "2023-01-01T00:00:00Z";

fn seconds(time: &str) -> i64 {
    time.parse::<Timestamp>().unwrap().as_second()
}

/// The boot found the RTC at the target, and systemd went on to its own epoch.
fn at_systemds_epoch(guest: &Guest<'_>, boot: usize) -> Clocks {
    guest.kernel(boot).show(TARGET, 2 * BOOT);
    let clocks = guest.boot(boot);
    println!("boot {boot}: {clocks:?}");
    assert!(clocks.epoch > seconds(OLDEST_EPOCH), "{clocks:?}");
    assert!(
        clocks.epoch < Timestamp::now().as_second() - 3600,
        "nobody told it the time: {clocks:?}"
    );
    let rtc = seconds(&format!("{}Z", clocks.rtc)) - seconds(TARGET);
    assert!((0..=2 * BOOT).contains(&rtc), "{clocks:?}");
    clocks
}

/// Waits until the guest's clock is within a second of the host's, and returns how long that took.
fn back_at_host_time(agent: &mut TestAgent) -> Duration {
    let begun = Instant::now();
    while agent.ahead().abs() > SignedDuration::from_secs(1) {
        assert!(
            begun.elapsed() < Duration::from_secs(180),
            "not within 3 min"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
    begun.elapsed()
}

fn synchronised(agent: &mut TestAgent) {
    let begun = Instant::now();
    while agent.run("timedatectl show -p NTPSynchronized --value") != "yes" {
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "not within 2 min"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_systemd_guest_whose_rtc_is_before_its_epoch_boots_at_the_epoch_a3() {
    let world = World::with_vm("agent: 1\nmachine: q35\n", &allow(TARGET));
    let begun = Instant::now();
    let (guest, _, after) = world.start(100, &["--debian"]);
    after.one_line(0, &["RTC set to 2016-06-15T12:00:0"]);
    let booted = at_systemds_epoch(&guest, 1);
    let mut agent = guest.agent();
    agent.ping();
    println!("agent after {} ms", begun.elapsed().as_millis());
    let passed = agent.get_time() / 1_000_000_000 - booted.epoch;
    assert!((0..=BOOT).contains(&passed), "{passed} s since the boot");
    assert!(guest.monitor().rtc().starts_with("2016-06-15T12:"));
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_clock_set_by_the_agent_holds_until_timesyncd_finds_its_server_a3_a8() {
    let world = World::new();
    let guest = world.launch(100, &["--debian"]);
    let ntp = guest.serve_ntp();
    let mut agent = guest.agent();
    synchronised(&mut agent);
    let off = agent.ahead();
    println!("synchronised to {off:?}");
    // timesyncd slews what is less, and its first sample is as good as the host is idle.
    assert!(off.abs() < SignedDuration::from_millis(400), "{off:?}");

    // timesyncd notices that somebody set the clock and asks at once.
    for _ in 0..3 {
        let begun = Instant::now();
        let answer = agent.set_time(TARGET.parse().unwrap());
        let set = begun.elapsed();
        back_at_host_time(&mut agent);
        let back = begun.elapsed();
        let rtc = guest.monitor().rtc();
        println!("set-time: {answer} after {set:?}, host time after {back:?}, RTC {rtc}");
        assert!(back < Duration::from_secs(60), "{back:?}");
    }

    // Without its server it can only wait.
    drop(ntp);
    agent.set_time(TARGET.parse().unwrap());
    std::thread::sleep(Duration::from_secs(20));
    let time = Timestamp::from_nanosecond(agent.get_time().into()).unwrap();
    assert!(time.to_string().starts_with("2016-06-15T12:00:"), "{time}");
    let begun = Instant::now();
    let _ntp = guest.serve_ntp();
    back_at_host_time(&mut agent);
    println!("host time {:?} after the server's return", begun.elapsed());
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_systemd_guest_reboots_to_its_epoch_though_its_rtc_shows_the_target_a9() {
    let world = World::with_vm("agent: 1\nmachine: q35\n", &allow(TARGET));
    let (guest, ..) = world.start(100, &["--debian"]);
    let epoch = at_systemds_epoch(&guest, 1).epoch;
    let mut boot = 1;
    let resets: [&dyn Fn(TestAgent); 2] = [&TestAgent::reboot, &|_| {
        guest.monitor().call("system_reset", json!({}));
    }];
    for reset in resets {
        let mut agent = guest.agent();
        // Set right, as the agent stage will, from what the RTC says.
        let rtc = guest.monitor().rtc_seconds();
        let answer = agent.set_time(Timestamp::from_second(rtc).unwrap());
        assert!(answer.get("error").is_none(), "{answer}");
        assert!(agent.ahead() < SignedDuration::from_hours(-24 * 365));
        let pid = guest.pid();
        reset(agent);
        boot += 1;
        let again = at_systemds_epoch(&guest, boot).epoch;
        assert!((0..=BOOT).contains(&(again - epoch)), "{epoch}, {again}");
        guest.agent().ping();
        assert_eq!(guest.pid(), pid, "the same QEMU");
    }
}

//! The date that sticks on a Debian guest with systemd and timesyncd: before systemd's epoch, beside a
//! time service, over reboots. A3, A8, A9.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Guest, TestAgent, World, allow};

const TARGET: &str = "2016-06-15T12:00:00Z";

/// Longest that anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// What an administrator copies from the installed file.
const COMMANDS: &str = r#"
[[guest-command]]
name = "timesyncd-runs"
path = "/usr/bin/systemctl"
args = ["is-active", "--quiet", "systemd-timesyncd.service"]
os = "linux"
does = "query"
[[guest-command]]
name = "stop-timesyncd"
path = "/usr/bin/systemctl"
args = ["stop", "systemd-timesyncd.service"]
os = "linux"
does = "stop"
query = "timesyncd-runs"
undo = "start-timesyncd"
[[guest-command]]
name = "start-timesyncd"
path = "/usr/bin/systemctl"
args = ["start", "systemd-timesyncd.service"]
os = "linux"
does = "start"
"#;

fn world(time_service: &str) -> World {
    let keys = format!(
        "hold = \"0s\"\ntime-service = \"{time_service}\"\n\
         guest-commands = [\"stop-timesyncd\", \"timesyncd-runs\"]\n"
    );
    let allowlist = allow(TARGET).replace("stages = [\"rtc\"]\n", &keys) + COMMANDS;
    let world = World::with_vm("agent: 1\nostype: l26\nmachine: q35\n", &allowlist);
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/usr/libexec/time-shift/time-shift\"\n",
    );
    world
}

fn keep(world: &World) -> Value {
    serde_json::from_str(&world.read("/run/time-shift/100.keep.json")).unwrap_or_default()
}

#[track_caller]
fn until_kept(world: &World) {
    let begun = Instant::now();
    while keep(world)["stage"] != "kept" {
        assert!(begun.elapsed() < LIMIT, "{:?}", keep(world));
        sleep(Duration::from_millis(50));
    }
}

/// How far the guest is from the time that it should have, in seconds.
fn off(world: &World, agent: &mut TestAgent) -> f64 {
    let intended = keep(world)["agent"]["offset-ns"].as_i64().unwrap();
    #[allow(clippy::cast_precision_loss)]
    let intended = intended as f64 / 1e9;
    agent.ahead().as_secs_f64() - intended
}

/// The sweep, each second here, until it has done this to the guest.
#[track_caller]
fn swept_until(world: &World, word: &str) -> Duration {
    let begun = Instant::now();
    loop {
        let run = world.cli(&["sweep", "--json"]);
        let report: Value = serde_json::from_str(&run.out).unwrap();
        if report[word] == 1 {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < LIMIT, "{report} {:?}", keep(world));
        sleep(Duration::from_secs(1));
    }
}

fn undone(world: &World) -> Vec<String> {
    let audit = world.audit().into_iter();
    audit
        .filter(|line| line["event"] == "undone")
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}

/// A guest in 2016, before systemd's own epoch, with a time service that would put it back and a
/// server that it reaches.
fn in_2016<'w>(world: &'w World) -> Guest<'w> {
    let (guest, _, after) = world.start(100, &["--debian"]);
    after.one_line(0, &["RTC set to 2016-06-15T12:00:0"]);
    until_kept(world);
    guest
}

#[test]
fn a_systemd_guest_ends_verified_before_systemds_epoch_and_stays_there_a3_a8() {
    let world = world("stop");
    let guest = in_2016(&world);
    let _ntp = guest.serve_ntp();
    let mut agent = guest.agent();
    let left = off(&world, &mut agent);
    assert!(left.abs() < 0.5, "{left} s: {:?}", keep(&world));
    let date = agent.run("date -u +%Y");
    assert_eq!(date, "2016");
    let went = agent.shell("systemctl is-active systemd-timesyncd");
    assert_eq!(went.log.trim(), "inactive");
    // Only for this boot of the guest.
    assert_eq!(
        agent.run("systemctl is-enabled systemd-timesyncd"),
        "enabled"
    );
    let commands: Vec<String> = world
        .audit()
        .into_iter()
        .filter(|line| line["event"] == "command")
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        commands,
        [
            "guest command timesyncd-runs ended with 0",
            "guest command stop-timesyncd ended with 0"
        ]
    );
    drop(agent);

    // With the real time, the time service is back.
    let run = world.cli(&["restore", "100", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let mut agent = guest.agent();
    assert_eq!(agent.run("systemctl is-active systemd-timesyncd"), "active");
    let real = agent.ahead().as_secs_f64();
    assert!(real.abs() < 1.0, "{real} s");
    assert_eq!(world.read("/var/lib/time-shift/guests/100.json"), "");
}

#[test]
#[ignore = "long: make test-all runs it"]
fn two_minutes_later_the_date_still_stands_beside_an_ntp_server_a8() {
    let world = world("stop");
    let guest = in_2016(&world);
    let _ntp = guest.serve_ntp();
    sleep(Duration::from_secs(125));
    let left = off(&world, &mut guest.agent());
    println!("after two minutes: {left:+.3} s");
    assert!(left.abs() < 0.5, "{left} s");
    assert_eq!(undone(&world), [""; 0]);
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_time_service_that_is_kept_is_named_when_it_puts_the_clock_back_a9() {
    let world = world("keep");
    let guest = in_2016(&world);
    let _ntp = guest.serve_ntp();
    let begun = Instant::now();
    while guest.agent().ahead().as_secs_f64().abs() > 1.0 {
        assert!(begun.elapsed() < LIMIT, "timesyncd does nothing");
        sleep(Duration::from_secs(1));
    }
    world.cli(&["sweep"]);
    let said = undone(&world);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("that is the host's time, most likely by a time service (timesyncd-runs)"),
        "{said:?}"
    );
}

/// The guest comes up again at systemd's epoch, and has its time again soon after its agent answers.
fn has_it_again(reset: impl FnOnce(&Guest<'_>)) {
    let world = world("stop");
    let guest = in_2016(&world);
    reset(&guest);
    let begun = Instant::now();
    // Its second line of that kind is the second boot's.
    guest.boot(2);
    println!("booted again after {:?}", begun.elapsed());
    let took = swept_until(&world, "set");
    println!("set again {took:?} after that");
    let left = off(&world, &mut guest.agent());
    assert!(left.abs() < 0.5, "{left} s");
    assert_eq!(guest.agent().run("date -u +%Y"), "2016");
    let went = guest.agent().shell("systemctl is-active systemd-timesyncd");
    assert_eq!(went.log.trim(), "inactive");
    let said = undone(&world);
    assert!(said[0].contains("a reboot of the guest"), "{said:?}");
}

#[test]
#[ignore = "long: make test-all runs it"]
fn after_a_reboot_inside_the_guest_it_has_its_time_again_a9() {
    has_it_again(|guest| guest.agent().reboot());
}

#[test]
#[ignore = "long: make test-all runs it"]
fn after_a_reset_the_guest_has_its_time_again_a9() {
    has_it_again(|guest| {
        guest.monitor().call("system_reset", json!({}));
    });
}

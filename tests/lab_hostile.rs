//! Many guests whose agents are hostile: none of them costs the others their time. A7, F1, F3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::arithmetic_side_effects
)]

mod support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use support::{Daemon, Fake, Run, World, allow};

/// The VM whose time is over and whose agent is there.
const GOOD: u32 = 999;

/// What is to be kept in time by everybody: a sweep is called each minute.
const BUDGET: Duration = Duration::from_secs(60);

fn world() -> (World, Daemon) {
    let allowlist = allow("2016-06-15T12:00:00Z")
        .replace("[\"rtc\"]", "[\"agent\"]")
        .replace("[100]", "[\"100-999\"]");
    let world = World::new();
    world.write("/etc/time-shift/allowlist.toml", allowlist);
    // Nobody waits for the agents: these guests have been running for long.
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/bin/true\"\n",
    );
    let daemon = Daemon::listen(&world);
    (world, daemon)
}

/// A VM with such an agent, started long ago and kept since; overdue if `overdue`.
fn started<'w>(world: &'w World, vmid: u32, agent: &str, overdue: bool) -> Fake<'w> {
    world.vm(vmid, "agent: 1\n");
    let before = world.hook(vmid, "pre-start");
    assert_eq!(before.code, Some(0), "{before:?}");
    let fake = world.fake(vmid, &[&format!("agent={agent}")]);
    world.hook(vmid, "post-start").one_line(0, &["agent"]);
    let note = world.note(vmid).unwrap();
    let keep = json!({
        "version": 1, "vmid": vmid, "generation": note["generation"], "stage": "kept",
        "course": note["plan"]["course"], "agent": null, "hold-until": null,
        "restore-by": overdue.then_some(&note["since"]), "set-again": [],
        "rtc-looked-at": true, "failures": 0, "not-before": null, "remark": null,
    });
    put(world, vmid, &keep);
    fake
}

/// `count` VMs with agents of all hostile kinds, and the good one.
fn crowd(world: &World, count: u32, overdue: bool) -> (Vec<Fake<'_>>, Fake<'_>) {
    let kinds = ["silent", "slow", "half", "flood", "stuck"];
    // One that only does not take a time is healthy unless it shall.
    let kinds = &kinds[..if overdue { 5 } else { 4 }];
    // The first one also brings the fake's program here.
    let good = started(world, GOOD, "healthy", true);
    let next = Mutex::new(100..100 + count);
    let fakes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let Some(vmid) = next.lock().unwrap().next() else {
                        return;
                    };
                    let kind = kinds[vmid as usize % kinds.len()];
                    let fake = started(world, vmid, kind, overdue);
                    fakes.lock().unwrap().push(fake);
                }
            });
        }
    });
    (fakes.into_inner().unwrap(), good)
}

fn keep(world: &World, vmid: u32) -> Value {
    serde_json::from_str(&world.read(&format!("/run/time-shift/{vmid}.keep.json"))).unwrap()
}

fn put(world: &World, vmid: u32, keep: &Value) {
    let path = format!("/run/time-shift/{vmid}.keep.json");
    world.write(&path, keep.to_string());
}

fn swept(world: &World) -> (Value, Run) {
    let run = world.cli(&["sweep", "--json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.took < BUDGET, "{run:?}");
    (serde_json::from_str(&run.out).unwrap(), run)
}

/// How long after `begun` the good one had its time back.
fn restored_after(world: &World, begun: Timestamp) -> Duration {
    let audit = world.audit();
    let mut restored = audit.iter().filter(|line| line["event"] == "restored");
    let line = restored.next().expect("restored");
    assert_eq!(line["vmid"], GOOD, "{line}");
    assert_eq!(line["verified"], true, "{line}");
    let time: Timestamp = line["time"].as_str().unwrap().parse().unwrap();
    time.duration_since(begun).unsigned_abs()
}

fn asked(fakes: &[Fake<'_>]) -> usize {
    fakes.iter().map(|fake| fake.commands().len()).sum()
}

fn none_holds_up_the_good_one(count: u32) {
    let (world, daemon) = world();
    let (fakes, _good) = crowd(&world, count, false);
    daemon.said();
    let begun = Timestamp::now();
    let (report, run) = swept(&world);
    assert_eq!(report["restored"], 1, "{report}");
    assert_eq!(report["unreachable"], count, "{report}");
    let after = restored_after(&world, begun);
    assert!(after < Duration::from_secs(5), "{after:?}");
    println!(
        "{count} hostile agents: restored after {after:?}, all swept in {:?}",
        run.took
    );
    assert_eq!(daemon.said().len(), 1, "the restored one");

    // They are left alone for a while.
    let before = asked(&fakes);
    let (report, run) = swept(&world);
    assert_eq!(report["skipped"], count + 1, "{report}");
    assert!(run.took < Duration::from_secs(5), "{run:?}");
    assert_eq!(asked(&fakes), before);

    // Each of them is reported once, after the third time.
    for time in 2_u32..=4 {
        let mut pauses = Vec::new();
        for vmid in 100..100 + count {
            let mut keep = keep(&world, vmid);
            assert_eq!(keep["failures"], time - 1, "{keep}");
            pauses.push(keep["not-before"].as_i64().unwrap());
            keep["not-before"] = Value::Null;
            put(&world, vmid, &keep);
        }
        swept(&world);
        for (vmid, before) in (100..).zip(pauses) {
            let keep = keep(&world, vmid);
            assert!(keep["not-before"].as_i64().unwrap() > before, "{keep}");
        }
        let lines = daemon.said();
        let expected = if time == 3 { count } else { 0 };
        assert_eq!(lines.len(), expected as usize, "{time}: {lines:?}");
        assert!(
            lines
                .iter()
                .all(|line| line.contains("cannot be looked at"))
        );
    }
}

#[test]
fn hostile_agents_do_not_hold_up_the_others_and_are_left_alone_f1_f3() {
    none_holds_up_the_good_one(20);
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_hundred_hostile_agents_do_not_hold_up_the_others_f1_f3() {
    none_holds_up_the_good_one(100);
}

/// Everybody's time is over; the good one has the highest number and no better claim than the others.
fn all_are_due(count: u32) {
    let (world, daemon) = world();
    let (_fakes, _good) = crowd(&world, count, true);
    daemon.said();
    let begun = Instant::now();
    for sweep in 1..=4 {
        let (report, run) = swept(&world);
        println!("{count} overdue, sweep {sweep}: {report} in {:?}", run.took);
        if report["restored"] == 1 {
            break;
        }
        assert!(sweep < 4, "{report}");
    }
    let keep = keep(&world, GOOD);
    assert_eq!(
        keep["stage"],
        "restored",
        "{keep} after {:?}",
        begun.elapsed()
    );
    let lines = daemon.said();
    assert_eq!(lines.len(), 1, "{lines:?}");
}

#[test]
fn overdue_guests_with_hostile_agents_keep_nobody_from_the_real_time_a7_f3() {
    all_are_due(16);
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_hundred_overdue_guests_with_hostile_agents_keep_nobody_from_the_real_time_a7_f3() {
    all_are_due(100);
}

//! The clock of a running guest, from its start to its end: the worker, sync, shift, restore, sweep, on
//! a real guest with a real agent. A3, A6, A7, A9.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "lab_keeper/approval.rs"]
mod approval;
#[path = "lab_keeper/by_hand.rs"]
mod by_hand;
#[path = "lab_keeper/faults.rs"]
mod faults;
#[path = "lab_keeper/saved.rs"]
mod saved;
#[path = "lab_keeper/services.rs"]
mod services;
#[path = "lab_keeper/starter.rs"]
mod starter;
#[path = "lab_keeper/state.rs"]
mod state;
mod support;
#[path = "lab_keeper/sweep.rs"]
mod sweep;

use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::unistd::Pid;
use serde_json::{Value, json};
use support::{Daemon, Guest, Run, World, allow, wait_until};

const TARGET: &str = "2016-06-15T12:00:00Z";

/// Longest that anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A node whose VM 100 may have another time through its RTC and its agent, with more keys for its
/// profile.
fn world(keys: &str) -> World {
    let allowlist = allow(TARGET)
        .replace("stages = [\"rtc\"]\n", &format!("hold = \"0s\"\n{keys}"))
        .replace("1970-01-01", "2000-01-01");
    let world = World::with_vm("agent: 1\n", &allowlist);
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/usr/libexec/time-shift/time-shift\"\n",
    );
    world
}

/// The same, where the worker is what a test runs itself.
fn without_worker(keys: &str) -> World {
    let world = world(keys);
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/bin/true\"\n",
    );
    world
}

const OPTIONS: [&str; 3] = ["-m", "q35", "--agent"];

/// An ordinary start, up to the moment at which its clock is kept.
fn kept(world: &World) -> Guest<'_> {
    let (guest, _, _) = world.start(100, &OPTIONS);
    until(world, "kept");
    guest
}

fn keep(world: &World) -> Option<Value> {
    serde_json::from_str(&world.read("/run/time-shift/100.keep.json")).ok()
}

/// Waits for a stage of keeping the clock.
#[track_caller]
fn until(world: &World, stage: &str) -> Value {
    let begun = Instant::now();
    loop {
        match keep(world) {
            Some(keep) if keep["stage"] == stage => return keep,
            other => assert!(begun.elapsed() < LIMIT, "never {stage}: {other:?}"),
        }
        sleep(Duration::from_millis(20));
    }
}

/// The guest's clock is this far from the host's, in seconds, by what it says itself. The line that it
/// is just writing may be older.
#[track_caller]
fn offset_is(guest: &Guest<'_>, seconds: i64) {
    let seen = [(); 2].map(|()| guest.ahead());
    assert!(
        (seen[1] - seconds).abs() <= 1,
        "{seen:?} s, not {seconds} s"
    );
}

/// The offset, in seconds, that the state says was set.
fn intended(world: &World) -> i64 {
    // Down, as the guest's whole seconds are: a line that comes late makes it less still.
    let nanos = keep(world).unwrap()["agent"]["offset-ns"].as_i64().unwrap();
    nanos.div_euclid(1_000_000_000)
}

/// The records of one kind.
fn records(world: &World, event: &str) -> Vec<Value> {
    let audit = world.audit().into_iter();
    audit.filter(|line| line["event"] == event).collect()
}

/// The worker of VM 100 on this node, and on no other.
fn worker(world: &World) -> Option<Pid> {
    let root = std::fs::canonicalize(world.path("/")).unwrap();
    let numbers = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse::<i32>().ok()
    });
    let ours = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let at = std::fs::read_link(format!("/proc/{pid}/root")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.get(1..3) == Some(&[b"worker", b"100"]) && at == root
    };
    numbers.into_iter().find(ours).map(Pid::from_raw)
}

fn swept(world: &World) -> Value {
    let run = world.cli(&["sweep", "--json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

/// Moves the guest's clock from inside, as a time service would.
fn moved_inside(world: &World, time: &str) {
    let path = world.path("/run/qemu-server/100.qga");
    let mut agent = support::TestAgent::connect(&path);
    agent.run(&format!("date -u -s '{time}'"));
}

#[test]
fn a_start_ends_verified_through_the_agent_and_its_task_is_not_held_a3() {
    let world = world("");
    let begun = Instant::now();
    let (guest, _, after) = world.start(100, &OPTIONS);
    // Run reads both streams to their end, which a worker that held one would delay.
    after.one_line(0, &["RTC set to 2016-06-15T12:00:0"]);
    let keep = until(&world, "kept");
    assert!(after.took < begun.elapsed(), "{after:?}");
    assert_eq!(keep["agent"]["verified"], true, "{keep}");
    let error = keep["agent"]["error-ns"].as_i64().unwrap();
    assert!(error.abs() < 50_000_000, "{keep}");
    let note = world.note(100).unwrap();
    let off =
        keep["agent"]["offset-ns"].as_i64().unwrap() - note["rtc"]["offset-ns"].as_i64().unwrap();
    assert!(
        off.abs() < 1_000_000,
        "the offset was fixed at the start: {off} ns"
    );
    offset_is(&guest, intended(&world));

    let outcomes = records(&world, "outcome");
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    assert_eq!(outcomes[0]["intent"], outcomes[1]["intent"]);
    assert_eq!(outcomes[1]["verified"], true);
    let status = world.cli(&["status", "--json"]);
    let rows: Value = serde_json::from_str(&status.out).unwrap();
    assert_eq!(
        (&rows[0]["stage"], &rows[0]["verified"]),
        (&json!("kept"), &json!(true))
    );
    assert_eq!(swept(&world)["right"], 1);
    // Nothing was to be done, so nothing was written down.
    assert_eq!(records(&world, "outcome").len(), 2);
}

#[test]
fn a_rule_that_was_removed_meanwhile_stops_the_worker_a3() {
    let world = world("");
    world.start(100, &OPTIONS);
    let other = world
        .read("/etc/time-shift/allowlist.toml")
        .replace("[100]", "[101]");
    world.write("/etc/time-shift/allowlist.toml", other);
    let keep = until(&world, "denied");
    assert_eq!(keep["agent"], Value::Null);
    let denied = records(&world, "denied");
    assert_eq!(denied.len(), 1, "{denied:?}");
    assert_eq!(denied[0]["reason"], "NO_RULE");
    assert_eq!(swept(&world)["skipped"], 1);
}

#[test]
fn an_agent_that_never_comes_is_reported_as_unverified_a3() {
    let world = world("agent-wait = \"2s\"\n");
    let (_guest, _, _) = world.start(100, &["-m", "q35", "--agent", "--no-guest"]);
    let keep = until(&world, "gave-up");
    let remark = keep["remark"].as_str().unwrap();
    assert!(
        remark.contains("not verified") && remark.contains("agent-wait"),
        "{remark}"
    );
    // By now nobody waits any more; asked again it says so at once.
    let again = world.cli(&["sync", "100"]);
    assert_eq!(again.code, Some(5), "{again:?}");
    again.says(&["VM 100", "no guest agent runs"]);
}

#[test]
fn a_vm_without_the_agents_socket_is_given_up_at_once_a3() {
    let world = world("");
    world.start(100, &["-m", "q35", "--no-guest"]);
    let keep = until(&world, "gave-up");
    let remark = keep["remark"].as_str().unwrap();
    assert!(remark.contains("agent: 1"), "{remark}");
}

#[test]
fn the_time_that_a_guest_stands_does_not_count_a3() {
    let world = world("agent-wait = \"15s\"\n");
    let (guest, _, _) = world.start(100, &["-m", "q35", "--agent", "--", "-S"]);
    until(&world, "waiting");
    sleep(Duration::from_secs(17));
    assert_eq!(keep(&world).unwrap()["stage"], "waiting");
    guest.monitor().call("cont", json!({}));
    until(&world, "kept");
    offset_is(&guest, intended(&world));
}

#[test]
fn a_worker_ends_with_its_vm_and_leaves_nothing_a3() {
    let world = world("agent-wait = \"1h\"\n");
    let (guest, _, _) = world.start(100, &["-m", "q35", "--agent", "--no-guest"]);
    until(&world, "waiting");
    guest.kill();
    world.hook(100, "post-stop").silent();
    wait_until("the worker is gone", || worker(&world).is_none());
    assert!(keep(&world).is_none() && world.note(100).is_none());
}

#[test]
fn what_the_worker_does_is_written_down_as_the_starters_d7() {
    let world = world("");
    let phase = |phase: &str| {
        let mut hook = world.command("/usr/libexec/time-shift/time-shift-hook");
        let run = Run::of(hook.args(["100", phase]).env("SUDO_USER", "alice"));
        assert_eq!(run.code, Some(0), "{run:?}");
    };
    phase("pre-start");
    let _guest = world.launch(100, &OPTIONS);
    phase("post-start");
    until(&world, "kept");
    let (intents, outcomes) = (records(&world, "intent"), records(&world, "outcome"));
    let actor = &intents[0]["actor"];
    assert_ne!(actor, "system", "{intents:?}");
    assert_eq!(outcomes.len(), 2, "{outcomes:?}");
    for outcome in outcomes {
        assert_eq!(&outcome["actor"], actor);
    }
}

//! A guest with an agent that really migrates between two nodes, with the hook and the worker on both:
//! its system clock, which stood meanwhile, gets the shift again. A6, F3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Guest, TestMonitor, World, allow};

const CONFIG: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";
const THERE: &str = "/etc/pve/nodes/lab2/qemu-server/100.conf";
const SHARED: &str = "/etc/pve/time-shift/state/100.json";
const OPTIONS: [&str; 6] = [
    "-m",
    "q35",
    "--agent",
    "--",
    "-qmp",
    "unix:/run/lab/second,server=on,wait=off",
];
const LIMIT: Duration = Duration::from_secs(120);

/// A node with both stages; the cluster's folder is there where nodes share something.
fn node(shares: bool) -> World {
    let allowlist =
        allow("2016-06-15T12:00:00Z").replace("stages = [\"rtc\"]\n", "hold = \"0s\"\n");
    let world = World::with_vm("agent: 1\n", &allowlist);
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/usr/libexec/time-shift/time-shift\"\n",
    );
    if shares {
        world.write("/etc/pve/time-shift/allowlist.toml", allowlist);
    }
    world
}

fn keep(world: &World) -> Value {
    let text = world.read("/run/time-shift/100.keep.json");
    serde_json::from_str(&text).unwrap_or_default()
}

#[track_caller]
fn until(world: &World, stage: &str) -> Value {
    let begun = Instant::now();
    loop {
        let keep = keep(world);
        if keep["stage"] == stage {
            return keep;
        }
        assert!(begun.elapsed() < LIMIT, "never {stage}: {keep}");
        sleep(Duration::from_millis(20));
    }
}

fn offset(keep: &Value) -> i64 {
    keep["agent"]["offset-ns"].as_i64().unwrap()
}

fn swept(world: &World) -> Value {
    let run = world.cli(&["sweep", "--json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

/// The start that waits for the VM, both phases.
fn expecting(target: &World) -> (Guest<'_>, TestMonitor) {
    target.write(THERE, target.read(CONFIG));
    fs::remove_file(target.path(CONFIG)).unwrap();
    let before = target.hook_with(&["100", "pre-start"], "lab2");
    before.one_line(0, &["incoming migration", "keeps its time"]);
    let incoming = [&OPTIONS[..], &["-S", "-incoming", "unix:/run/lab/in"]].concat();
    let guest = target.launch(100, &incoming);
    let after = target.hook_with(&["100", "post-start"], "lab2");
    after.one_line(0, &["an incoming migration, its RTC keeps its time"]);
    let monitor = TestMonitor::connect(&target.path("/run/lab/second"));
    (guest, monitor)
}

/// Moves the VM, as Proxmox VE does: it goes on where its config is by then.
fn moves(source: &World, target: &World, from: &mut TestMonitor, to: &mut TestMonitor) {
    let here = target.path("/run/lab/in");
    fs::hard_link(here, source.path("/run/lab/out")).unwrap();
    from.call(
        "migrate-set-parameters",
        json!({"max-bandwidth": 4_000_000_000_u64}),
    );
    from.call("migrate", json!({"uri": "unix:/run/lab/out"}));
    let begun = Instant::now();
    while from.status() != "postmigrate" || to.status() == "inmigrate" {
        assert!(begun.elapsed() < LIMIT, "it does not move");
        sleep(Duration::from_millis(20));
    }
    // It stands for longer than the tolerance.
    sleep(Duration::from_secs(3));
    fs::remove_file(source.path(CONFIG)).unwrap();
    fs::rename(target.path(THERE), target.path(CONFIG)).unwrap();
    to.call("cont", json!({}));
}

/// A migration; whether the nodes share a folder for their state is what differs.
fn moved(shares: bool) {
    let (source, target) = (node(shares), node(shares));
    let (_guest, _, _) = source.start(100, &OPTIONS);
    let before = offset(&until(&source, "kept"));
    let mut from = TestMonitor::connect(&source.path("/run/lab/second"));

    let (arrived, mut to) = expecting(&target);
    assert_eq!(to.status(), "inmigrate");
    // The worker waits, without a limit of its own: nothing can answer yet.
    until(&target, "waiting");
    sleep(Duration::from_secs(3));
    assert_eq!(keep(&target)["stage"], "waiting");
    assert_eq!(swept(&target)["skipped"], 1);
    assert_eq!(to.status(), "inmigrate");
    if shares {
        // pmxcfs shows it on each node.
        target.write(SHARED, source.read(SHARED));
    }
    let known = fs::read(source.path("/run/time-shift/100.json")).unwrap();
    moves(&source, &target, &mut from, &mut to);

    let kept = until(&target, "kept");
    let off = offset(&kept) - before;
    if shares {
        assert!(off.abs() <= 1_000, "{off} ns: {kept}");
    } else {
        // The RTC shows whole seconds.
        assert!(off.abs() <= 1_500_000_000, "{off} ns: {kept}");
    }
    let ahead = arrived.ahead();
    assert!(
        (ahead - before / 1_000_000_000).abs() <= 2,
        "{ahead} {before}"
    );
    let audit = target.audit();
    let intent = audit.iter().find(|line| line["event"] == "intent");
    let text = intent.unwrap()["text"].as_str().unwrap();
    let source_of_it = match shares {
        true => "as it was before",
        false => "as its RTC has kept it",
    };
    assert!(text.contains(source_of_it), "{text}");
    assert_eq!(to.status(), "running");
    assert_eq!(swept(&target)["right"], 1);

    // Where it came from nothing is done to it, overdue or not, whatever asks.
    let lines = source.audit().len();
    let mut overdue = keep(&source);
    overdue["restore-by"] = json!("2020-01-01T00:00:00Z");
    fs::write(
        source.path("/run/time-shift/100.keep.json"),
        overdue.to_string(),
    )
    .unwrap();
    assert_eq!(swept(&source)["skipped"], 1);
    let sync = source.cli(&["sync", "100"]);
    sync.one_line(1, &["VM 100", "no such VM on this node"]);
    // Not even while the config is still there.
    source.write(CONFIG, "name: vm100\nagent: 1\n");
    assert_eq!(swept(&source)["skipped"], 1);
    assert_eq!(from.status(), "postmigrate");
    assert_eq!(source.audit().len(), lines);
    assert_eq!(
        fs::read(source.path("/run/time-shift/100.json")).unwrap(),
        known
    );
}

#[test]
fn a_migrated_guest_gets_the_shift_that_its_rtc_has_kept_a6() {
    moved(false);
}

#[test]
fn a_migrated_guest_gets_its_exact_offset_where_the_nodes_share_it_a6() {
    moved(true);
}

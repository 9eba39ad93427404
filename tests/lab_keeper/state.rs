//! State and logs that cannot be written, or that nobody can have written as they are.
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

const KEEP: &str = "/run/time-shift/100.keep.json";
const TRAIL: &str = "/var/log/time-shift/audit.log";

#[test]
fn where_the_state_cannot_be_written_nothing_is_set_and_it_is_said_once_f3() {
    let world = without_worker("");
    let (guest, _, _) = world.start(100, &OPTIONS);
    drop(guest.agent());
    let before = guest.ahead();
    let daemon = Daemon::listen(&world);
    // A full file system with the note in it, as this command sees it.
    let script = "mkdir /tmp/full && mount -t tmpfs -o size=8192,mode=0700 none /tmp/full &&
        cp /run/time-shift/100.json /tmp/full && { head -c 8192 /dev/zero >/tmp/full/rest; } 2>&1;
        mount --bind /tmp/full /run/time-shift || exit 9
        /usr/libexec/time-shift/time-shift worker 100; code=$?
        ls /run/time-shift; exit $code";
    let run = support::Run::of(world.command("/bin/sh").args(["-c", script]));
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "the state cannot be written, so nothing is changed",
        "No space left",
    ]);
    assert!(!run.out.contains("keep"), "{run:?}");
    let said = daemon.said();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("No space left"), "{said:?}");
    assert!((guest.ahead() - before).abs() <= 1);
    assert_eq!(records(&world, "outcome").len(), 1, "the RTC's");
    // With space again the sweep does it.
    assert_eq!(swept(&world)["set"], 1);
    assert_eq!(keep(&world).unwrap()["stage"], "kept");
}

#[test]
fn where_the_audit_trail_cannot_be_written_nothing_is_set_d3_a6() {
    let world = world("");
    let guest = kept(&world);
    moved_inside(&world, "2019-05-01 12:00:00");
    let before = guest.ahead();
    let lines = world.audit().len();
    // Somebody else could write to it.
    let path = world.path(TRAIL);
    let open = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    open(0o666);
    let run = world.cli(&["sync", "100"]);
    run.one_line(
        1,
        &[
            "VM 100",
            "audit trail cannot be written, so nothing is changed",
        ],
    );
    assert_eq!(swept(&world)["unreachable"], 1);
    assert!((guest.ahead() - before).abs() <= 1);
    assert_eq!(world.audit().len(), lines);
    open(0o640);
    world.cli(&["sync", "100"]).one_line(0, &["clock set"]);
    // And what a person asked for has a record of its own.
    let intent = records(&world, "intent").pop().unwrap();
    let text = intent["text"].as_str().unwrap();
    assert!(text.contains("synchronised by hand"), "{intent}");
}

/// A keep file that nobody believes: nothing is set or given back by it, and that is said.
#[track_caller]
fn is_refused(world: &World, guest: &Guest<'_>, before: i64, parts: &[&str]) {
    for arguments in [&["sweep"][..], &["sync", "100"], &["status"]] {
        let run = world.cli(arguments);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.says(parts);
        run.says(&["100.keep.json"]);
    }
    assert!((guest.ahead() - before).abs() <= 1, "{before}");
}

#[test]
fn a_keep_file_that_is_not_ours_is_reported_and_not_believed_f3() {
    let world = world("");
    let guest = kept(&world);
    let good = keep(&world).unwrap();
    let before = guest.ahead();
    let put = |text: String, mode| {
        std::fs::write(world.path(KEEP), text).unwrap();
        let mode = PermissionsExt::from_mode(mode);
        std::fs::set_permissions(world.path(KEEP), mode).unwrap();
    };
    let overdue = |key: &str, value: Value| {
        let mut keep = good.clone();
        keep["restore-by"] = json!("2020-01-01T00:00:00Z");
        keep[key] = value;
        keep.to_string()
    };
    put("\u{1b}[31m{}".to_owned(), 0o600);
    is_refused(
        &world,
        &guest,
        before,
        &["is no state of this program", "remove it"],
    );
    put(overdue("version", json!(2)), 0o600);
    is_refused(&world, &guest, before, &["version 2 is not known"]);
    put(overdue("vmid", json!(101)), 0o600);
    is_refused(&world, &guest, before, &["it is about VM 101"]);
    put(overdue("remark", json!("x".repeat(70_000))), 0o600);
    is_refused(&world, &guest, before, &["larger than"]);
    put(overdue("remark", Value::Null), 0o666);
    is_refused(&world, &guest, before, &["root"]);
    std::fs::remove_file(world.path(KEEP)).unwrap();
    std::fs::write(world.path("/tmp/keep"), overdue("remark", Value::Null)).unwrap();
    symlink("/tmp/keep", world.path(KEEP)).unwrap();
    is_refused(&world, &guest, before, &[]);
    std::fs::remove_file(world.path(KEEP)).unwrap();

    // That of another process says nothing about this one.
    let mut other = good["generation"].clone();
    other["start_ticks"] = json!(1);
    put(overdue("generation", other), 0o600);
    assert_eq!(swept(&world)["set"], 1);
    assert_eq!(keep(&world).unwrap()["generation"], good["generation"]);
    assert_eq!(
        intended(&world),
        good["agent"]["offset-ns"]
            .as_i64()
            .unwrap()
            .div_euclid(1_000_000_000)
    );
    offset_is(&guest, intended(&world));
}

#[test]
fn what_is_saved_after_the_end_of_a_vm_is_removed_by_the_sweep_f3() {
    let world = world("");
    let guest = kept(&world);
    let late = world.read(KEEP);
    // Without a note, but its VM runs: somebody may be at it.
    let note = world.read("/run/time-shift/100.json");
    std::fs::remove_file(world.path("/run/time-shift/100.json")).unwrap();
    swept(&world);
    assert!(keep(&world).is_some());
    std::fs::write(world.path("/run/time-shift/100.json"), note).unwrap();
    guest.kill();
    world.hook(100, "post-stop").silent();
    world.write(KEEP, &late);
    swept(&world);
    assert!(keep(&world).is_none());
}

#[test]
fn a_time_that_the_guest_did_not_get_is_not_kept_a6() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);
    let known = (world.note(100), keep(&world));
    guest.monitor().call("stop", json!({}));
    let run = world.cli(&["shift", "100", "2012-01-01", "--yes"]);
    run.one_line(5, &["VM 100", "not set"]);
    assert_eq!((world.note(100), keep(&world)), known);
    guest.monitor().call("cont", json!({}));
    assert_eq!(swept(&world)["set"], 1);
    offset_is(&guest, before);
}

#[test]
fn a_guest_that_could_not_be_asked_gets_the_real_time_when_it_can_a7() {
    let world = world("");
    let guest = kept(&world);
    guest.monitor().call("stop", json!({}));
    let run = world.cli(&["restore", "100", "--yes"]);
    run.one_line(5, &["VM 100", "tries it again"]);
    // Its RTC has it, and whoever stopped it lets it go on.
    let off = guest.monitor().rtc_seconds() - jiff::Timestamp::now().as_second();
    assert!(off.abs() <= 2, "the RTC is {off} s off");
    assert_eq!(guest.monitor().status(), "paused");
    assert_eq!(swept(&world)["skipped"], 1);
    assert_eq!(guest.monitor().status(), "paused");
    guest.monitor().call("cont", json!({}));
    assert_eq!(swept(&world)["restored"], 1);
    offset_is(&guest, 0);
}

/// A VM that a run has stopped for its RTC; it was killed then, and its guardian with it.
fn left_paused(world: &World) -> Guest<'_> {
    let guest = kept(world);
    let mut note = world.note(100).unwrap();
    note["stage"] = json!("stopping");
    world.write("/run/time-shift/100.json", note.to_string());
    guest.monitor().call("stop", json!({}));
    guest
}

#[test]
fn a_vm_whose_hook_may_still_be_at_it_is_left_to_that_f3() {
    let world = world("");
    let guest = left_paused(&world);
    assert_eq!(swept(&world)["skipped"], 1);
    assert_eq!(guest.monitor().status(), "paused");
    assert_eq!(world.note(100).unwrap()["stage"], "stopping");
}

#[test]
#[ignore = "long: make test-all runs it"]
fn a_vm_that_a_killed_run_has_left_paused_is_continued_by_the_sweep_a2_f3() {
    let world = world("");
    let guest = left_paused(&world);
    sleep(Duration::from_secs(31));
    let config = world.path("/etc/pve/nodes/lab1/qemu-server/100.conf");
    let text = std::fs::read_to_string(&config).unwrap();
    // A lock says that somebody else may have paused it.
    std::fs::write(&config, format!("{text}lock: backup\n")).unwrap();
    swept(&world);
    assert_eq!(guest.monitor().status(), "paused");
    std::fs::write(&config, text).unwrap();
    // What it missed while it stood is set at once.
    assert_eq!(swept(&world)["set"], 1);
    assert_eq!(guest.monitor().status(), "running");
    assert_eq!(world.note(100).unwrap()["stage"], "interrupted");
    assert_eq!(records(&world, "rescue").len(), 1);
    offset_is(&guest, intended(&world));
    // Whoever stops it now has it stand.
    guest.monitor().call("stop", json!({}));
    swept(&world);
    assert_eq!(guest.monitor().status(), "paused");
}

/// Changes a file of the state as an earlier run could have left it.
fn changed(world: &World, path: &str, key: &str, value: Value) {
    let mut state: Value = serde_json::from_str(&world.read(path)).unwrap();
    state[key] = value;
    std::fs::write(world.path(path), state.to_string()).unwrap();
}

#[test]
#[ignore = "long: make test-all runs it"]
fn nothing_that_is_waited_for_keeps_a_vm_standing_a2_f3() {
    const NOTE: &str = "/run/time-shift/100.json";
    let world = world("");
    let guest = kept(&world);
    sleep(Duration::from_secs(31));
    let stands = || {
        changed(&world, NOTE, "stage", json!("stopping"));
        guest.monitor().call("stop", json!({}));
    };
    let continued = || {
        swept(&world);
        assert_eq!(guest.monitor().status(), "running");
        assert_eq!(world.note(100).unwrap()["stage"], "interrupted");
    };
    // Its agent did not answer, and it is left alone for a while.
    changed(&world, KEEP, "not-before", json!(u64::MAX / 2));
    stands();
    continued();
    // A worker waits for its agent, and is alive.
    changed(&world, KEEP, "not-before", Value::Null);
    changed(&world, KEEP, "stage", json!("waiting"));
    let lock = std::fs::File::options()
        .write(true)
        .open(world.path("/run/time-shift/.100.worker.lock"))
        .unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    stands();
    continued();
    drop(lock);
    // It runs although it was noted to stand: whoever stops it from now on has reasons of his own.
    changed(&world, NOTE, "stage", json!("stopping"));
    continued();
    guest.monitor().call("stop", json!({}));
    swept(&world);
    assert_eq!(guest.monitor().status(), "paused");
}

//! What a permitted start leaves behind, in which order, and what is left when something on the way
//! fails. D3, F2, F3, and points 5, 7 and 8 of the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "hook/faults.rs"]
mod faults;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use support::{Run, World, allow};

const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
const TARGET: &str = "2016-06-15T12:00:00Z";
const NOTE: &str = "/run/time-shift/100.json";
const TRAIL: &str = "/var/log/time-shift/audit.log";

fn world() -> World {
    World::with_vm("ostype: other\n", &allow(TARGET))
}

/// The same with a profile that would rather not start the VM than start it with the real time.
fn blocking_world() -> World {
    let allowlist = allow(TARGET).replace("stages", "on-failure = \"block\"\nstages");
    World::with_vm("ostype: other\n", &allowlist)
}

fn mode(world: &World, path: &str) -> u32 {
    fs::metadata(world.path(path)).unwrap().mode() & 0o7777
}

fn names(world: &World, folder: &str) -> Vec<String> {
    let entries = fs::read_dir(world.path(folder)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// All files under a folder, with what changes when somebody writes to them.
fn tree(folder: &Path, found: &mut BTreeMap<PathBuf, (u32, i64, i64, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        if data.is_dir() {
            tree(&path, found);
        }
        found.insert(
            path,
            (data.mode(), data.mtime(), data.mtime_nsec(), data.size()),
        );
    }
}

/// Runs pre-start of VM 100 under strace with these options.
fn traced(world: &World, options: &[&str]) -> Run {
    let mut command = world.command("strace");
    command.args(["-f", "-qq", "-y", "-o", "/tmp/trace"]);
    Run::of(command.args(options).args([HOOK, "100", "pre-start"]))
}

/// Runs a shell script in the world, as root in a mount namespace of its own.
fn shell(world: &World, script: &str) -> Run {
    Run::of(world.command("sh").args(["-c", script]))
}

#[test]
fn the_harness_would_notice_a_process_left_behind_with_a_stream_open() {
    let left_behind = |script: &str| Run::of(Command::new("sh").args(["-c", script])).took;
    assert!(left_behind("sleep 2 & exit 0") > Duration::from_millis(1900));
    assert!(left_behind("sleep 2 >/dev/null & exit 0") > Duration::from_millis(1900));
    assert!(left_behind("sleep 2 >/dev/null 2>&1 & exit 0") < Duration::from_millis(1500));
}

#[test]
fn the_harness_hears_lines_as_they_come_and_tells_a_signal_from_a_status() {
    let run = |script: &str| Run::of(Command::new("sh").args(["-c", script]));
    let spoke = run("echo one; sleep 0.3; echo two >&2; sleep 0.3; echo three; exit 3");
    let texts: Vec<&str> = spoke.lines.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts, ["one", "two", "three"]);
    assert!(spoke.lines[0].0 + Duration::from_millis(500) < spoke.lines[2].0);
    assert_eq!(
        (spoke.out.as_str(), spoke.err.as_str()),
        ("one\nthree\n", "two\n")
    );
    assert_eq!((spoke.code, spoke.signal), (Some(3), None));
    let killed = run("kill -KILL $$");
    assert_eq!((killed.code, killed.signal), (None, Some(9)));
}

#[test]
fn a_permitted_start_leaves_one_line_a_note_and_a_record_and_nothing_else_a1() {
    let world = world();
    let mut before = BTreeMap::new();
    tree(&world.path("/etc"), &mut before);
    let run = world.hook(100, "pre-start");
    run.one_line(
        0,
        &["time-shift: VM 100 (vm100): profile test: the guest is to boot at 2016-06-15T12:00:00Z (host "],
    );
    assert_eq!(run.err, "");
    let mut after = BTreeMap::new();
    tree(&world.path("/etc"), &mut after);
    assert_eq!(before, after);

    let note = world.note(100).unwrap();
    for (key, value) in [
        ("version", 1.into()),
        ("vmid", 100.into()),
        ("name", "vm100".into()),
        ("stage", "planned".into()),
        ("start-kind", Value::Null),
        ("generation", Value::Null),
        ("rtc", Value::Null),
    ] {
        assert_eq!(note[key], value, "{key}");
    }
    assert_eq!(note["plan"]["course"]["target"], TARGET);
    let expected =
        Run::of(Command::new("sha256sum").arg(world.path("/etc/time-shift/allowlist.toml")));
    assert_eq!(
        note["allowlist-sha256"],
        expected.out.split(' ').next().unwrap()
    );
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(note["boot-id"], boot_id.trim());

    let audit = world.audit();
    assert_eq!(audit.len(), 1, "{audit:?}");
    for (key, value) in [
        ("event", "intent"),
        ("node", "lab1"),
        ("name", "vm100"),
        ("profile", "test"),
    ] {
        assert_eq!(audit[0][key], value, "{key}");
    }
    assert_eq!(audit[0]["rule-line"], 5);
    assert_eq!(audit[0]["intent"], note["intent"]["intent"]);
    assert_eq!(audit[0]["allowlist-sha256"], note["allowlist-sha256"]);
    assert_eq!(audit[0]["offset-ns"], note["offset-ns"]);

    assert_eq!(names(&world, "/run/time-shift"), ["100.json"]);
    assert_eq!(
        names(&world, "/var/log/time-shift"),
        [".audit.log.lock", "audit.log"]
    );
    assert_eq!((mode(&world, NOTE), mode(&world, TRAIL)), (0o600, 0o640));
}

#[test]
fn folders_that_are_missing_are_made_with_their_modes() {
    let world = world();
    fs::remove_dir(world.path("/run/time-shift")).unwrap();
    fs::remove_dir(world.path("/var/log/time-shift")).unwrap();
    let run = shell(&world, &format!("umask 077; {HOOK} 100 pre-start"));
    run.one_line(0, &["profile test"]);
    assert_eq!(mode(&world, "/run/time-shift"), 0o700);
    assert_eq!(mode(&world, TRAIL), 0o640);
    // And with a loose umask nothing is looser.
    fs::remove_dir_all(world.path("/run/time-shift")).unwrap();
    fs::remove_dir_all(world.path("/var/log/time-shift")).unwrap();
    shell(&world, &format!("umask 0; {HOOK} 100 pre-start")).one_line(0, &["profile test"]);
    assert_eq!(
        (mode(&world, "/run/time-shift"), mode(&world, NOTE)),
        (0o700, 0o600)
    );
    assert_eq!(
        (mode(&world, "/var/log/time-shift"), mode(&world, TRAIL)),
        (0o750, 0o640)
    );
}

#[test]
fn the_intent_is_on_the_disk_before_the_note_that_lets_a_clock_be_changed_d3() {
    let world = world();
    let run = traced(
        &world,
        &[
            "-e",
            "trace=write,fdatasync,fsync,rename,renameat,renameat2",
        ],
    );
    run.one_line(0, &["profile test"]);
    let trace = world.read("/tmp/trace");
    let at = |call: &str, file: &str| {
        let found = trace
            .lines()
            .position(|line| line.contains(call) && line.contains(file));
        found.unwrap_or_else(|| panic!("no {call} of {file} in {trace}"))
    };
    let written = at("write(", "audit.log");
    let durable = at("fdatasync(", "audit.log");
    // Nor can a crash take their names away.
    let (key_named, named) = (
        at("fsync(", "/var/lib/time-shift>"),
        at("fsync(", "/var/log/time-shift>"),
    );
    assert!(key_named < written && durable < named, "{trace}");
    let noted = at("rename", "100.json\"");
    let said = at("write(1", "time-shift: VM 100");
    assert!(
        written < durable && named < noted && noted < said,
        "{trace}"
    );
}

#[test]
fn the_next_pre_start_replaces_or_removes_what_an_earlier_start_left() {
    let world = world();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let first = world.note(100).unwrap();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let second = world.note(100).unwrap();
    assert_ne!(first["intent"], second["intent"]);
    // Denied.
    world.write("/etc/time-shift/allowlist.toml", "version = 2\n");
    world
        .hook(100, "pre-start")
        .one_line(0, &["ALLOWLIST_INVALID"]);
    assert_eq!(world.note(100), None);
    // No concern any more; and a VM that is gone.
    for config in [Some(""), None] {
        world.write(NOTE, serde_json::to_vec(&second).unwrap());
        world.write("/etc/time-shift/allowlist.toml", "version = 1\n");
        let path = "/etc/pve/nodes/lab1/qemu-server/100.conf";
        match config {
            Some(text) => world.write(path, text),
            None => fs::remove_file(world.path(path)).unwrap(),
        }
        assert_eq!(world.hook(100, "pre-start").code, Some(0));
        assert_eq!(world.note(100), None);
    }
    // Garbage is replaced like anything else.
    let other = self::world();
    other.write(NOTE, "\0garbage");
    other.hook(100, "pre-start").one_line(0, &["profile test"]);
    assert_eq!(other.note(100).unwrap()["stage"], "planned");
}

#[test]
fn a_hostile_name_reaches_no_log_raw() {
    let names: [&[u8]; 6] = [
        b"\x1b[31mred\x1b]0;title\x07",
        b"%n%s%0a\\n\\u{a}",
        b"a\x00b\x08\x7f",
        b"\xff\xfe\x9b31m",
        "x\u{202e}gnp.exe\u{2028}\u{85}y".as_bytes(),
        &[b'x'; 100_000],
    ];
    for name in names {
        let world = world();
        let mut config = b"name: ".to_vec();
        config.extend(name);
        config.extend(b"\ntags: \x1b[31m;ts-\x1b[0m\n");
        world.write("/etc/pve/nodes/lab1/qemu-server/100.conf", config);
        let run = world.hook(100, "pre-start");
        run.one_line(0, &["VM 100 (", "profile test"]);
        assert!(run.log().len() < 2000, "{run:?}");
        let written = format!("{}{}{}", run.log(), world.read(TRAIL), world.read(NOTE));
        let loud = |c: char| c != '\n' && (c.is_control() || matches!(c, '\u{202e}' | '\u{2028}'));
        assert!(!written.contains(loud), "{written:?}");
        assert_eq!(world.audit().len(), 1);
        // The other phases have it from the note.
        let run = world.hook(100, "post-start");
        run.one_line(0, &["VM 100 (", "RTC not set"]);
        let written = format!("{}{}{}", run.log(), world.read(TRAIL), world.read(NOTE));
        assert!(!written.contains(loud), "{written:?}");
    }
}

#[test]
fn without_a_note_the_other_phases_are_silent() {
    let world = world();
    for phase in ["post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
    fs::remove_dir(world.path("/run/time-shift")).unwrap();
    for phase in ["post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
    assert_eq!(world.audit(), Vec::<Value>::new());
}

#[test]
fn post_stop_ends_the_shift_and_forgets_it() {
    let world = world();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    world.hook(100, "pre-stop").silent();
    assert!(world.note(100).is_some());
    world.hook(100, "post-stop").silent();
    assert_eq!(names(&world, "/run/time-shift"), [""; 0]);
    let audit = world.audit();
    let events: Vec<_> = audit.iter().map(|line| &line["event"]).collect();
    assert_eq!(events, ["intent", "ended"]);
    assert_eq!(audit[1]["profile"], "test");
    world.hook(100, "post-stop").silent();
    assert_eq!(world.audit().len(), 2);
}

#[test]
fn hundreds_of_hooks_at_once_do_not_disturb_each_other_f2() {
    let world = World::new();
    let allowlist = allow(TARGET).replace("[100]", "[\"100-299\"]");
    world.write("/etc/time-shift/allowlist.toml", allowlist);
    for vmid in 100..300 {
        world.vm(vmid, "");
    }
    thread::scope(|scope| {
        for vmid in 100..300 {
            let world = &world;
            scope.spawn(move || {
                let run = world.hook(vmid, "pre-start");
                run.one_line(0, &[&format!("VM {vmid} (vm{vmid}): profile test")]);
            });
        }
    });
    let mut expected: Vec<String> = (100..300).map(|vmid| format!("{vmid}.json")).collect();
    expected.sort();
    assert_eq!(names(&world, "/run/time-shift"), expected);
    let audit = world.audit();
    assert_eq!(audit.len(), 200);
    let intents: BTreeMap<_, _> = audit
        .iter()
        .map(|line| (line["vmid"].as_u64().unwrap(), line["intent"].clone()))
        .collect();
    assert_eq!(intents.len(), 200);
    for vmid in 100..300_u32 {
        let note = world.note(vmid).unwrap();
        assert_eq!(note["vmid"], vmid);
        assert_eq!(note["intent"]["intent"], intents[&u64::from(vmid)]);
    }
}

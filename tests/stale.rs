//! What post-start makes of a note or a PID file that is not this start's: one clear line, nothing
//! touched, nothing left half written. F3, and point 2 of the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use support::{Run, World, allow, wait_until};

const NOTE: &str = "/run/time-shift/100.json";
const PIDFILE: &str = "/run/qemu-server/100.pid";

/// A node whose VM 100 has had its pre-start, with the note of that.
fn started() -> (World, Value) {
    let world = World::with_vm("", &allow("2016-06-15T12:00:00Z"));
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let note = world.note(100).unwrap();
    (world, note)
}

/// post-start says in one line that the RTC was not set, and why; so do the note and the record.
#[track_caller]
fn not_set(world: &World, parts: &[&str]) {
    let before = world.audit().len();
    let run = world.hook(100, "post-start");
    run.one_line(0, &["VM 100 (vm100): RTC not set: "]);
    run.says(parts);
    assert!(run.took < Duration::from_secs(2), "{run:?}");
    let note = world.note(100).unwrap();
    assert_eq!(
        (&note["stage"], &note["rtc"]),
        (&"failed".into(), &Value::Null)
    );
    assert!(
        run.log().contains(note["remark"].as_str().unwrap()),
        "{note}"
    );
    let audit = world.audit();
    assert_eq!(audit.len(), before + 1);
    assert_eq!(audit[before]["event"], "outcome");
    assert_eq!(audit[before]["verified"], Value::Null);
}

#[test]
fn without_the_vms_own_qemu_nothing_is_set() {
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let ended = ended.id().to_string();
    let this = std::process::id().to_string();
    let cases = [
        (
            None,
            "QEMU does not run: /run/qemu-server/100.pid does not exist",
        ),
        (Some(""), "holds no process number"),
        (Some("abc\n"), "holds no process number"),
        (Some("0"), "holds no process number"),
        (Some("1"), "holds no process number"),
        (Some("-1"), "holds no process number"),
        (Some("99999999999"), "holds no process number"),
        (Some("12\n13\n"), "holds no process number"),
        (
            Some("1111111111111111111111111111111111111111111"),
            "larger than",
        ),
        (Some("\0\u{1b}[31m"), "holds no process number"),
        (Some(&ended), "QEMU has ended"),
        (Some(&this), "which is not this VM's QEMU"),
    ];
    for (content, said) in cases {
        let (world, _) = started();
        if let Some(content) = content {
            world.write(PIDFILE, content);
        }
        not_set(&world, &[said]);
        world.hook(100, "post-stop").silent();
    }
}

#[test]
fn a_pid_file_that_is_no_file_is_not_waited_for() {
    let (world, _) = started();
    let made = Run::of(Command::new("mkfifo").arg(world.path(PIDFILE)));
    assert_eq!(made.code, Some(0), "{made:?}");
    not_set(&world, &["not a regular file"]);
    // The world's end reads it.
    fs::remove_file(world.path(PIDFILE)).unwrap();
}

#[test]
fn the_qemu_of_another_vm_is_never_taken_for_this_ones() {
    let (world, _) = started();
    let other = world.fake(101, &[]);
    world.write(PIDFILE, world.read("/run/qemu-server/101.pid"));
    let socket = world.path("/run/qemu-server/101.qmp");
    symlink("101.qmp", world.path("/run/qemu-server/100.qmp")).unwrap();
    assert!(socket.exists());
    not_set(&world, &["which is not this VM's QEMU"]);
    assert_eq!(other.commands(), [""; 0]);
}

#[test]
fn a_socket_on_which_another_process_listens_is_hung_up_at_once() {
    let (world, _) = started();
    let other = world.fake(101, &[]);
    let fake = world.fake(100, &["listen=no"]);
    symlink("101.qmp", world.path("/run/qemu-server/100.qmp")).unwrap();
    not_set(
        &world,
        &["listens on the socket, which is not this VM's QEMU"],
    );
    assert_eq!(fake.commands(), [""; 0]);
    other.wait_for("EOF");
    assert_eq!(other.commands(), ["EOF"]);
}

#[test]
fn a_qemu_older_than_the_note_is_another_start() {
    let world = World::with_vm("", &allow("2016-06-15T12:00:00Z"));
    let fake = world.fake(100, &[]);
    // /proc counts in hundredths of a second.
    std::thread::sleep(Duration::from_millis(50));
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    not_set(&world, &["is about another start"]);
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn a_note_of_another_boot_process_or_intent_sets_nothing() {
    let (world, note) = started();
    let fake = world.fake(100, &[]);
    let boot = "11111111-2222-3333-4444-555555555555";
    let cases = [
        ("/boot-id", json!(boot), "is about another start"),
        (
            "/generation",
            json!({"pid": 4711, "start_ticks": 1}),
            "is about another start",
        ),
        ("/intent", Value::Null, "no intent was written down"),
        ("/intent/boot-id", json!(boot), "no intent was written down"),
        ("/intent/vmid", json!(101), "no intent was written down"),
        // The bounds are looked at again.
        (
            "/grant/earliest",
            json!("2017-01-01T00:00:00Z"),
            "TOO_EARLY",
        ),
        ("/grant/latest", json!("2015-01-01T00:00:00Z"), "TOO_LATE"),
        ("/grant/max-shift", json!("P1Y"), "SHIFT_TOO_LARGE"),
        ("/grant/stages/rtc", json!(false), "PROFILE_NOT_ALLOWED"),
    ];
    for (pointer, value, said) in cases {
        let mut changed = note.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        world.write(NOTE, changed.to_string());
        not_set(&world, &[said]);
    }
    // A second call for the same start leaves what the first one noted.
    let mut done = note.clone();
    done["stage"] = json!("rtc-set");
    done["generation"] = fake.generation();
    world.write(NOTE, done.to_string());
    world
        .hook(100, "post-start")
        .one_line(0, &["has run for this start already"]);
    assert_eq!(world.read(NOTE), done.to_string());
    assert_eq!(fake.commands(), [""; 0]);
    // The same process, untouched by all that, can still be set.
    world.write(NOTE, note.to_string());
    world
        .hook(100, "post-start")
        .one_line(0, &["RTC set to 2016-06-15T12:00:0"]);
}

#[test]
fn a_note_that_is_none_is_one_line_and_is_left_as_it_is() {
    let (world, note) = started();
    let fake = world.fake(100, &[]);
    let with = |pointer: &str, value: Value| {
        let mut changed = note.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed.to_string()
    };
    let mut unknown = note.clone();
    unknown["sidereal"] = json!(true);
    let whole = note.to_string();
    let cases = [
        (String::new(), "is no state of this program"),
        (
            "\u{1b}[31mgarbage".to_owned(),
            "is no state of this program",
        ),
        ("{}".to_owned(), "is no state of this program"),
        ("[".repeat(60_000), "is no state of this program"),
        (
            whole[..whole.len() / 2].to_owned(),
            "is no state of this program",
        ),
        (unknown.to_string(), "is no state of this program"),
        (with("/version", json!(2)), "version 2 is not known"),
        (with("/vmid", json!(101)), "it is about VM 101"),
        (
            with("/grant/vmid", json!(101)),
            "is no state of this program",
        ),
        (with("/vmid", json!(99)), "is no state of this program"),
        (
            with("/stage", json!("\u{1b}[31mred")),
            "is no state of this program",
        ),
        (
            with("/grant/target", json!("\u{9b}31m\n")),
            "is no state of this program",
        ),
        ("x".repeat(1024 * 1024), "larger than 65536 bytes"),
    ];
    for (text, said) in cases {
        world.write(NOTE, &text);
        let run = world.hook(100, "post-start");
        run.one_line(
            0,
            &["VM 100: clock left alone", "/run/time-shift/100.json", said],
        );
        assert_eq!(world.read(NOTE), text);
        world.hook(100, "pre-stop").silent();
        world.hook(100, "post-stop").silent();
        assert!(!world.path(NOTE).exists());
    }
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn a_note_that_others_may_have_written_is_not_believed() {
    let (world, note) = started();
    let fake = world.fake(100, &[]);
    let path = world.path(NOTE);
    let refused = |said: &str| {
        let run = world.hook(100, "post-start");
        run.one_line(0, &["VM 100: clock left alone", said]);
        world.hook(100, "pre-stop").silent();
    };
    fs::set_permissions(&path, fs::Permissions::from_mode(0o622)).unwrap();
    refused("mode 0622");
    world.write(NOTE, note.to_string());
    std::os::unix::fs::chown(&path, Some(1000), None).unwrap();
    refused("belongs to user 1000");
    world.write("/run/real.json", note.to_string());
    fs::remove_file(&path).unwrap();
    symlink("../real.json", &path).unwrap();
    refused("symbolic link");
    fs::remove_file(&path).unwrap();
    fs::hard_link(world.path("/run/real.json"), &path).unwrap();
    refused("hard link");
    fs::remove_file(&path).unwrap();
    let made = Run::of(Command::new("mkfifo").arg(&path));
    assert_eq!(made.code, Some(0), "{made:?}");
    refused("not a regular file");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    refused("not a regular file");
    world
        .hook(100, "post-stop")
        .one_line(0, &["was not removed"]);
    fs::remove_dir(&path).unwrap();
    world.write(NOTE, note.to_string());
    let folder = world.path("/run/time-shift");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    refused("mode 0777");
    assert_eq!(fake.commands(), [""; 0]);
}

#[test]
fn an_outcome_that_cannot_be_recorded_is_said_and_the_clock_is_set_all_the_same() {
    let (world, _) = started();
    let fake = world.fake(100, &[]);
    let trail = world.path("/var/log/time-shift/command-audit.log");
    fs::create_dir(&trail).unwrap();
    let run = world.hook(100, "post-start");
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "RTC set to 2016-06-15T12:00:0",
        "the outcome was not recorded",
    ]);
    assert_eq!(world.note(100).unwrap()["stage"], "rtc-set");
    wait_until("the hook hangs up", || fake.count("EOF") == 1);
    assert_eq!(fake.count("cont"), 1);
}

//! What the hook does with a wrong call, a VM's config that is none, and files that decide and must
//! not: one clear line each, and no clock is touched. The list of bad input, and B1, B6, B7.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "bad_input/allowlist.rs"]
mod allowlist;
#[path = "bad_input/mutants.rs"]
mod mutants;
mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::process::Command;
use std::time::Duration;

use support::{Run, World, allow};

const VM: &str = "/etc/pve/nodes/lab1/qemu-server/100.conf";
const LOCAL: &str = "/etc/time-shift/allowlist.toml";
const CLUSTER: &str = "/etc/pve/time-shift/allowlist.toml";
const CONFIG: &str = "/etc/time-shift/config.toml";
const TARGET: &str = "2016-06-15T12:00:00Z";

/// A node whose VM 100 may have its time.
fn world() -> World {
    World::with_vm("ostype: other\n", &allow(TARGET))
}

#[track_caller]
fn nothing_happened(world: &World) {
    assert_eq!(world.note(100), None);
    assert_eq!(world.audit(), Vec::<serde_json::Value>::new());
}

fn chmod(world: &World, path: &str, mode: u32) {
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn fifo(world: &World, path: &str) {
    let made = Run::of(Command::new("mkfifo").arg(world.path(path)));
    assert_eq!(made.code, Some(0), "{made:?}");
}

/// pre-start of VM 100 is denied for `reason` in one line with all of `parts`; the VM starts, and no
/// note is left.
#[track_caller]
fn denied(world: &World, reason: &str, parts: &[&str]) {
    let run = world.hook(100, "pre-start");
    run.one_line(0, &["time-shift: VM 100", "clock left alone", reason]);
    run.says(parts);
    assert_eq!(world.note(100), None);
    assert!(run.took < Duration::from_secs(3), "{run:?}");
}

/// The same, recorded.
#[track_caller]
fn denied_and_recorded(world: &World, reason: &str, parts: &[&str]) {
    let before = world.audit().len();
    denied(world, reason, parts);
    let audit = world.audit();
    assert_eq!(audit.len(), before + 1, "{audit:?}");
    let last = &audit[before];
    assert_eq!(last["event"], "denied", "{last}");
    assert_eq!(last["reason"], reason, "{last}");
    assert_eq!(last["vmid"], 100, "{last}");
}

#[track_caller]
fn permitted(world: &World) {
    let run = world.hook(100, "pre-start");
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["profile test", TARGET]);
    assert!(world.note(100).is_some(), "{run:?}");
}

#[test]
fn a_call_without_a_valid_vmid_is_a_usage_error() {
    let world = world();
    let bad = [
        "",
        "0",
        "99",
        "1000000000",
        "0100",
        "+100",
        " 100",
        "100 ",
        "100\n",
        "-100",
        "1e3",
        "0x64",
        "abc",
        "100.conf",
        "../100",
        "pre-start",
    ];
    for vmid in bad {
        for phase in ["pre-start", "post-start", "pre-stop", "post-stop"] {
            let run = world.hook_with(&[vmid, phase], "");
            run.one_line(2, &["usage: time-shift-hook VMID PHASE"]);
        }
    }
    let not_text = OsString::from_vec(b"10\xff".to_vec());
    let run = world.hook_with(&[not_text.as_os_str(), OsStr::new("pre-start")], "");
    run.one_line(2, &["usage: time-shift-hook VMID PHASE"]);
    let run = world.hook_with(&[] as &[&str], "");
    run.one_line(2, &["usage: time-shift-hook VMID PHASE"]);
    nothing_happened(&world);
}

#[test]
fn what_a_future_proxmox_might_call_is_one_line_and_the_vm_starts() {
    let world = world();
    let long = "x".repeat(100_000);
    let cases: [(&[&str], &str); 7] = [
        (&["100"], "no phase was given"),
        (&["100", ""], "no phase was given"),
        (&["100", "mid-start"], "phase mid-start is not known"),
        (&["100", "Pre-Start"], "phase Pre-Start is not known"),
        (
            &["100", "pre-start\n"],
            "phase pre-start\\u{a} is not known",
        ),
        (
            &["100", "\u{1b}[31mred"],
            "phase \\u{1b}[31mred is not known",
        ),
        (&["100", "pre-start", "x"], "more arguments"),
    ];
    for (arguments, said) in cases {
        world
            .hook_with(arguments, "")
            .one_line(0, &["VM 100", said]);
    }
    let run = world.hook_with(&["100", &long], "");
    run.one_line(0, &["..."]);
    assert!(run.log().len() < 1000, "{}", run.log().len());
    let not_text = OsString::from_vec(b"pre-\xff".to_vec());
    let run = world.hook_with(&[OsStr::new("100"), not_text.as_os_str()], "");
    run.one_line(0, &["is not known"]);
    nothing_happened(&world);
}

#[test]
fn a_source_node_that_is_no_name_is_one_line_and_the_vm_starts() {
    let world = world();
    for node in ["../lab1", "a/b", "pve 2", "\u{1b}[2J", "-x"] {
        let run = world.hook_with(&["100", "pre-start"], node);
        run.one_line(0, &["VM 100", "PVE_MIGRATED_FROM"]);
    }
    nothing_happened(&world);
}

#[test]
fn a_vm_without_a_config_here_is_one_line_and_nothing_happens() {
    let world = World::new();
    world.write(LOCAL, allow(TARGET));
    let said = "there is no config of this VM here";
    world.hook(100, "pre-start").one_line(0, &["VM 100", said]);
    symlink("nowhere", world.path(VM)).unwrap();
    world.hook(100, "pre-start").one_line(0, &["VM 100", said]);
    nothing_happened(&world);
    for phase in ["post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
}

#[test]
fn a_config_that_is_no_file_or_too_large_is_refused_without_waiting() {
    let world = world();
    let path = world.path(VM);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    denied_and_recorded(
        &world,
        "VM_CONFIG_UNREADABLE",
        &["100.conf is not a regular file"],
    );
    fs::remove_dir(&path).unwrap();
    fifo(&world, VM);
    denied_and_recorded(
        &world,
        "VM_CONFIG_UNREADABLE",
        &["100.conf is not a regular file"],
    );
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    denied_and_recorded(
        &world,
        "VM_CONFIG_UNREADABLE",
        &["100.conf is not a regular file"],
    );
    fs::remove_file(&path).unwrap();
    symlink("100.conf", &path).unwrap();
    denied_and_recorded(&world, "VM_CONFIG_UNREADABLE", &["100.conf"]);
    fs::remove_file(&path).unwrap();
    world.write(VM, "#".repeat(2 * 1024 * 1024));
    denied_and_recorded(
        &world,
        "VM_CONFIG_UNREADABLE",
        &["larger than 1048576 bytes"],
    );
    // What pmxcfs holds at most is read.
    world.write(VM, "#".repeat(1024 * 1024));
    permitted(&world);
}

#[test]
fn only_the_current_part_of_a_config_counts_however_its_lines_end() {
    let world = world();
    world.write(VM, "");
    let run = world.hook(100, "pre-start");
    run.one_line(0, &["time-shift: VM 100: profile test"]);

    // Each section would change what is done: another name, a lock, a resume, a paused start.
    let tail = "name: wrong\nostype: win11\nfreeze: 1\nlock: suspended\nvmstate: local:9/x\n";
    let sections = [
        "[PENDING]",
        "[special:cloudinit]",
        "[special:fleecing]",
        "[snap-1]",
        "[?]",
    ];
    for section in sections {
        let text = format!(
            "#name: description\nname: old\nname: web\nfreeze: 1\nfreeze: 0\nfreeze: perhaps\n{section}\n{tail}"
        );
        for text in [
            text.clone(),
            text.replace('\n', "\r\n"),
            text.trim_end().to_owned(),
        ] {
            world.write(VM, &text);
            let run = world.hook(100, "pre-start");
            run.one_line(0, &["VM 100 (web)", "is to boot at 2016-06-15T12:00:00Z"]);
            let note = world.note(100).unwrap();
            assert_eq!(note["name"], "web", "{text}");
            assert_eq!(note["start-kind"], serde_json::Value::Null, "{text}");
            assert_eq!(note["plan"]["zone"], "utc", "{text}");
        }
    }
    world.write(VM, "\nname: web\n[x\nostype: win11");
    let run = world.hook(100, "pre-start");
    run.says(&["VM 100 (web)", "is to boot at", "WINDOWS_PAST"]);
    assert_eq!(world.note(100).unwrap()["plan"]["zone"], "local");
}

#[test]
fn a_container_is_told_that_its_clock_is_the_hosts_a1() {
    let world = World::new();
    world.write(LOCAL, allow(TARGET));
    world.write(
        "/etc/pve/nodes/lab1/lxc/100.conf",
        "hostname: ct\ntags: ts-test\n",
    );
    let run = world.hook(100, "pre-start");
    run.one_line(0, &["VM 100", "a container has its host's clock"]);
    for phase in ["post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
    nothing_happened(&world);
}

#[test]
fn the_config_of_an_incoming_vm_is_still_the_source_nodes() {
    let world = World::new();
    world.write(LOCAL, allow(TARGET));
    let source = "/etc/pve/nodes/pve2/qemu-server/100.conf";
    world.write(source, "name: from-pve2\n");
    // Present and empty: an ordinary start, whose config is here.
    let run = world.hook_with(&["100", "pre-start"], "");
    run.one_line(0, &["there is no config of this VM here"]);
    let run = world.hook_with(&["100", "pre-start"], "pve2");
    run.one_line(
        0,
        &[
            "VM 100 (from-pve2)",
            "an incoming migration, its RTC keeps its time",
        ],
    );
    let note = world.note(100).unwrap();
    assert_eq!(note["start-kind"], "incoming");
    assert_eq!(note["stage"], "left-alone");
    assert_eq!(note["intent"], serde_json::Value::Null);
    // A local config is not the VM's yet.
    world.vm(100, "");
    let run = world.hook_with(&["100", "pre-start"], "pve2");
    run.one_line(0, &["VM 100 (from-pve2)"]);
    let run = world.hook_with(&["100", "pre-start"], "pve3");
    run.one_line(0, &["VM 100:", "there is no config of this VM here"]);
    world
        .hook(100, "pre-start")
        .one_line(0, &["VM 100 (vm100)", "is to boot at"]);
}

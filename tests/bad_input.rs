//! What the hook does with a wrong call, a VM's config that is none, and files that decide and must
//! not: one clear line each, and no clock is touched. The list of bad input, and B1, B6, B7.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

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
    World::with_vm("ostype: l26\n", &allow(TARGET))
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
    run.one_line(0, &["profile test", TARGET]);
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
    world.hook(100, "pre-start").one_line(0, &["VM 100 (web)"]);
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

#[test]
fn a_missing_allowlist_is_a_denial_that_says_how_to_write_one() {
    let world = World::new();
    world.vm(100, "");
    let parts = [
        "there is no allowlist",
        "write one to /etc/time-shift/allowlist.toml",
    ];
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
    // That is how every node begins: nothing to block a start for.
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
    fs::remove_dir_all(world.path("/etc/time-shift")).unwrap();
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
}

#[test]
fn an_allowlist_with_errors_is_denied_with_the_first_and_the_number_of_the_others() {
    let world = world();
    let good = allow(TARGET);
    world.write(LOCAL, good.replace("max-shift", "max-shfit"));
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &[
            "/etc/time-shift/allowlist.toml:5:1: ",
            "and 1 more: run time-shift check",
        ],
    );
    world.write(
        LOCAL,
        good.replace("earliest", "earlist")
            .replace("latest", "last"),
    );
    denied_and_recorded(&world, "ALLOWLIST_INVALID", &["and 3 more"]);
    world.write(LOCAL, good.replace("100y", "100 parsecs"));
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:11:13: `max-shift`"],
    );
    world.write(LOCAL, "");
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:1:1: `version` is missing"],
    );
    let mut not_text = good.clone().into_bytes();
    not_text.extend(b"# \xc3\x28\n");
    world.write(LOCAL, not_text);
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:12:3: ", "UTF-8"],
    );
    world.write(
        LOCAL,
        format!("version = 1\n\"\u{1b}[31m\\u001b\" = 1\n{}", &good[11..]),
    );
    denied_and_recorded(&world, "ALLOWLIST_INVALID", &["allowlist.toml:2:"]);
    world.write(LOCAL, good);
    permitted(&world);
}

#[test]
fn an_allowlist_that_others_may_have_written_is_denied_b6() {
    let world = world();
    let path = world.path(LOCAL);
    let good = allow(TARGET);
    let restore = || {
        let _ = fs::remove_dir_all(&path);
        let _ = fs::remove_file(&path);
        world.write(LOCAL, &good);
        permitted(&world);
    };
    let unreadable = |parts: &[&str]| denied_and_recorded(&world, "ALLOWLIST_UNREADABLE", parts);

    for mode in [0o664, 0o646, 0o666, 0o620] {
        chmod(&world, LOCAL, mode);
        unreadable(&[
            "belongs to user 0 with mode 0",
            "chmod go-w /etc/time-shift/allowlist.toml",
        ]);
    }
    restore();
    chown(&path, Some(1000), None).unwrap();
    unreadable(&["belongs to user 1000", "chown root"]);
    restore();
    fs::rename(&path, world.path("/etc/time-shift/real.toml")).unwrap();
    symlink("real.toml", &path).unwrap();
    unreadable(&["symbolic link"]);
    restore();
    world.write("/etc/elsewhere/allowlist.toml", &good);
    symlink("../elsewhere", world.path("/etc/pve/time-shift")).unwrap();
    unreadable(&["/etc/pve/time-shift/allowlist.toml", "symbolic link"]);
    fs::remove_file(world.path("/etc/pve/time-shift")).unwrap();
    restore();
    fs::remove_file(&path).unwrap();
    fifo(&world, LOCAL);
    unreadable(&["not a regular file"]);
    restore();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    unreadable(&["not a regular file"]);
    restore();
    world.write(LOCAL, format!("{good}#{}", "x".repeat(1024 * 1024)));
    unreadable(&["larger than 1048576 bytes"]);
    restore();
    for mode in [0o600, 0o400, 0o444, 0o640] {
        chmod(&world, LOCAL, mode);
        permitted(&world);
    }
}

#[test]
fn an_unreadable_allowlist_blocks_only_a_start_from_nothing() {
    let world = world();
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    world.write("/etc/pve/nodes/pve2/qemu-server/100.conf", "name: x\n");
    let hibernated = "lock: suspended\nvmstate: local:100/vm-100-state.raw\n";
    let broken = ["version = 2\n".to_owned(), "x".repeat(1024 * 1024 + 1)];
    for text in broken {
        world.write(LOCAL, text);
        world.vm(100, "");
        let run = world.hook(100, "pre-start");
        run.one_line(1, &["ALLOWLIST_", "kept from starting (\"block\")"]);
        let run = world.hook_with(&["100", "pre-start"], "pve2");
        run.one_line(0, &["ALLOWLIST_"]);
        world.vm(100, hibernated);
        world.hook(100, "pre-start").one_line(0, &["ALLOWLIST_"]);
        assert_eq!(world.note(100), None);
    }
    world.write(LOCAL, allow(TARGET));
    world.vm(100, "");
    permitted(&world);
}

#[test]
fn the_clusters_allowlist_counts_even_when_it_is_broken_b7() {
    let world = world();
    let other = allow("2017-01-01T00:00:00Z");
    world.write(CLUSTER, &other);
    world
        .hook(100, "pre-start")
        .one_line(0, &["2017-01-01T00:00:00Z"]);
    world.write(CLUSTER, "version = 1\n[[allow]]\n");
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["/etc/pve/time-shift/allowlist.toml:2:"],
    );
    // An empty set of rules is one: nothing is allowed, whatever the node's own says.
    world.write(CLUSTER, "version = 1\n");
    world.hook(100, "pre-start").silent();
    fs::remove_file(world.path(CLUSTER)).unwrap();
    fs::create_dir(world.path(CLUSTER)).unwrap();
    denied_and_recorded(
        &world,
        "ALLOWLIST_UNREADABLE",
        &["/etc/pve/time-shift/allowlist.toml"],
    );
    fs::remove_dir(world.path(CLUSTER)).unwrap();
    permitted(&world);
}

#[test]
fn pmxcfs_modes_are_accepted_with_and_without_quorum_b6() {
    let world = World::new();
    world.vm(100, "");
    world.write(CLUSTER, allow(TARGET));
    // root:www-data
    chown(world.path(CLUSTER), Some(0), Some(33)).unwrap();
    for mode in [0o640, 0o440] {
        chmod(&world, CLUSTER, mode);
        permitted(&world);
    }
    chmod(&world, CLUSTER, 0o660);
    denied_and_recorded(&world, "ALLOWLIST_UNREADABLE", &["mode 0660"]);
}

#[test]
fn a_config_toml_that_cannot_be_used_denies_and_never_blocks() {
    let world = world();
    let path = world.path(CONFIG);
    let broken = [
        "[hook",
        "[hook]\non-unreadble = \"start\"\n",
        "[hook]\non-unreadable = \"stop\"\n",
        "[hook]\npost-start-limit = \"1h\"\n",
        "[paths]\nstate = \"run/time-shift\"\n",
        "[paths]\nstate = \"/run/../tmp\"\n",
        "[syslog]\nfacility = 3\n",
        "verbose = true\n",
    ];
    for text in broken {
        world.write(CONFIG, text);
        denied(&world, "CONFIG_INVALID", &["/etc/time-shift/config.toml:"]);
    }
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    chmod(&world, CONFIG, 0o664);
    denied(&world, "CONFIG_INVALID", &["mode 0664"]);
    chown(&path, Some(1000), None).unwrap();
    chmod(&world, CONFIG, 0o644);
    denied(&world, "CONFIG_INVALID", &["belongs to user 1000"]);
    fs::remove_file(&path).unwrap();
    symlink("/etc/hostname", &path).unwrap();
    denied(&world, "CONFIG_INVALID", &["symbolic link"]);
    fs::remove_file(&path).unwrap();
    fifo(&world, CONFIG);
    denied(&world, "CONFIG_INVALID", &["not a regular file"]);
    fs::remove_file(&path).unwrap();
    world.write(CONFIG, format!("#{}", "x".repeat(64 * 1024)));
    denied(&world, "CONFIG_INVALID", &["larger than 65536 bytes"]);
    world.write(CONFIG, "");
    permitted(&world);
}

#[test]
fn a_start_denied_for_its_config_toml_finds_no_note_of_an_earlier_start() {
    let world = world();
    permitted(&world);
    world.write(CONFIG, "verbose = true\n");
    denied(&world, "CONFIG_INVALID", &[]);
}

//! `time-shift install-hook` and `uninstall-hook`, and the snippet without its program. E1, E2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;

use serde_json::Value;
use support::{Run, World};

const COPY: &str = "/var/lib/vz/snippets/time-shift";
const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
const SNIPPET: &str = include_str!("../hooks/time-shift");
const STORAGES: &str = "dir: local\n\tpath /var/lib/vz\n\tcontent iso,snippets\n\n\
                        dir: plain\n\tpath /srv/plain\n\tcontent iso,backup\n\n\
                        dir: off\n\tpath /srv/off\n\tcontent snippets\n\tdisable\n\n\
                        zfspool: tank\n\tpool tank\n\tcontent images\n\n\
                        nfs: share\n\tpath /srv/share\n\tcontent snippets\n\tcontent-dirs snippets=scripts\n\n\
                        dir: linked\n\tpath /srv/linked\n\tcontent snippets\n\tcontent-dirs snippets=scripts\n\n\
                        dir: disk\n\tpath /mnt/disk/pve\n\tcontent snippets\n\tis_mountpoint /mnt/disk\n";

fn world() -> World {
    let world = World::new();
    world.write("/etc/pve/storage.cfg", STORAGES);
    world.vm(100, "");
    world
}

#[track_caller]
fn json(run: &Run) -> Value {
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

/// The snippet as Proxmox VE runs it, before a start.
fn start(world: &World, migrated_from: &str) -> Run {
    let mut command = world.command(COPY);
    Run::of(
        command
            .args(["100", "pre-start"])
            .env("PVE_MIGRATED_FROM", migrated_from),
    )
}

#[test]
fn a_copy_lands_in_the_storage_and_the_next_command_is_said() {
    let world = world();
    let run = world.cli(&["install-hook"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "local:snippets/time-shift is installed: /var/lib/vz/snippets/time-shift",
        "qm set VMID --hookscript local:snippets/time-shift",
        "pvesh set /nodes/NODE/qemu/VMID/config --hookscript local:snippets/time-shift",
    ]);
    assert_eq!(world.read(COPY), SNIPPET);
    let file = fs::symlink_metadata(world.path(COPY)).unwrap();
    assert!(file.is_file());
    assert_eq!(file.mode() & 0o7777, 0o755);
    let folder = world.path("/var/lib/vz/snippets");
    assert_eq!(
        fs::read_dir(folder).unwrap().count(),
        1,
        "nothing beside it"
    );

    let again = json(&world.cli(&["install-hook", "--json"]));
    assert_eq!(again["changed"], false);
    assert_eq!(again["volume"], "local:snippets/time-shift");
    assert_eq!(again["file"], COPY);
    assert_eq!(
        again["qm"],
        "qm set VMID --hookscript local:snippets/time-shift"
    );
}

#[test]
fn a_missing_folder_is_made_and_a_storage_behind_a_link_is_found() {
    let world = world();
    fs::create_dir_all(world.path("/mnt/disk")).unwrap();
    fs::create_dir_all(world.path("/srv")).unwrap();
    symlink("/mnt/disk", world.path("/srv/linked")).unwrap();
    let made = json(&world.cli(&["install-hook", "--storage", "linked", "--json"]));
    assert_eq!(made["volume"], "linked:snippets/time-shift");
    assert_eq!(world.read("/mnt/disk/scripts/time-shift"), SNIPPET);
}

#[test]
fn a_storage_that_cannot_hold_it_is_refused_with_what_to_do() {
    let world = world();
    for (storage, words) in [
        ("plain", "pvesm set plain --content iso,backup,snippets"),
        ("off", "pvesm set off --disable 0"),
        ("tank", "these offer snippets: local share linked disk"),
        ("nowhere", "these offer snippets: local share linked disk"),
        ("../x", "there is no storage ../x"),
    ] {
        world
            .cli(&["install-hook", "--storage", storage])
            .one_line(1, &[words]);
    }
    assert!(!world.path("/srv").exists());
}

/// Runs a command where `mount` has a file system of its own.
fn with_mount(world: &World, mount: &str, arguments: &[&str]) -> Run {
    let mut command = world.command("/bin/sh");
    let script = "mkdir -p \"$0\" && mount -t tmpfs tmpfs \"$0\" && mkdir -p \"$0/pve\" && \"$@\" && \
                  find \"$0\" -type f >&2";
    command.args(["-c", script, mount, "/usr/libexec/time-shift/time-shift"]);
    Run::of(command.args(arguments))
}

#[test]
fn a_storage_that_is_not_mounted_is_not_written_to() {
    let world = world();
    for (storage, mount, file) in [
        ("share", "/srv/share", "/srv/share/scripts/time-shift"),
        ("disk", "/mnt/disk", "/mnt/disk/pve/snippets/time-shift"),
    ] {
        for there in [false, true] {
            if there {
                fs::create_dir_all(world.path(mount)).unwrap();
                fs::create_dir_all(world.path(&format!("{mount}/pve"))).unwrap();
            }
            for command in ["install-hook", "uninstall-hook"] {
                let nothing =
                    format!("nothing is mounted at {mount}; pvesm status --storage {storage}");
                let run = world.cli(&[command, "--storage", storage]);
                run.one_line(1, &[&nothing]);
            }
            assert!(!world.path(file).exists());
        }
        let run = with_mount(&world, mount, &["install-hook", "--storage", storage]);
        assert_eq!((run.code, run.err.trim()), (Some(0), file), "{run:?}");
    }
}

#[test]
fn what_is_left_in_a_storage_goes_whatever_that_offers_and_nothing_is_made_for_it() {
    let world = world();
    let removed = |storage: &str| {
        json(&world.cli(&["uninstall-hook", "--storage", storage, "--json"]))["changed"] == true
    };
    fs::create_dir_all(world.path("/srv/plain")).unwrap();
    assert!(!removed("plain"));
    assert!(!world.path("/srv/plain/snippets").exists());
    for storage in ["plain", "off"] {
        world.write(&format!("/srv/{storage}/snippets/time-shift"), SNIPPET);
        assert!(removed(storage));
        assert!(!removed(storage));
    }
}

#[test]
fn without_the_program_the_systems_log_hears_of_it_too() {
    let world = world();
    json(&world.cli(&["install-hook", "--json"]));
    fs::remove_file(world.path(HOOK)).unwrap();
    // What logger(1) hands on is caught where a syslog daemon would take it.
    let script = "import os, socket, subprocess\n\
                  s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n\
                  os.path.lexists('/dev/log') and os.unlink('/dev/log')\n\
                  s.bind('/dev/log'); s.settimeout(5)\n\
                  code = subprocess.run(['/var/lib/vz/snippets/time-shift', '100', 'pre-start']).returncode\n\
                  print(code, s.recv(4096).decode())\n";
    let mut command = world.command("/usr/bin/python3");
    let run = Run::of(command.args(["-c", script]).env("PVE_MIGRATED_FROM", ""));
    assert_eq!(run.code, Some(0), "{run:?}");
    // daemon.warning: 3 * 8 + 4.
    assert!(run.out.starts_with("0 <28>"), "{run:?}");
    for words in ["time-shift", "VM 100", "cannot be run"] {
        assert!(run.out.contains(words), "no {words}: {run:?}");
    }
    run.says(&["cannot be run"]);
}

#[test]
fn a_file_of_somebody_else_is_left_alone() {
    let world = world();
    let own = SNIPPET.replace("# time-shift snippet, version", "# mine, from version");
    for content in ["#!/bin/sh\nexit 0\n", &own] {
        world.write(COPY, content);
        world
            .cli(&["install-hook"])
            .one_line(1, &[COPY, "move it away first"]);
        world
            .cli(&["uninstall-hook"])
            .one_line(1, &[COPY, "move it away first"]);
        assert_eq!(world.read(COPY), content);
    }
    fs::remove_file(world.path(COPY)).unwrap();
    world.write("/root/target", SNIPPET);
    symlink("/root/target", world.path(COPY)).unwrap();
    assert_eq!(world.cli(&["install-hook"]).code, Some(1));
}

#[test]
fn it_stays_as_long_as_a_guest_of_the_cluster_names_it() {
    let world = world();
    json(&world.cli(&["install-hook", "--json"]));
    let line = "hookscript: local:snippets/time-shift\n";
    let other = "/etc/pve/nodes/lab2/qemu-server/200.conf";
    world.vm(100, line);
    world.write(other, format!("name: x\n\n[before]\n{line}"));
    world.write("/etc/pve/nodes/lab2/lxc/300.conf", line);
    world
        .cli(&["uninstall-hook"])
        .one_line(1, &["100 200 300", "qm set VMID --delete hookscript"]);
    assert_eq!(world.read(COPY), SNIPPET);

    world.vm(100, "hookscript: local:snippets/time-shift-not\n");
    world.write(other, "name: x\n");
    fs::remove_file(world.path("/etc/pve/nodes/lab2/lxc/300.conf")).unwrap();
    let nodes = world.path("/etc/pve/nodes");
    let hidden = world.path("/etc/pve/hidden");
    fs::rename(&nodes, &hidden).unwrap();
    world
        .cli(&["uninstall-hook"])
        .one_line(1, &["cannot be known", "/etc/pve/nodes"]);
    fs::rename(&hidden, &nodes).unwrap();

    assert_eq!(
        json(&world.cli(&["uninstall-hook", "--json"]))["changed"],
        true
    );
    assert!(!world.path(COPY).exists());
    assert_eq!(
        json(&world.cli(&["uninstall-hook", "--json"]))["changed"],
        false
    );
}

#[test]
fn without_the_program_a_strict_copy_blocks_a_start_and_no_migration() {
    let world = world();
    let copies: [(&[&str], i32); 2] = [(&[], 0), (&["--strict"], 1)];
    for (options, code) in copies {
        let installed = world.cli(&[&["install-hook", "--json"], options].concat());
        assert_eq!(json(&installed)["strict"], code == 1);
        assert_eq!(start(&world, "").code, Some(0));
        let hook = world.path(HOOK);
        let away = world.path("/usr/libexec/time-shift/away");
        fs::rename(&hook, &away).unwrap();
        start(&world, "").one_line(code, &["cannot be run"]);
        start(&world, "lab2").one_line(0, &["cannot be run"]);
        fs::rename(&away, &hook).unwrap();
    }
}

/// Puts another program in the hook's place. Copied by another process: a file that this one had open
/// for writing could be handed on to a child of another thread, and is then too busy to be run.
fn put_program(world: &World, program: &[u8]) {
    world.write("/root/program", program);
    let from = world.path("/root/program");
    let mut install = Command::new("install");
    let installed = Run::of(install.args(["-m", "0755"]).arg(from).arg(world.path(HOOK)));
    assert_eq!(installed.code, Some(0), "{installed:?}");
}

/// A program of another machine: one of this, but for the field of its header that says so
/// (elf(5), `e_machine`: 183 is aarch64).
fn foreign() -> Vec<u8> {
    let mut program = fs::read("/bin/true").unwrap();
    program[18..20].copy_from_slice(&183_u16.to_le_bytes());
    program
}

/// What /bin/sh may be. F3.
#[test]
fn a_program_that_cannot_run_keeps_no_vm_from_starting_whatever_the_shell_is() {
    let shells: [&[&str]; 4] = [
        &["/bin/dash"],
        &["/bin/busybox", "sh"],
        &["/bin/bash"],
        &["/bin/bash", "--posix"],
    ];
    let programs: [(&str, Vec<u8>); 4] = [
        ("another machine's", foreign()),
        ("empty", Vec::new()),
        ("cut off", fs::read("/bin/true").unwrap()[..100].to_vec()),
        ("killed", b"#!/bin/sh\nkill -KILL $$\n".to_vec()),
    ];
    let world = world();
    let copies: [(&[&str], i32); 2] = [(&[], 0), (&["--strict"], 1)];
    for (options, code) in copies {
        json(&world.cli(&[&["install-hook", "--json"], options].concat()));
        for (what, program) in &programs {
            put_program(&world, program);
            for shell in shells {
                let mut command = world.command(shell[0]);
                command.args(&shell[1..]).args([COPY, "100", "pre-start"]);
                let run = Run::of(command.env("PVE_MIGRATED_FROM", ""));
                assert_eq!(run.code, Some(code), "{what}, {shell:?}: {run:?}");
                let said = run.err.lines().last().unwrap_or_default();
                assert!(said.contains("cannot be run"), "{what}, {shell:?}: {run:?}");
            }
        }
    }
}

/// What the program itself says about a start is not changed on its way. A1.
#[test]
fn the_programs_answer_passes_through_the_snippet() {
    let world = world();
    json(&world.cli(&["install-hook", "--json"]));
    for code in [0, 1] {
        let script = format!("#!/bin/sh\necho \"$# $1 $2\"\nexit {code}\n");
        put_program(&world, script.as_bytes());
        let run = start(&world, "");
        assert_eq!(run.code, Some(code), "{run:?}");
        assert_eq!(run.out, "2 100 pre-start\n");
    }
}

#[test]
fn a_storage_that_cannot_be_written_is_named_and_left_as_it_is() {
    let world = world();
    json(&world.cli(&["install-hook", "--json"]));
    let older = SNIPPET.replace("version 1:", "version 0:");
    assert_ne!(older, SNIPPET);
    fs::write(world.path(COPY), &older).unwrap();
    let mut command = world.command("/bin/sh");
    let script = "mount --bind -o ro /var/lib/vz/snippets /var/lib/vz/snippets && exec \"$@\"";
    command.args(["-c", script, "sh", "/usr/libexec/time-shift/time-shift"]);
    let run = Run::of(command.arg("install-hook"));
    run.one_line(1, &["/var/lib/vz/snippets", "ead-only"]);
    assert_eq!(world.read(COPY), older);
    assert_eq!(start(&world, "").code, Some(0));
}

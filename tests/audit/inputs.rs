//! Folders, files and keys that are not as they should be: one clear line, the clock is not changed,
//! the VM starts, and nothing hangs. D3, F3.
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::time::Duration;

use crate::support::{Run, World, allow};

const HOOK: &str = "/usr/libexec/time-shift/time-shift-hook";
const LOG: &str = "/var/log/time-shift";
const KEY: &str = "/var/lib/time-shift/audit.key";

/// What is said or wrong, and how to make it so.
type Case<'a, T> = (&'a str, &'a dyn Fn(&T));

fn world() -> World {
    World::with_vm("ostype: other\n", &allow("2016-06-15T12:00:00Z"))
}

/// A world in which a start has been recorded.
fn used() -> World {
    let world = world();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    world
}

/// pre-start says `why`, changes nothing, and the VM starts.
#[track_caller]
fn not_changed(world: &World, run: &Run, why: &str) {
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["VM 100 (vm100): clock left alone: INTENT_NOT_LOGGED", why]);
    assert!(run.log().lines().count() <= 2, "{run:?}");
    assert!(run.took < Duration::from_secs(2), "{run:?}");
    assert_eq!(world.note(100), None);
}

fn chmod(world: &World, path: &str, mode: u32) {
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_key_that_is_not_sound_changes_no_clock_d3() {
    let cases: [Case<World>; 7] = [
        (
            "it is gone, though records were chained with it",
            &|world| {
                fs::remove_file(world.path(KEY)).unwrap();
            },
        ),
        ("does not have the 32 bytes of a key", &|world| {
            fs::write(world.path(KEY), "short").unwrap();
        }),
        ("does not have the 32 bytes of a key", &|world| {
            fs::write(world.path(KEY), [1; 33]).unwrap();
        }),
        ("others may have read it", &|world| chmod(world, KEY, 0o644)),
        ("others may have read it", &|world| chmod(world, KEY, 0o640)),
        ("is reached through a symbolic link", &|world| {
            fs::rename(world.path(KEY), world.path("/root/key")).unwrap();
            symlink("/root/key", world.path(KEY)).unwrap();
        }),
        ("is not a regular file", &|world| {
            fs::remove_file(world.path(KEY)).unwrap();
            Run::of(Command::new("mkfifo").arg(world.path(KEY)));
        }),
    ];
    for (why, break_it) in cases {
        let world = used();
        break_it(&world);
        not_changed(&world, &world.hook(100, "pre-start"), why);
        let run = world.cli(&["audit", "verify"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert!(
            run.err
                .starts_with("time-shift: /var/lib/time-shift/audit.key"),
            "{run:?}"
        );
    }
}

#[test]
fn a_data_folder_that_is_not_sound_changes_no_clock_d3() {
    let folder = "/var/lib/time-shift";
    let world = world();
    chmod(&world, folder, 0o777);
    not_changed(
        &world,
        &world.hook(100, "pre-start"),
        "writable by root alone",
    );
    fs::remove_dir(world.path(folder)).unwrap();
    symlink("/root", world.path(folder)).unwrap();
    not_changed(&world, &world.hook(100, "pre-start"), "symbolic link");
    // One that is missing is made.
    fs::remove_file(world.path(folder)).unwrap();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let mode = |path: &str| fs::metadata(world.path(path)).unwrap().mode() & 0o7777;
    assert_eq!((mode(folder), mode(KEY)), (0o700, 0o600));
    assert_eq!(mode("/var/lib/time-shift/audit-head.json"), 0o600);
}

#[test]
fn where_nothing_can_be_written_no_clock_is_changed_and_the_trail_can_still_be_read_f3() {
    for folder in [LOG, "/var/lib/time-shift"] {
        let world = used();
        let script = format!(
            "mount --bind -o ro {folder} {folder} && mount -o remount,bind,ro {folder} && exec \"$@\""
        );
        let run = |program: &[&str]| {
            Run::of(
                world
                    .command("sh")
                    .args(["-c", &script, "sh"])
                    .args(program),
            )
        };
        not_changed(
            &world,
            &run(&[HOOK, "100", "pre-start"]),
            "mounted read-only",
        );
        let checked = run(&["/usr/libexec/time-shift/time-shift", "audit", "verify"]);
        assert_eq!(checked.code, Some(0), "{checked:?}");
        checked.says(&["audit.log: 1 records, 1 to 1: unbroken"]);
    }
}

#[test]
fn a_full_data_folder_changes_no_clock_f3() {
    let world = world();
    let script = format!(
        "mount -t tmpfs -o size=4096,mode=0700 none /var/lib/time-shift\n\
         head -c 4096 /dev/zero >/var/lib/time-shift/other\nexec {HOOK} 100 pre-start"
    );
    let run = Run::of(world.command("sh").args(["-c", &script]));
    not_changed(&world, &run, "No space left");
}

#[test]
fn a_log_that_is_huge_or_rubbish_holds_nothing_up_and_is_written_on() {
    let contents: [Case<fs::File>; 3] = [
        ("huge", &|file| file.set_len(100 << 30).unwrap()),
        ("rubbish", &|file| {
            let bytes: Vec<u8> = (0..3_000_000_u32)
                .map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8)
                .collect();
            std::io::Write::write_all(&mut &*file, &bytes).unwrap();
        }),
        ("one long line", &|file| {
            std::io::Write::write_all(&mut &*file, &[b'x'; 300_000]).unwrap();
            std::io::Write::write_all(&mut &*file, b"\n").unwrap();
        }),
    ];
    for (what, fill) in contents {
        for world in [world(), used()] {
            let path = world.path("/var/log/time-shift/audit.log");
            let file = fs::File::create(&path).unwrap();
            chmod(&world, "/var/log/time-shift/audit.log", 0o640);
            fill(&file);
            let run = world.hook(100, "pre-start");
            run.one_line(0, &["profile test"]);
            assert!(run.took < Duration::from_secs(2), "{what}: {run:?}");
            if what == "huge" {
                // Reading that much would take its time.
                file.set_len(64 << 20).unwrap();
            }
            let verify = world.cli(&["audit", "verify"]);
            assert_eq!(verify.code, Some(1), "{what}: {verify:?}");
            verify.says(&["audit.log", "NOT AS IT WAS WRITTEN"]);
        }
    }
}

#[test]
fn reading_takes_no_fifo_for_a_log() {
    let world = used();
    fs::remove_file(world.path("/var/log/time-shift/audit.log")).unwrap();
    Run::of(Command::new("mkfifo").arg(world.path("/var/log/time-shift/audit.log")));
    for arguments in [["audit", "verify"], ["audit", "show"]] {
        let run = world.cli(&arguments);
        assert!(run.took < Duration::from_secs(2), "{run:?}");
        assert!(
            run.err.contains("audit.log is not a regular file"),
            "{run:?}"
        );
    }
}

#[test]
fn a_log_folder_that_is_not_sound_is_not_read_either() {
    let cases: [Case<World>; 4] = [
        ("is reached through a symbolic link", &|world| {
            fs::rename(world.path(LOG), world.path("/var/log/real")).unwrap();
            symlink("real", world.path(LOG)).unwrap();
        }),
        ("writable by root alone", &|world| chmod(world, LOG, 0o777)),
        ("does not exist", &|world| {
            fs::remove_dir_all(world.path(LOG)).unwrap();
        }),
        ("a part of the path is not a folder", &|world| {
            fs::remove_dir_all(world.path(LOG)).unwrap();
            world.write(LOG, "");
        }),
    ];
    for (why, break_it) in cases {
        let world = used();
        break_it(&world);
        for arguments in [
            &["verify"][..],
            &["show"],
            &["export", "--format", "json"],
            &["anomalies"],
        ] {
            let run = world.cli(&[&["audit"], arguments].concat());
            assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
            run.says(&["time-shift: /var/log/time-shift", why]);
            assert_eq!(run.err.lines().count(), 1, "{run:?}");
            assert!(run.took < Duration::from_secs(2), "{run:?}");
        }
    }
}

#[test]
fn the_user_of_the_task_is_behind_its_records_d7() {
    let world = world();
    let task = |prepare: &str, pid: &str| {
        let script = format!(
            "{prepare} $0 = sprintf 'task UPID:lab1:%08X:00000001:65A1B2C3:qmstart:100:root@pam!ci:', {pid}; \
             exit(system(@ARGV) >> 8)"
        );
        let mut command = world.command("perl");
        command.args(["-e", &script, HOOK, "100", "pre-start"]);
        Run::of(&mut command).one_line(0, &["profile test"]);
        world.audit().pop().unwrap()
    };
    let record = task("", "$$");
    assert_eq!(record["actor"], "root@pam!ci");
    assert!(
        record["upid"].as_str().unwrap().starts_with("UPID:lab1:"),
        "{record}"
    );
    assert_eq!(
        (&record["node"], &record["decision"]),
        (&"lab1".into(), &"permit".into())
    );
    // Another process's name, and a process that is not only root's.
    for (prepare, pid) in [("", "1"), ("$< = 1000;", "$$")] {
        let record = task(prepare, pid);
        assert_ne!(record["actor"], "root@pam!ci", "{record}");
        assert_eq!(record["upid"], serde_json::Value::Null);
    }
    // sudo.
    let mut command = world.command(HOOK);
    command
        .args(["100", "pre-start"])
        .env("SUDO_USER", "al\n{\"x\":1}");
    Run::of(&mut command).one_line(0, &["profile test"]);
    let record = world.audit().pop().unwrap();
    assert_eq!(record["sudo-user"], "al\\u{a}{\"x\":1}");
    world
        .cli(&["audit", "verify"])
        .says(&["audit.log: 4 records, 1 to 4: unbroken"]);
}

#[test]
fn an_intent_without_an_outcome_is_found_d3() {
    let world = used();
    // A start may take ten minutes.
    assert!(!world.cli(&["audit", "verify"]).out.contains("unfinished"));
    let intent = world.note(100).unwrap()["intent"]["intent"].clone();
    // The same intent an hour ago, in a trail of its own.
    let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    let old = format!(
        "{{\"seq\":1,\"time\":\"{hour_ago}\",\"node\":\"lab1\",\"boot-id\":\"x\",\"actor\":\"system\",\
         \"intent\":{intent},\"event\":\"intent\",\"vmid\":100,\"hash\":\"x\"}}\n"
    );
    world.write("/var/log/time-shift/audit.log", &old);
    for arguments in [&["audit", "verify"][..], &["check"]] {
        let run = world.cli(arguments);
        assert!(run.out.contains("unfinished: the intent of "), "{run:?}");
    }
    // The sweep closes it, once; a rubbish name it leaves alone.
    let rubbish = old.replace(&intent.to_string(), "\"../x\"");
    world.write("/var/log/time-shift/audit.log", old.clone() + &rubbish);
    for _ in 0..2 {
        let run = world.cli(&["sweep"]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    }
    let closed: Vec<_> = world.audit().into_iter().collect();
    let closed: Vec<_> = closed.iter().filter(|it| it["event"] == "closed").collect();
    assert_eq!(closed.len(), 1, "{closed:?}");
    assert_eq!(closed[0]["intent"], intent);
    let text = closed[0]["text"].as_str().unwrap();
    assert!(
        text.contains("has no outcome; there is no clock to look at now: "),
        "{text}"
    );
    fs::remove_file(world.path("/var/log/time-shift/command-audit.log")).unwrap();
    world.write("/var/log/time-shift/audit.log", &old);
    assert!(world.cli(&["check"]).out.contains("unfinished"));
    // Its outcome.
    let outcome = old.replace("\"event\":\"intent\"", "\"event\":\"outcome\"");
    world.write("/var/log/time-shift/command-audit.log", outcome);
    assert!(!world.cli(&["check"]).out.contains("unfinished"));
}

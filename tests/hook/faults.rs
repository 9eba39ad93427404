//! When the trail, the note, the disk or the hook itself fails: nothing is changed, and the VM starts.
use super::*;

/// pre-start fails with `reason`, changes nothing, and blocks only where the profile says so.
#[track_caller]
fn fails(reason: &str, break_it: impl Fn(&World)) {
    for (world, code) in [(world(), 0), (blocking_world(), 1)] {
        break_it(&world);
        let run = world.hook(100, "pre-start");
        assert_eq!(run.code, Some(code), "{run:?}");
        run.says(&[
            "VM 100 (vm100): clock left alone",
            reason,
            "nothing is changed",
        ]);
        assert_eq!(run.log().contains("(\"block\")"), code == 1, "{run:?}");
        assert!(run.log().lines().count() <= 2, "{run:?}");
        assert!(!world.path(NOTE).is_file(), "{run:?}");
        assert_eq!(world.hook(100, "post-start").code, Some(0));
    }
}

#[test]
fn without_a_trail_nothing_is_changed_d3() {
    let not_logged = |break_it: &dyn Fn(&World)| fails("INTENT_NOT_LOGGED", break_it);
    let folder = "/var/log/time-shift";
    not_logged(&|world| {
        fs::remove_dir(world.path(folder)).unwrap();
        world.write(folder, "a file");
    });
    not_logged(&|world| {
        fs::rename(world.path(folder), world.path("/var/log/real")).unwrap();
        symlink("real", world.path(folder)).unwrap();
    });
    not_logged(&|world| {
        fs::set_permissions(world.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    });
    not_logged(&|world| fs::remove_dir_all(world.path("/var/log")).unwrap());
    not_logged(&|world| fs::create_dir(world.path(TRAIL)).unwrap());
    not_logged(&|world| symlink("/etc/passwd", world.path(TRAIL)).unwrap());
    not_logged(&|world| {
        world.write("/var/log/other", "");
        fs::hard_link(world.path("/var/log/other"), world.path(TRAIL)).unwrap();
    });
    not_logged(&|world| {
        world.write(TRAIL, "");
        fs::set_permissions(world.path(TRAIL), fs::Permissions::from_mode(0o660)).unwrap();
    });
    not_logged(&|world| {
        let made = Run::of(Command::new("mkfifo").arg(world.path(TRAIL)));
        assert_eq!(made.code, Some(0), "{made:?}");
    });
}

#[test]
fn without_a_note_nothing_is_changed() {
    let not_written = |break_it: &dyn Fn(&World)| fails("STATE_NOT_WRITTEN", break_it);
    let folder = "/run/time-shift";
    not_written(&|world| {
        fs::remove_dir(world.path(folder)).unwrap();
        world.write(folder, "a file");
    });
    not_written(&|world| {
        fs::rename(world.path(folder), world.path("/run/real")).unwrap();
        symlink("real", world.path(folder)).unwrap();
    });
    not_written(&|world| {
        fs::set_permissions(world.path(folder), fs::Permissions::from_mode(0o770)).unwrap();
    });
    not_written(&|world| fs::create_dir_all(world.path("/run/time-shift/100.json/x")).unwrap());
}

#[test]
fn a_disk_that_reports_an_error_leaves_no_note_f3() {
    for (world, code) in [(world(), 0), (blocking_world(), 1)] {
        for (call, error) in [
            ("write", "ENOSPC"),
            ("fdatasync", "EIO"),
            ("write", "EDQUOT"),
        ] {
            let inject = format!("inject={call}:error={error}");
            let run = traced(&world, &["-P", TRAIL, "-e", &inject]);
            assert_eq!(run.code, Some(code), "{run:?}");
            run.says(&["INTENT_NOT_LOGGED", "audit.log"]);
            assert_eq!(world.note(100), None);
            // Whole lines only.
            world.audit();
        }
    }
    let world = world();
    // Its key is made with the first record.
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    for inject in [
        "inject=renameat:error=ENOSPC",
        "inject=write:error=ENOSPC:when=2",
    ] {
        let run = traced(&world, &["-e", inject]);
        assert_eq!(run.code, Some(0), "{run:?}");
        run.says(&["STATE_NOT_WRITTEN"]);
        assert_eq!(names(&world, "/run/time-shift"), [""; 0], "{run:?}");
    }
}

#[test]
fn a_full_disk_takes_a_whole_line_or_none_f3() {
    let world = world();
    // A file system of one page, all but 100 bytes of which are taken.
    let full = |folder: &str, file: &str| {
        let script = format!(
            "mount -t tmpfs -o size=4096,mode=0700 none {folder}\n\
             head -c 3995 /dev/zero | tr '\\0' '#' >{folder}/{file}; echo >>{folder}/{file}\n\
             {HOOK} 100 pre-start; echo exit $?\n\
             ls -A {folder}; wc -c <{folder}/{file}"
        );
        shell(&world, &script)
    };
    let run = full("/var/log/time-shift", "audit.log");
    run.says(&[
        "INTENT_NOT_LOGGED: ",
        "No space left",
        "exit 0\n.audit.log.lock\naudit.log\n3996\n",
    ]);
    let run = full("/run/time-shift", "other");
    run.says(&[
        "STATE_NOT_WRITTEN: ",
        "No space left",
        "exit 0\nother\n3996\n",
    ]);
    assert_eq!(world.note(100), None);
}

#[test]
fn killed_at_any_moment_pre_start_leaves_whole_files_f3() {
    let world = world();
    let mut killed = 0;
    for call in [
        "openat",
        "write",
        "fdatasync",
        "renameat",
        "flock",
        "unlinkat",
        "fstat",
    ] {
        for number in 1..=12 {
            let inject = format!("inject={call}:signal=KILL:when={number}");
            let run = traced(&world, &["-e", &inject]);
            if run.signal.is_none() {
                break;
            }
            killed += 1;
            let audit = world.audit();
            // A note is there only with its intent.
            if let Some(note) = world.note(100) {
                assert_eq!(audit.last().unwrap()["intent"], note["intent"]["intent"]);
            }
        }
    }
    assert!(killed > 10, "only {killed} of the runs were killed");
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
}

#[test]
fn a_record_after_a_line_that_a_crash_cut_is_a_line_of_its_own_f3() {
    let world = world();
    world.write(TRAIL, "{\"time\":\"2026-11-2");
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let text = world.read(TRAIL);
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).expect("a whole line");
    assert_eq!(last["intent"], world.note(100).unwrap()["intent"]["intent"]);
}

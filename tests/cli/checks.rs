//! `time-shift check`.
use super::*;

/// The findings of `check --json`, as pairs of severity and place with the text.
#[track_caller]
fn check(world: &World, code: i32) -> Vec<Value> {
    json(&world.cli(&["check", "--json"]), code)
        .as_array()
        .unwrap()
        .clone()
}

/// `check` prints exactly these lines' beginnings, in this order.
#[track_caller]
fn check_lines(world: &World, code: i32, beginnings: &[&str]) {
    let run = world.cli(&["check"]);
    assert_eq!((run.code, run.err.as_str()), (Some(code), ""), "{run:?}");
    run.says(&[]);
    let lines: Vec<&str> = run.out.lines().collect();
    assert_eq!(lines.len(), beginnings.len(), "{run:?}");
    for (line, beginning) in lines.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "not {beginning:?}: {line}");
    }
    assert_eq!(check(world, code).len(), lines.len());
}

#[test]
fn check_finds_nothing_wrong_with_a_node_in_order() {
    let world = world();
    let run = world.cli(&["check"]);
    run.one_line(0, &["nothing found"]);
    assert_eq!(check(&world, 0), Vec::<Value>::new());
}

#[test]
fn check_names_file_line_and_column_of_every_error_b1() {
    let world = world();
    let lines = [
        ("max-shift = \"100y\"", "max-shfit = \"100y\""),
        (
            "target = \"2016-06-15T12:00:00Z\"",
            "target = \"yesterday\"",
        ),
    ];
    let mut text = allow(TARGET);
    for (from, to) in lines {
        text = text.replace(from, to);
    }
    world.write(LOCAL, text);
    check_lines(
        &world,
        1,
        &[
            "/etc/time-shift/allowlist.toml:3:10: `target`: ",
            "/etc/time-shift/allowlist.toml:5:1: ",
            "/etc/time-shift/allowlist.toml:11:1: unknown key `max-shfit`",
        ],
    );
    let found = check(&world, 1);
    assert_eq!(found[0]["severity"], "error");
    assert_eq!(found[0]["file"], LOCAL);
    assert_eq!(
        (&found[0]["line"], &found[0]["column"]),
        (&3.into(), &10.into())
    );
    assert!(found[0]["text"].is_string());

    world.write(LOCAL, b"version = 1\n\xff".as_slice());
    check_lines(&world, 1, &["/etc/time-shift/allowlist.toml:2:1: "]);
    fs::set_permissions(world.path(LOCAL), fs::Permissions::from_mode(0o666)).unwrap();
    check_lines(&world, 1, &["/etc/time-shift/allowlist.toml:1:1: "]);
    fs::remove_file(world.path(LOCAL)).unwrap();
    check_lines(
        &world,
        1,
        &["/etc/time-shift/allowlist.toml:1:1: there is no allowlist"],
    );
    // The cluster's is the one that is checked if it is there.
    world.write("/etc/pve/time-shift/allowlist.toml", "version = 2\n");
    check_lines(&world, 1, &["/etc/pve/time-shift/allowlist.toml:1:11: "]);

    world.write(
        CONFIG,
        "[hook]\non-unreadable = \"maybe\"\nx = 1\n[syslog]\nformat = 5\n",
    );
    check_lines(
        &world,
        1,
        &[
            "/etc/time-shift/config.toml:2:17: ",
            "/etc/time-shift/config.toml:3:1: ",
            "/etc/time-shift/config.toml:5:10: ",
        ],
    );
    fs::remove_file(world.path(CONFIG)).unwrap();
    fs::create_dir(world.path(CONFIG)).unwrap();
    check_lines(&world, 1, &["/etc/time-shift/config.toml:1:1: "]);
}

#[test]
fn check_names_the_vms_that_would_be_denied_or_are_not_readable() {
    let world = world();
    world.vm(150, "tags: ts-test\n");
    world.vm(151, "tags: prod\n");
    fs::create_dir(world.path("/etc/pve/qemu-server/160.conf")).unwrap();
    // No VM's config.
    world.write("/etc/pve/nodes/lab1/qemu-server/99.conf", "tags: ts-test\n");
    world.write(
        "/etc/pve/nodes/lab1/qemu-server/150.conf.tmp.1",
        "tags: ts-test\n",
    );
    check_lines(
        &world,
        1,
        &[
            "150: its clock will be left alone: a ts- tag asks",
            "160: /etc/pve/qemu-server/160.conf",
        ],
    );
    let found = check(&world, 1);
    assert_eq!(
        (&found[0]["vmid"], &found[0]["code"]),
        (&json!(150), &json!("NO_RULE"))
    );
    assert_eq!(found[1]["code"], "VM_CONFIG_UNREADABLE");
    assert_eq!(found[0].get("file"), None);
}

#[test]
fn warnings_alone_are_no_failure_of_check() {
    let world = world();
    world.vm(100, "startdate: 2006-06-17\n");
    let unused = "[profiles.unused]\ntarget = \"now\"\n";
    world.write(LOCAL, format!("{}{unused}", allow(TARGET)));
    check_lines(
        &world,
        0,
        &[
            "/etc/time-shift/allowlist.toml:12:1: warning: profile `unused`: no rule names it",
            "100: warning: it may have profile test, but has no hookscript",
            "100: warning: profile test: the config has a startdate",
        ],
    );
    assert!(
        check(&world, 0)
            .iter()
            .all(|finding| finding["severity"] == "warning")
    );
    let run = world.cli(&["check"]);
    run.says(&["(ALLOWLIST_REMARK)", "(NO_HOOKSCRIPT)", "(STARTDATE)"]);

    let strict = json(&world.cli(&["check", "--strict", "--json"]), 1);
    let strict = strict.as_array().unwrap();
    assert_eq!(strict.len(), 3);
    assert!(strict.iter().all(|finding| finding["severity"] == "error"));
    let run = world.cli(&["check", "--strict"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(!run.out.contains("warning: "), "{run:?}");
    world.write(LOCAL, allow(TARGET));
    world.vm(100, HOOKSCRIPT);
    assert_eq!(world.cli(&["check", "--strict"]).code, Some(0));
}

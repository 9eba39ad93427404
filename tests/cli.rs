//! The command line: what `plan`, `check` and `status` print and end with. B1, E2, E3, and point 10 of
//! the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};
use support::{Run, World, allow};

const LOCAL: &str = "/etc/time-shift/allowlist.toml";
const CONFIG: &str = "/etc/time-shift/config.toml";
const HOOKSCRIPT: &str = "hookscript: local:snippets/time-shift\n";
const TARGET: &str = "2016-06-15T12:00:00Z";
const PLAN_KEYS: [&str; 11] = [
    "vmid",
    "name",
    "kind",
    "rtc_base",
    "profile",
    "decision",
    "reason",
    "guest_time",
    "offset_ns",
    "stages",
    "warnings",
];
const STATUS_KEYS: [&str; 9] = [
    "vmid",
    "profile",
    "start_kind",
    "stage",
    "verified",
    "offset_ns",
    "error_ns",
    "guest_time",
    "since",
];

fn world() -> World {
    World::with_vm(HOOKSCRIPT, &allow(TARGET))
}

/// What was printed as JSON; nothing else was, and the exit code is this.
#[track_caller]
fn json(run: &Run, code: i32) -> Value {
    assert_eq!((run.code, run.err.as_str()), (Some(code), ""), "{run:?}");
    serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

/// The answer of `plan VMID --json`, which has exactly the keys that scripts rely on.
#[track_caller]
fn plan(world: &World, arguments: &[&str], code: i32) -> Value {
    let answer = json(&world.cli(&[&["plan", "--json"], arguments].concat()), code);
    let keys: Vec<&str> = answer
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let mut expected = PLAN_KEYS;
    expected.sort_unstable();
    let mut keys = keys;
    keys.sort_unstable();
    assert_eq!(keys, expected);
    answer
}

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

/// All files of a node with what changes when somebody writes to one.
fn tree(folder: &Path, found: &mut BTreeMap<String, (u32, i64, i64, u64)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        if data.is_dir() {
            tree(&path, found);
        }
        let facts = (data.mode(), data.mtime(), data.mtime_nsec(), data.size());
        found.insert(path.display().to_string(), facts);
    }
}

#[test]
fn plan_shows_what_the_hook_would_do_and_touches_nothing_e2() {
    let world = world();
    let mut before = BTreeMap::new();
    tree(&world.path("/"), &mut before);
    let answer = plan(&world, &["100"], 0);
    let text = world.cli(&["plan", "100"]);
    let mut after = BTreeMap::new();
    tree(&world.path("/"), &mut after);
    assert_eq!(before, after);

    assert!(answer["offset_ns"].is_i64(), "{answer}");
    let mut rest = answer;
    rest["offset_ns"].take();
    let expected = json!({
        "vmid": 100, "name": "vm100", "kind": "qemu", "rtc_base": "utc", "profile": "test",
        "decision": "permit", "reason": null, "guest_time": TARGET, "offset_ns": null,
        "stages": ["rtc"], "warnings": [],
    });
    assert_eq!(rest, expected);
    assert_eq!((text.code, text.err.as_str()), (Some(0), ""));
    text.says(&[
        "VM 100 (vm100)",
        "permit",
        "test",
        TARGET,
        "guest minus host",
        "utc",
    ]);

    let run = world.hook(100, "pre-start");
    run.one_line(0, &["profile test", TARGET]);
}

#[test]
fn plan_names_the_rtcs_base_and_warns() {
    let world = world();
    for (config, base) in [
        ("ostype: l26\n", "utc"),
        ("ostype: win11\n", "localtime"),
        ("localtime: 1\n", "localtime"),
        ("startdate: 2006-06-17\n", "startdate"),
    ] {
        world.vm(100, config);
        let answer = plan(&world, &["100"], 0);
        assert_eq!(answer["rtc_base"], base);
        let warned = answer["warnings"].as_array().unwrap().len();
        assert_eq!(warned, usize::from(base == "startdate"), "{answer}");
    }
    world.cli(&["plan", "100"]).says(&["warning", "startdate"]);
}

#[test]
fn a_denied_plan_ends_with_3_and_its_reason() {
    let world = world();
    world.write(LOCAL, allow("2080-01-01"));
    let answer = plan(&world, &["100"], 3);
    assert_eq!(
        (&answer["decision"], &answer["reason"]),
        (&"deny".into(), &"MACHINE_CANNOT_HOLD".into())
    );
    assert_eq!(
        (&answer["guest_time"], &answer["offset_ns"]),
        (&Value::Null, &Value::Null)
    );
    let text = world.cli(&["plan", "100"]);
    assert_eq!(text.code, Some(3), "{text:?}");
    text.says(&["deny", "MACHINE_CANNOT_HOLD: ", "1970 to 2069"]);
    fs::remove_file(world.path(LOCAL)).unwrap();
    assert_eq!(plan(&world, &["100"], 3)["reason"], "ALLOWLIST_MISSING");
    world.write(LOCAL, "version = 2\n");
    assert_eq!(plan(&world, &["100"], 3)["reason"], "ALLOWLIST_INVALID");
    world.write(LOCAL, "version = 1\n");
    world.vm(100, "tags: ts-test\n");
    assert_eq!(plan(&world, &["100"], 3)["reason"], "NO_RULE");
    assert_eq!(world.audit(), Vec::<Value>::new());
}

#[test]
fn a_guest_that_nothing_concerns_has_the_decision_none() {
    let world = world();
    world.vm(200, "");
    world.write("/etc/pve/nodes/lab1/lxc/300.conf", "hostname: ct\n");
    let vm = plan(&world, &["200"], 0);
    assert_eq!(
        (&vm["decision"], &vm["kind"]),
        (&"none".into(), &"qemu".into())
    );
    assert_eq!((&vm["profile"], &vm["stages"]), (&Value::Null, &json!([])));
    let container = plan(&world, &["300"], 0);
    assert_eq!(
        (&container["decision"], &container["kind"]),
        (&"none".into(), &"lxc".into())
    );
    assert_eq!(
        (&container["name"], &container["rtc_base"]),
        (&Value::Null, &Value::Null)
    );
    world
        .cli(&["plan", "200"])
        .says(&["VM 200 (vm200)", "none"]);
    world
        .cli(&["plan", "300"])
        .says(&["Container 300", "its host's clock"]);
}

#[test]
fn a_plan_for_a_vm_that_is_not_here_fails() {
    let world = world();
    for arguments in [&["plan", "400"][..], &["plan", "400", "--json"]] {
        let run = world.cli(arguments);
        run.one_line(1, &["VM 400", "/etc/pve/qemu-server/400.conf"]);
        assert_eq!(run.out, "");
    }
    fs::create_dir(world.path("/etc/pve/qemu-server/401.conf")).unwrap();
    world
        .cli(&["plan", "401"])
        .one_line(1, &["401.conf is not a regular file"]);
    world.write(CONFIG, "verbose = true\n");
    world
        .cli(&["plan", "100"])
        .one_line(1, &["/etc/time-shift/config.toml:1:1: "]);
}

#[test]
fn plan_pretends_the_time_that_at_says() {
    let world = world();
    world.write(LOCAL, allow("-10y"));
    let at = |time: &str| plan(&world, &["100", "--at", time], 0)["guest_time"].clone();
    assert_eq!(at("2027-02-28T10:00:00Z"), "2017-02-28T10:00:00Z");
    assert_eq!(at("2028-02-29"), "2018-02-28T12:00:00Z");
    assert_eq!(at("2027-01-01T00:00:00+02:00"), "2016-12-31T22:00:00Z");
    assert_eq!(
        plan(&world, &["100", "--at", "1975-01-01"], 3)["reason"],
        "TOO_EARLY"
    );
    let run = world.cli(&["plan", "100", "--at", "tomorrow"]);
    assert_eq!((run.code, run.out.as_str()), (Some(2), ""), "{run:?}");
}

#[test]
fn a_hostile_name_disturbs_no_terminal() {
    let world = world();
    let config = b"name: \x1b]0;x\x07\xff\nhookscript: local:snippets/x\n";
    world.write("/etc/pve/nodes/lab1/qemu-server/100.conf", config);
    world.hook(100, "pre-start").says(&[]);
    for command in [
        &["plan", "100"][..],
        &["plan", "100", "--json"],
        &["check"],
        &["status"],
    ] {
        world.cli(command).says(&[]);
    }
}

/// The rows of `status --json`, which have exactly the keys that scripts rely on.
#[track_caller]
fn status(world: &World, arguments: &[&str]) -> Vec<Value> {
    let rows = json(&world.cli(&[&["status", "--json"], arguments].concat()), 0);
    let rows = rows.as_array().unwrap().clone();
    let mut expected = STATUS_KEYS;
    expected.sort_unstable();
    for row in &rows {
        let mut keys: Vec<&str> = row
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        keys.sort_unstable();
        assert_eq!(keys, expected);
    }
    rows
}

#[test]
fn status_follows_a_start_from_its_plan_to_its_end() {
    let world = world();
    assert_eq!(status(&world, &[]), Vec::<Value>::new());
    world
        .cli(&["status"])
        .says(&["No VM was started with another time."]);
    fs::remove_dir(world.path("/run/time-shift")).unwrap();
    assert_eq!(status(&world, &[]), Vec::<Value>::new());

    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let note = world.note(100).unwrap();
    let expected = json!([{
        "vmid": 100, "profile": "test", "start_kind": null, "stage": "planned", "verified": null,
        "offset_ns": note["offset-ns"], "error_ns": null, "guest_time": null, "since": note["since"],
    }]);
    assert_eq!(Value::from(status(&world, &[])), expected);

    let fake = world.fake(100, &[]);
    world.hook(100, "post-start").one_line(0, &["RTC set to"]);
    let note = world.note(100).unwrap();
    let mut row = status(&world, &["100"]).pop().unwrap();
    let shown = row["guest_time"].take();
    let expected = json!({
        "vmid": 100, "profile": "test", "start_kind": "cold", "stage": "rtc-set", "verified": true,
        "offset_ns": note["rtc"]["offset-ns"], "error_ns": note["rtc"]["error-ns"],
        "guest_time": null, "since": note["since"],
    });
    assert_eq!(row, expected);
    let shown: jiff::Timestamp = shown.as_str().unwrap().parse().unwrap();
    let begun: jiff::Timestamp = TARGET.parse().unwrap();
    assert!(
        (0..30).contains(&(shown.as_second() - begun.as_second())),
        "{shown}"
    );
    let text = world.cli(&["status"]);
    assert_eq!(text.out.lines().count(), 2, "{text:?}");
    text.says(&[
        "VMID",
        "PROFILE",
        "100",
        "test",
        "cold",
        "rtc-set",
        "yes",
        "2016-06-15T12:00:",
    ]);

    drop(fake);
    let row = status(&world, &[]).pop().unwrap();
    assert_eq!(
        (&row["stage"], &row["guest_time"]),
        (&"ended".into(), &Value::Null)
    );
    world.hook(100, "post-stop").silent();
    assert_eq!(status(&world, &["100"]), Vec::<Value>::new());
}

#[test]
fn status_shows_only_the_vms_that_were_asked_for() {
    let world = world();
    world.write(LOCAL, allow(TARGET).replace("[100]", "[100, 101, 102]"));
    for vmid in [102, 100, 101] {
        world.vm(vmid, "");
        world.hook(vmid, "pre-start").one_line(0, &["profile test"]);
    }
    let vmids = |arguments: &[&str]| -> Vec<u64> {
        let rows = status(&world, arguments);
        rows.iter()
            .map(|row| row["vmid"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(vmids(&[]), [100, 101, 102]);
    assert_eq!(vmids(&["101"]), [101]);
    assert_eq!(vmids(&["102", "100", "400"]), [102, 100]);
    assert_eq!(vmids(&["400"]), [0; 0]);
}

#[test]
fn a_state_that_cannot_be_read_is_a_failure_of_status() {
    let world = world();
    world.write("/run/time-shift/100.json", "{}");
    world
        .cli(&["status"])
        .one_line(1, &["/run/time-shift/100.json is no state of this program"]);
    let folder = world.path("/run/time-shift");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    world
        .cli(&["status", "--json"])
        .one_line(1, &["/run/time-shift belongs to user 0 with mode 0777"]);
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
            "150: its clock will be left alone: NO_RULE",
            "160: /etc/pve/qemu-server/160.conf",
        ],
    );
    let found = check(&world, 1);
    assert_eq!(found[0]["vmid"], 150);
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
}

#[test]
fn config_points_everything_elsewhere() {
    let world = World::new();
    world.write(
        "/srv/pve/qemu-server/100.conf",
        format!("name: there\n{HOOKSCRIPT}"),
    );
    world.write("/srv/list.toml", allow("2017-01-01"));
    let paths = "[paths]\npve = \"/srv/pve\"\nallowlist = \"/srv/list.toml\"\n\
                 cluster-allowlist = \"/srv/none.toml\"\nstate = \"/srv/state\"\n";
    world.write("/srv/config.toml", paths);
    let config = ["--config", "/srv/config.toml"];
    let answer = plan(&world, &["100", config[0], config[1]], 0);
    assert_eq!(
        (&answer["name"], &answer["guest_time"]),
        (&"there".into(), &"2017-01-01T12:00:00Z".into())
    );
    // Before the command as well as after it.
    world
        .cli(&["--config", "/srv/config.toml", "check"])
        .one_line(0, &["nothing found"]);
    assert_eq!(status(&world, &config), Vec::<Value>::new());
    let run = world.cli(&["check", "--config", "/srv/list.toml"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["/srv/list.toml:"]);
}

#[test]
fn wrong_calls_end_with_2_and_say_what_is_wrong() {
    let world = world();
    let calls: [&[&str]; 14] = [
        &[],
        &["plot"],
        &["plan"],
        &["plan", "99"],
        &["plan", "0100"],
        &["plan", "1000000000"],
        &["plan", "+100"],
        &["plan", " 100"],
        &["plan", "100", "101"],
        &["plan", "100", "--at"],
        &["plan", "100", "--yaml"],
        &["check", "100"],
        &["status", "x"],
        &["--config"],
    ];
    for call in calls {
        let run = world.cli(call);
        assert_eq!(
            (run.code, run.out.as_str()),
            (Some(2), ""),
            "{call:?}: {run:?}"
        );
        assert!(run.err.lines().count() > 1, "{call:?}: {run:?}");
    }
}

#[test]
fn help_and_version_are_no_errors() {
    let world = world();
    let version = world.cli(&["--version"]);
    version.one_line(0, &["time-shift ", env!("CARGO_PKG_VERSION")]);
    for call in [
        &["--help"][..],
        &["plan", "--help"],
        &["check", "-h"],
        &["help", "status"],
    ] {
        let run = world.cli(call);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        run.says(&["Usage: time-shift", "--config <FILE>"]);
    }
    world
        .cli(&["--help"])
        .says(&["Exit codes: 0 done, 1 failed, 2 wrong call, 3 denied by policy"]);
}

#[test]
fn a_reader_that_hangs_up_early_is_no_failure_and_a_full_disk_is_one() {
    let world = world();
    world.write(LOCAL, allow(TARGET).replace("[100]", "[\"100-999\"]"));
    for vmid in 100..400 {
        world.vm(vmid, "");
    }
    let shell = |script: &str| {
        let program = "/usr/libexec/time-shift/time-shift";
        let script = script.replace("TS", program);
        Run::of(world.command("bash").args(["-c", &script]))
    };
    // 300 findings are more than a pipe's buffer would need for the reader to be gone by then.
    for command in [
        "check",
        "check --json",
        "plan 100",
        "plan 100 --json",
        "status",
        "--help",
    ] {
        let run = shell(&format!("TS {command} | true; echo ${{PIPESTATUS[0]}}"));
        assert_eq!(
            (run.out.as_str(), run.err.as_str()),
            ("0\n", ""),
            "{command}: {run:?}"
        );
        let run = shell(&format!(
            "TS {command} | head -n 1 >/dev/null; echo ${{PIPESTATUS[0]}}"
        ));
        assert_eq!(
            (run.out.as_str(), run.err.as_str()),
            ("0\n", ""),
            "{command}: {run:?}"
        );
    }
    for command in [
        "check",
        "check --json",
        "plan 100",
        "plan 100 --json",
        "status",
    ] {
        let run = shell(&format!("TS {command} >/dev/full"));
        run.one_line(1, &["time-shift: ", "No space left on device"]);
    }
    let run = shell("TS plan 100 >&-");
    assert_eq!(run.signal, None, "{run:?}");
    assert!(!run.log().contains("panicked"), "{run:?}");
}

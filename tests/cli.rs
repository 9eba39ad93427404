//! The command line: what `plan`, `check` and `status` print and end with. B1, E2, E3, and point 10 of
//! the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "cli/allowlist.rs"]
mod allowlist;
#[path = "cli/answers.rs"]
mod answers;
#[path = "cli/approvals.rs"]
mod approvals;
#[path = "cli/assign.rs"]
mod assign;
#[path = "cli/bypass.rs"]
mod bypass;
#[path = "cli/checks.rs"]
mod checks;
#[path = "cli/commands.rs"]
mod commands;
#[path = "cli/looks.rs"]
mod looks;
#[path = "cli/machines.rs"]
mod machines;
#[path = "cli/roles.rs"]
mod roles;
#[path = "cli/states.rs"]
mod states;
mod support;
#[path = "cli/why.rs"]
mod why;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use serde_json::{Value, json};
use support::{Run, Session, World, allow};

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
const STATUS_KEYS: [&str; 12] = [
    "vmid",
    "profile",
    "start_kind",
    "stage",
    "verified",
    "offset_ns",
    "error_ns",
    "guest_time",
    "seen",
    "restore_by",
    "remark",
    "since",
];

fn world() -> World {
    let world = World::with_vm(HOOKSCRIPT, &allow(TARGET));
    install_hook(&world);
    world
}

/// Copies the hookscript to where [`HOOKSCRIPT`] names it.
fn install_hook(world: &World) {
    let snippet = include_str!("../hooks/time-shift");
    bypass::program(world, "/var/lib/vz/snippets/time-shift", snippet, 0o755);
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
    for (config, base, warned) in [
        ("ostype: other\n", "utc", vec![]),
        ("ostype: l26\n", "utc", vec!["SYSTEMD_EPOCH"]),
        ("ostype: win11\n", "localtime", vec!["WINDOWS_PAST"]),
        ("localtime: 1\n", "localtime", vec![]),
        ("startdate: 2006-06-17\n", "startdate", vec!["STARTDATE"]),
    ] {
        world.vm(100, config);
        let answer = plan(&world, &["100"], 0);
        assert_eq!(answer["rtc_base"], base);
        let warnings = answer["warnings"].as_array().unwrap().iter();
        let codes: Vec<&str> = warnings.map(|one| one["code"].as_str().unwrap()).collect();
        assert_eq!(codes, warned, "{answer}");
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
fn config_points_everything_elsewhere() {
    let world = World::new();
    world.write(
        "/srv/pve/qemu-server/100.conf",
        format!("name: there\n{HOOKSCRIPT}"),
    );
    world.write("/srv/list.toml", allow("2017-01-01"));
    install_hook(&world);
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

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
    // The last line says which allowlist that was.
    let mut lines: Vec<&str> = run.out.lines().collect();
    if lines.last().is_some_and(|line| line.contains(" counts: ")) {
        lines.pop();
    }
    assert_eq!(lines.len(), beginnings.len(), "{run:?}");
    for (line, beginning) in lines.iter().zip(beginnings) {
        assert!(line.starts_with(beginning), "not {beginning:?}: {line}");
    }
    let hints = lines.iter().filter(|line| line.starts_with('`')).count();
    assert_eq!(check(world, code).len(), lines.len() - hints);
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
        &[
            "/etc/time-shift/allowlist.toml:1:1: there is no allowlist",
            "`time-shift doctor` says step by step",
        ],
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
            "100: warning: its startdate (2006-06-17) gives it another time",
        ],
    );
    assert!(
        check(&world, 0)
            .iter()
            .all(|finding| finding["severity"] == "warning")
    );
    let run = world.cli(&["check"]);
    run.says(&[
        "(ALLOWLIST_REMARK)",
        "(NO_HOOKSCRIPT)",
        "(STARTDATE_BYPASS)",
    ]);

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

#[test]
fn check_says_which_file_counts_and_why_b7() {
    let world = world();
    let run = world.cli(&["check"]);
    run.one_line(
        0,
        &["/etc/time-shift/allowlist.toml counts: the cluster has none."],
    );
    let cluster = "/etc/pve/time-shift/allowlist.toml";
    world.write(cluster, allow(TARGET));
    let run = world.cli(&["check"]);
    run.one_line(
        0,
        &["/etc/pve/time-shift/allowlist.toml counts: it is there, so this node's does not count."],
    );
    fs::set_permissions(world.path(cluster), fs::Permissions::from_mode(0o666)).unwrap();
    let run = world.cli(&["check"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["counts: it cannot be read, and this node's never takes its place."]);
}

/// A VM with this uuid, made so many seconds after 1970.
fn made(world: &World, path: &str, uuid: &str, seconds: u64) {
    world.write(
        &format!("/etc/pve/nodes/{path}.conf"),
        format!("{HOOKSCRIPT}meta: creation-qemu=9.2.0,ctime={seconds}\nsmbios1: uuid={uuid}\n"),
    );
}

const UUID: &str = "4c4c4544-0042-3510-8052-b4c04f4a3132";
const OTHER: &str = "4c4c4544-0042-3510-8052-b4c04f4a3133";

#[test]
fn check_names_a_vm_that_is_younger_than_the_rule_that_names_it() {
    let world = world();
    made(&world, "lab1/qemu-server/100", UUID, 1_000_000_000);
    check_lines(&world, 0, &[]);
    // The VM was destroyed, and somebody made another with its VMID; or cloned one onto it.
    made(&world, "lab1/qemu-server/100", OTHER, 4_000_000_000);
    check_lines(
        &world,
        0,
        &["100: warning: it was made at 2096-10-02T07:06:40Z, after the allowlist"],
    );
    let found = check(&world, 0);
    assert_eq!(found[0]["code"], "VM_YOUNGER_THAN_RULE");
    assert!(
        found[0]["text"]
            .as_str()
            .unwrap()
            .contains(&format!("uuid = \"{OTHER}\""))
    );
    // Ranges are there for VMs to come.
    world.write(LOCAL, allow(TARGET).replace("[100]", "[\"100-199\"]"));
    check_lines(&world, 0, &[]);
    // Bound as it says, it is the VM's.
    world.write(LOCAL, format!("{}uuid = \"{OTHER}\"\n", allow(TARGET)));
    check_lines(&world, 0, &[]);
}

#[test]
fn check_names_uuids_that_no_vm_has_or_several_have() {
    let world = world();
    made(&world, "lab1/qemu-server/100", UUID, 1_000_000_000);
    world.write(LOCAL, format!("{}uuid = \"{UUID}\"\n", allow(TARGET)));
    check_lines(&world, 0, &[]);
    // A copy with the same uuid, on another node.
    made(&world, "lab2/qemu-server/900", UUID, 1_000_000_000);
    check_lines(
        &world,
        0,
        &["/etc/time-shift/allowlist.toml:5:1: warning: VMs 100, 900 have the same uuid"],
    );
    assert_eq!(check(&world, 0)[0]["code"], "UUID_SHARED");
    fs::remove_file(world.path("/etc/pve/nodes/lab1/qemu-server/100.conf")).unwrap();
    check_lines(
        &world,
        0,
        &[
            "/etc/time-shift/allowlist.toml:5:1: warning: the cluster has no VM 100",
            "/etc/time-shift/allowlist.toml:5:1: warning: the uuid 4c4c4544-0042-3510-8052-b4c04f4a3132 is VM 900's",
        ],
    );
    fs::remove_file(world.path("/etc/pve/nodes/lab2/qemu-server/900.conf")).unwrap();
    check_lines(
        &world,
        0,
        &[
            "/etc/time-shift/allowlist.toml:5:1: warning: the cluster has no VM 100",
            "/etc/time-shift/allowlist.toml:5:1: warning: no VM of the cluster has the uuid",
        ],
    );
    assert_eq!(check(&world, 0)[1]["code"], "UUID_OF_NOBODY");
    assert_eq!(world.cli(&["check", "--strict"]).code, Some(1));
}

#[test]
fn check_notes_names_the_rules_that_whoever_gets_a_vmid_inherits() {
    let world = world();
    world.vm(299, HOOKSCRIPT);
    world.write(LOCAL, allow(TARGET).replace("[100]", "[100, \"200-299\"]"));
    let notes = json(&world.cli(&["check", "--notes", "--strict", "--json"]), 0);
    assert_eq!(notes[0]["severity"], "note");
    assert_eq!(notes[0]["code"], "RULE_INHERITED");
    assert_eq!(notes[0]["line"], 5);
    let text = notes[0]["text"].as_str().unwrap();
    assert!(
        text.contains("a VMID of 100, 200-299 (99 of 101 are free now)")
            && text.contains("has profile test from its first start"),
        "{text}"
    );
    fs::remove_file(world.path("/etc/pve/nodes/lab1/qemu-server/299.conf")).unwrap();
    world.write(LOCAL, allow(TARGET).replace("assign = \"test\"\n", ""));
    world.write("/etc/pve/datacenter.cfg", "registered-tags: ts-test\n");
    let notes = json(&world.cli(&["check", "--notes", "--json"]), 0);
    let text = notes[0]["text"].as_str().unwrap();
    assert!(
        text.contains("its tags name, which a clone brings along"),
        "{text}"
    );
    world.write(LOCAL, format!("{}uuid = \"{UUID}\"\n", allow(TARGET)));
    let vm = "/etc/pve/nodes/lab1/qemu-server/100.conf";
    world.write(vm, format!("{HOOKSCRIPT}smbios1: uuid={UUID}\n"));
    assert_eq!(
        json(&world.cli(&["check", "--notes", "--json"]), 0),
        json!([])
    );
    let run = world.cli(&["audit", "explain", "RULE_INHERITED"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

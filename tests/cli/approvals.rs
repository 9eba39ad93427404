//! `approve`, `approvals` and `revoke`, and what the hook makes of them. B4.
use std::os::unix::fs::symlink;
use std::thread::sleep;
use std::time::Duration;

use super::*;

const FILE: &str = "/run/time-shift/100.approval.json";

/// A node whose VM 100 needs an approval.
fn node() -> World {
    let world = World::with_vm(HOOKSCRIPT, &format!("{}confirm = true\n", allow(TARGET)));
    install_hook(&world);
    world
}

#[track_caller]
fn approved(world: &World, length: &str) {
    let run = world.cli(&["approve", "100", "--for", length, "--reason", "change 4711"]);
    run.one_line(
        0,
        &[
            "VM 100 (vm100): profile test is approved for ",
            " on this node: change 4711",
        ],
    );
}

#[track_caller]
fn denied(world: &World, why: &str) {
    world
        .hook(100, "pre-start")
        .one_line(0, &["CONFIRMATION_MISSING", "time-shift approve 100", why]);
    assert_eq!(world.note(100), None);
    assert_eq!(plan(world, &["100"], 3)["reason"], "CONFIRMATION_MISSING");
}

#[track_caller]
fn permitted(world: &World) {
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    assert_eq!(world.note(100).unwrap()["grant"]["confirmed"], true);
    assert_eq!(plan(world, &["100"], 0)["decision"], "permit");
}

fn events(world: &World, event: &str) -> Vec<Value> {
    let audit = world.audit().into_iter();
    audit.filter(|record| record["event"] == event).collect()
}

#[test]
fn a_rule_applies_while_it_is_approved_and_not_longer_b4() {
    let world = node();
    denied(&world, "to be approved on this node first: ");
    // That nobody has approved it is no error of the node's.
    assert_eq!(world.cli(&["check"]).code, Some(0));

    approved(&world, "2s");
    permitted(&world);
    let mode = fs::metadata(world.path(FILE)).unwrap().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let listed = json(&world.cli(&["approvals", "--json"]), 0);
    let row = &listed[0];
    assert_eq!(
        (&row["vmid"], &row["profile"], &row["state"], &row["reason"]),
        (
            &json!(100),
            &json!("test"),
            &json!("valid"),
            &json!("change 4711")
        )
    );
    assert!(row["left_seconds"].as_u64().unwrap() <= 2, "{row}");

    sleep(Duration::from_millis(2100));
    denied(&world, "the last approval has run out");
    let listed = json(&world.cli(&["approvals", "--json"]), 0);
    assert_eq!(listed[0]["state"], "run-out");
    assert_eq!(world.cli(&["sweep"]).code, Some(0));
    assert!(!world.path(FILE).exists());
    denied(&world, "to be approved on this node first: ");
    world
        .cli(&["approvals"])
        .one_line(0, &["Nothing is approved on this node."]);

    let given = events(&world, "approved");
    assert_eq!(given.len(), 1);
    assert_eq!(given[0]["duration-ns"], 2_000_000_000_u64);
    assert_eq!(given[0]["profile"], "test");
    let text = given[0]["text"].as_str().unwrap();
    assert!(text.ends_with("on this node: change 4711"), "{text}");
    assert_eq!(events(&world, "approval-expired").len(), 1);
}

#[test]
fn an_approval_can_be_withdrawn_b4() {
    let world = node();
    world
        .cli(&["revoke", "100"])
        .one_line(1, &["VM 100: nothing is approved for it"]);
    approved(&world, "1h");
    permitted(&world);
    world
        .cli(&["revoke", "100"])
        .one_line(0, &["its approval was withdrawn"]);
    denied(&world, "to be approved on this node first: ");
    assert_eq!(events(&world, "revoked").len(), 1);
    // Rubbish can be removed the same way.
    world.write(FILE, "rubbish");
    fs::set_permissions(world.path(FILE), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(world.cli(&["revoke", "100"]).code, Some(0));
    assert!(!world.path(FILE).exists());
}

#[test]
fn it_counts_for_one_vm_one_profile_and_one_allowlist_b4() {
    let world = node();
    let allowlist = world.read(LOCAL);
    let other = "[profiles.other]\ntarget = \"2017-01-01\"\nstages = [\"rtc\"]\n[[allow]]";
    let list = allowlist
        .replace("[[allow]]", other)
        .replace("vmids = [100]", "vmids = [100, 101]")
        .replace("profiles = [\"test\"]", "profiles = [\"test\", \"other\"]");
    world.write(LOCAL, &list);
    world.vm(101, HOOKSCRIPT);
    approved(&world, "1h");
    permitted(&world);
    assert_eq!(plan(&world, &["101"], 3)["reason"], "CONFIRMATION_MISSING");

    // The same file under another VM's name is that VM's no more than it was.
    fs::copy(
        world.path(FILE),
        world.path("/run/time-shift/101.approval.json"),
    )
    .unwrap();
    let run = world.hook(101, "pre-start");
    run.one_line(0, &["CONFIRMATION_MISSING", "it is about VM 100"]);
    fs::remove_file(world.path("/run/time-shift/101.approval.json")).unwrap();

    let run = world.cli(&["approve", "100", "--profile", "other"]);
    run.one_line(0, &["profile other is approved for 1h on this node"]);
    denied(&world, "there is an approval for profile other");
    approved(&world, "1h");
    permitted(&world);

    // Another allowlist, be it by a comment, is another one.
    world.write(LOCAL, format!("{list}# changed\n"));
    denied(
        &world,
        "an approval was given before the allowlist was changed",
    );
    let listed = json(&world.cli(&["approvals", "--json"]), 0);
    assert_eq!(listed[0]["state"], "other-allowlist");
    world.write(LOCAL, &list);
    permitted(&world);
}

#[test]
fn an_approval_that_root_did_not_give_here_and_now_is_none_b4() {
    let world = node();
    approved(&world, "1h");
    let good = world.read(FILE);
    let write = |text: &str, mode: u32| {
        let _ = fs::remove_file(world.path(FILE));
        world.write(FILE, text);
        fs::set_permissions(world.path(FILE), fs::Permissions::from_mode(mode)).unwrap();
    };
    write(&good, 0o600);
    permitted(&world);

    let mut changed: Value = serde_json::from_str(&good).unwrap();
    for (key, value, why) in [
        ("boot-id", json!("another"), "has run out"),
        ("length", json!({"secs": 3601, "nanos": 0}), "has run out"),
        ("since-boot", json!(u64::MAX), "has run out"),
        ("since-boot", json!(0), "has run out"),
        ("version", json!(2), "version 2 is not known"),
        ("profile", json!("../x"), "no state of this program"),
        ("extra", json!(1), "no state of this program"),
    ] {
        let before = changed.clone();
        changed[key] = value;
        // A host that has only just booted.
        let young = key == "since-boot" && changed[key] == 0 && uptime() < 3600.0;
        if !young {
            write(&changed.to_string(), 0o600);
            denied(&world, why);
        }
        changed = before;
    }
    write(&good, 0o666);
    denied(&world, "the approval cannot be used");
    write("{\"version\":", 0o600);
    denied(&world, "the approval cannot be used");
    write(&" ".repeat(100_000), 0o600);
    denied(&world, "the approval cannot be used");
    write(&good, 0o600);
    std::os::unix::fs::chown(world.path(FILE), Some(1000), None).unwrap();
    denied(&world, "the approval cannot be used");
    fs::rename(world.path(FILE), world.path("/run/elsewhere.json")).unwrap();
    std::os::unix::fs::chown(world.path("/run/elsewhere.json"), Some(0), None).unwrap();
    symlink("/run/elsewhere.json", world.path(FILE)).unwrap();
    denied(&world, "the approval cannot be used");
    let listed = world.cli(&["approvals"]);
    assert_eq!(listed.code, Some(1), "{listed:?}");
}

fn uptime() -> f64 {
    let text = fs::read_to_string("/proc/uptime").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_would_be_denied_all_the_same_is_not_approved_b4() {
    let world = node();
    for (arguments, says) in [
        (
            vec!["approve", "100", "--for", "2h"],
            "more than 0 and at most 1h",
        ),
        (
            vec!["approve", "100", "--for", "0s"],
            "more than 0 and at most 1h",
        ),
        (
            vec!["approve", "100", "--reason", "a\nb"],
            "control character",
        ),
        (vec!["approve", "100", "--reason", ""], "it is empty"),
        (vec!["approve", "99"], "100 to 999999999"),
    ] {
        let run = world.cli(&arguments);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.err.contains(says), "{run:?}");
    }
    let run = world.cli(&["approve", "101"]);
    run.one_line(1, &["VM 101", "no such VM on this node"]);
    let run = world.cli(&["approve", "100", "--profile", "missing"]);
    run.one_line(3, &["PROFILE_NOT_ALLOWED", "no profile missing"]);
    let list = world.read(LOCAL);
    world.write(LOCAL, list.replace("confirm = true", ""));
    let run = world.cli(&["approve", "100"]);
    run.one_line(1, &["there is nothing to approve"]);
    world.write(LOCAL, list.replace("100y", "1y"));
    let run = world.cli(&["approve", "100"]);
    run.one_line(3, &["not approved", "SHIFT_TOO_LARGE"]);
    assert!(!world.path(FILE).exists());
    assert_eq!(events(&world, "approved").len(), 0);

    // What the trail cannot keep is not approved.
    world.write(LOCAL, &list);
    fs::remove_dir_all(world.path("/var/log/time-shift")).unwrap();
    world.write("/var/log/time-shift", "in the way");
    let run = world.cli(&["approve", "100"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(!world.path(FILE).exists());
}

#[test]
fn the_command_that_a_denial_names_helps_with_each_profile_of_the_rule_b4() {
    let list = allow(TARGET)
        .replace(
            "[[allow]]",
            "[profiles.other]\ntarget = \"2017-06-15\"\nstages = [\"rtc\"]\n[[allow]]",
        )
        .replace("profiles = [\"test\"]", "profiles = [\"test\", \"other\"]")
        .replace("assign = \"test\"\n", "any-tag = true\nconfirm = true\n");
    let world = World::with_vm(HOOKSCRIPT, &list);
    install_hook(&world);
    for profile in ["test", "other"] {
        world.vm(100, &format!("{HOOKSCRIPT}tags: ts-{profile}\n"));
        let denied = world.hook(100, "pre-start");
        let words: Vec<&str> = denied.err.split('`').collect();
        let named = words
            .iter()
            .find(|words| words.starts_with("time-shift approve"));
        let named: Vec<&str> = named.expect("a command").split(' ').collect();
        assert_eq!(named[1..], ["approve", "100", "--profile", profile]);
        assert_eq!(world.cli(&named[1..]).code, Some(0));
        let permitted = world.hook(100, "pre-start");
        permitted.one_line(0, &[&format!("profile {profile}: the guest is to boot")]);
    }
}

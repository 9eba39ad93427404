//! What pre-start decides, on real files: which profile a VM gets, and within which bounds. A4, A5,
//! B1, B2, B4, B6, and points 3, 5 and 7 of the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "decisions/bounds.rs"]
mod bounds;
mod support;

use serde_json::Value;
use support::{Run, World, allow};

const LOCAL: &str = "/etc/time-shift/allowlist.toml";
const TARGET: &str = "2016-06-15T12:00:00Z";
const INCOMING: &str = "pve2";

/// Two profiles for VM 100, between which its tags choose.
fn by_tag(rule: &str) -> String {
    format!(
        "version = 1\n[profiles.old]\ntarget = \"{TARGET}\"\n[profiles.new]\ntarget = \"2030-01-01\"\n\
         [profiles.other]\ntarget = \"now\"\n[[allow]]\nvmids = [\"100-109\"]\nprofiles = [\"old\", \"new\"]\n\
         earliest = \"2010-01-01\"\nlatest = \"2037-12-31\"\nmax-shift = \"30y\"\n{rule}\n"
    )
}

/// The allowlist of [`allow`] with a line more in its profile.
fn profile(target: &str, line: &str) -> String {
    allow(target).replace("stages", &format!("{line}\nstages"))
}

/// The same with a line more, or other bounds, in its rule.
fn rule(target: &str, line: &str) -> String {
    let key = line.split(' ').next().unwrap();
    let text = allow(target);
    let kept = text.lines().filter(|text| !text.starts_with(key));
    format!("{}\n{line}\n", kept.collect::<Vec<_>>().join("\n"))
}

/// A node whose VM 100 is there and on another node, from which it may come by migration.
fn world(config: &str, allowlist: &str) -> World {
    let world = World::with_vm(config, allowlist);
    world.write(
        &format!("/etc/pve/nodes/{INCOMING}/qemu-server/100.conf"),
        format!("name: vm100\n{config}"),
    );
    world
}

#[track_caller]
fn denied(config: &str, allowlist: &str, reason: &str, parts: &[&str]) {
    let world = world(config, allowlist);
    denied_in(&world, reason, parts);
}

/// One line with the code; a record; no note; the VM starts.
#[track_caller]
fn denied_in(world: &World, reason: &str, parts: &[&str]) {
    let run = world.hook(100, "pre-start");
    run.one_line(0, &["VM 100 (vm100): clock left alone", reason]);
    run.says(parts);
    assert_eq!(world.note(100), None);
    let last = world.audit().pop().unwrap();
    assert_eq!(
        (&last["event"], &last["reason"]),
        (&"denied".into(), &reason.into())
    );
    // What pre-start denied is no concern of the other phases.
    for phase in ["post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
}

/// Permitted; the note and the record that it made.
#[track_caller]
fn permitted_in(world: &World, parts: &[&str]) -> (Run, Value) {
    let run = world.hook(100, "pre-start");
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(parts);
    let last = world.audit().pop().unwrap();
    assert_eq!(last["event"], "intent", "{last}");
    let note = world.note(100).unwrap();
    assert_eq!(note["intent"]["intent"], last["intent"], "{last}");
    (run, note)
}

#[track_caller]
fn permitted(config: &str, allowlist: &str, parts: &[&str]) -> Value {
    let world = world(config, allowlist);
    permitted_in(&world, parts).1
}

#[test]
fn an_assigned_profile_needs_no_tag_and_heeds_none() {
    let text = by_tag("assign = \"old\"");
    permitted("", &text, &["profile old", TARGET]);
    permitted("tags: ts-new;ts-other\n", &text, &["profile old"]);
}

#[test]
fn a_registered_tag_chooses_among_the_profiles_of_its_rule_b2() {
    let world = world("tags: prod;ts-new\n", &by_tag(""));
    denied_in(
        &world,
        "TAG_NOT_REGISTERED",
        &["ts-new", "registered-tags", "any-tag = true"],
    );
    world.write(
        "/etc/pve/datacenter.cfg",
        "keyboard: de\nregistered-tags: prod;ts-old\n",
    );
    denied_in(&world, "TAG_NOT_REGISTERED", &["ts-new"]);
    world.write(
        "/etc/pve/datacenter.cfg",
        "registered-tags: prod;ts-new\nkeyboard: de\n",
    );
    permitted_in(&world, &["profile new", "2030-01-01T12:00:00Z"]);
    // One more tag, which any user may set, does not spoil the choice.
    world.vm(100, "tags: ts-new;ts-old\n");
    permitted_in(&world, &["profile new"]);
    // Proxmox VE keeps tags in the case they were written in.
    world.vm(100, "tags: TS-New\n");
    permitted_in(&world, &["profile new"]);
    world.vm(100, "tags: ts-old\n");
    denied_in(&world, "TAG_NOT_REGISTERED", &["ts-old"]);
    // Only the config's current part is asked.
    world.vm(100, "[snap]\ntags: ts-new\n");
    world.hook(100, "pre-start").silent();
}

#[test]
fn any_tag_lets_an_unregistered_tag_choose() {
    let text = by_tag("any-tag = true");
    permitted("tags: ts-old\n", &text, &["profile old"]);
    permitted("tags: a, TS-OLD b\n", &text, &["profile old"]);
}

#[test]
fn more_than_one_tag_is_denied_and_so_is_one_that_the_rule_does_not_list() {
    let text = by_tag("any-tag = true");
    denied(
        "tags: ts-old;ts-new\n",
        &text,
        "TAGS_AMBIGUOUS",
        &["ts-new, ts-old"],
    );
    for tag in ["other", "nobody", ""] {
        let config = format!("tags: ts-{tag}\n");
        denied(
            &config,
            &text,
            "PROFILE_NOT_ALLOWED",
            &[&format!("tag ts-{tag} "), "line 8"],
        );
    }
}

#[test]
fn a_vm_that_no_rule_and_no_tag_concerns_costs_no_line_and_no_record() {
    let world = world("tags: prod;tsx;its-old\n", &by_tag(""));
    world.vm(200, "tags: prod\n");
    for vmid in [100, 200] {
        for phase in ["pre-start", "post-start", "pre-stop", "post-stop"] {
            world.hook(vmid, phase).silent();
        }
    }
    assert!(!world.path("/var/log/time-shift/audit.log").exists());
    assert_eq!(
        std::fs::read_dir(world.path("/run/time-shift"))
            .unwrap()
            .count(),
        0
    );
}

#[test]
fn a_tag_without_a_rule_is_denied_and_recorded() {
    let text = by_tag("").replace("100-109", "101-109");
    denied("tags: ts-old\n", &text, "NO_RULE", &["[[allow]]"]);
    denied(
        "tags: ts-old\n",
        "version = 1\n",
        "NO_RULE",
        &["remove the tag"],
    );
}

#[test]
fn a_rule_for_one_vm_is_not_inherited_by_another_with_its_number() {
    let uuid = "4c4c4544-0042-3510-8052-b4c04f4a3132";
    let text = rule(TARGET, &format!("uuid = \"{uuid}\""));
    let other = "smbios1: uuid=11111111-0042-3510-8052-b4c04f4a3132\n";
    denied(
        other,
        &text,
        "UUID_MISMATCH",
        &[uuid, "11111111-0042-3510-8052-b4c04f4a3132"],
    );
    denied("", &text, "UUID_MISMATCH", &["this one has none"]);
    let config = format!("smbios1: family=x,uuid={}\n", uuid.to_uppercase());
    permitted(&config, &text, &["profile test"]);
}

/// pre-start in a task of Proxmox VE, whose title this Perl gives itself.
fn start_by(world: &World, user: &str) -> Run {
    let script = format!(
        "$0 = sprintf 'task UPID:lab1:%08X:00000001:65A1B2C3:qmstart:100:{user}:', $$; \
         exit(system(@ARGV) >> 8)"
    );
    let mut command = world.command("perl");
    let hook = "/usr/libexec/time-shift/time-shift-hook";
    Run::of(command.args(["-e", &script, hook, "100", "pre-start"]))
}

#[test]
fn a_rule_for_certain_users_is_for_their_starts_only_b5_d7() {
    let text = rule(TARGET, "pve-users = [\"alice@pve\", \"root@pam!ci\"]");
    let world = World::with_vm("", &text);
    for user in ["alice@pve", "root@pam!ci"] {
        start_by(&world, user).one_line(0, &["profile test"]);
        let note = world.note(100).unwrap();
        assert_eq!(note["grant"]["started-by"], serde_json::json!([user]));
    }
    for user in [
        "root@pam",
        "alice@pve!ci",
        "alice@pam",
        "bob@pve",
        "a;b@pve",
        // Not to be told from its title, and then not taken for root's.
        "j\u{fc}rgen@pve",
        "alice@pve:x",
    ] {
        let run = start_by(&world, user);
        run.one_line(
            0,
            &[
                "PVE_USER_NOT_ALLOWED",
                "alice@pve, root@pam!ci only",
                "is behind it",
            ],
        );
        match user {
            "j\u{fc}rgen@pve" | "alice@pve:x" => run.says(&["cannot be told from its title"]),
            user => run.says(&[user]),
        };
        assert_eq!(world.note(100), None);
        let last = world.audit().pop().unwrap();
        assert_eq!(last["reason"], "PVE_USER_NOT_ALLOWED");
    }
    // Without a task it is root's, unless somebody else logged in.
    denied_in(&world, "PVE_USER_NOT_ALLOWED", &["root@pam is behind it"]);
    world.write(
        "/etc/time-shift/allowlist.toml",
        rule(TARGET, "pve-users = [\"root@pam\"]"),
    );
    permitted_in(&world, &["profile test"]);
    world.write("/.loginuid", "1000");
    denied_in(
        &world,
        "PVE_USER_NOT_ALLOWED",
        &["the user with number 1000 is behind it"],
    );
    start_by(&world, "root@pam").one_line(0, &["profile test"]);
    start_by(&world, "j\u{fc}rgen@pve").one_line(0, &["PVE_USER_NOT_ALLOWED"]);
    assert_eq!(world.audit().pop().unwrap()["actor"], "unknown");
    // Where no rule asks, nobody is named.
    world.write("/etc/time-shift/allowlist.toml", allow(TARGET));
    let (_, note) = permitted_in(&world, &["profile test"]);
    assert_eq!(note["grant"]["started-by"], Value::Null);
}

#[test]
fn a_rule_that_wants_a_confirmation_permits_nothing_without_b4() {
    denied(
        "",
        &rule(TARGET, "confirm = true"),
        "CONFIRMATION_MISSING",
        &[
            "wants profile test to be approved",
            "time-shift approve 100",
        ],
    );
}

//! Who may call which command: `[[role]]`, the login uid, sudo, `whoami`.
use std::process::Command;

use time_shift::model::Verb;

use super::*;

const ROLES: &str = r#"
[[role]]
name = "viewers"
groups = ["staff"]
verbs = ["view"]
[[role]]
name = "operators"
users = ["alice"]
verbs = ["sync", "restore"]
[[role]]
name = "owners"
users = ["carol"]
verbs = ["admin"]
"#;

const ALICE: u32 = 1000;
const BOB: u32 = 1001;
const CAROL: u32 = 1002;
/// Nobody has this number.
const GHOST: u32 = 1003;

/// A node with users: alice and bob are in the group staff.
fn node() -> World {
    let world = World::with_vm(HOOKSCRIPT, &format!("{}{ROLES}", allow(TARGET)));
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\nbob:x:1001:1001::/tmp:/bin/sh\n\
         carol:x:1002:1002::/tmp:/bin/sh\n",
    );
    world.write(
        "/etc/group",
        "root:x:0:\nadm:x:4:\nstaff:x:50:alice,bob\nalice:x:1000:\nbob:x:1001:\ncarol:x:1002:\n",
    );
    world
}

/// Says who logged in, as the kernel keeps it.
fn login(world: &World, said: impl ToString) {
    world.write("/.loginuid", said.to_string());
}

/// Calls the command line as it is called by root, or by sudo for this user.
fn call(world: &World, sudo: Option<&str>, arguments: &[&str]) -> Run {
    let mut command = world.command("/usr/libexec/time-shift/time-shift");
    if let Some(uid) = sudo {
        command.env("SUDO_UID", uid).env("SUDO_USER", "somebody");
    }
    Run::of(command.args(arguments))
}

#[track_caller]
fn denied(run: &Run, verb: &str) {
    assert_eq!((run.code, run.out.as_str()), (Some(3), ""), "{run:?}");
    let wanted = format!("[[role]] with the verb \"{verb}\"");
    assert!(run.err.contains("NO_ROLE"), "{run:?}");
    assert!(run.err.contains(&wanted), "{run:?}");
}

/// It was let in, and found that the VM does not run.
#[track_caller]
fn came_to_the_vm(run: &Run) {
    assert!(run.err.contains("QEMU does not run"), "{run:?}");
}

#[test]
fn root_may_everything_and_others_what_a_role_says_b5() {
    let world = node();
    for said in [0_u32, u32::MAX] {
        login(&world, said);
        assert_eq!(call(&world, None, &["status"]).code, Some(0));
        assert_eq!(call(&world, Some("0"), &["status"]).code, Some(0));
    }
    // Through su: nothing but the login uid.
    login(&world, BOB);
    assert_eq!(call(&world, None, &["status"]).code, Some(0));
    denied(&call(&world, None, &["sync", "100"]), "sync");
    denied(&call(&world, None, &["restore", "100", "--yes"]), "restore");
    denied(
        &call(&world, None, &["shift", "100", "now", "--yes"]),
        "shift",
    );
    denied(&call(&world, None, &["audit", "verify"]), "audit");
    denied(&call(&world, None, &["install-hook"]), "admin");
    login(&world, ALICE);
    came_to_the_vm(&call(&world, None, &["sync", "100"]));
    denied(
        &call(&world, None, &["shift", "100", "now", "--yes"]),
        "shift",
    );
    login(&world, CAROL);
    assert_eq!(call(&world, None, &["audit", "verify"]).code, Some(0));
    login(&world, GHOST);
    denied(&call(&world, None, &["status"]), "view");
    assert_eq!(call(&world, None, &["whoami"]).code, Some(0));

    // In a container the kernel may know nothing; sudo does.
    login(&world, u32::MAX);
    denied(&call(&world, Some("1001"), &["sync", "100"]), "sync");
    assert_eq!(call(&world, Some("1001"), &["status"]).code, Some(0));
    for rubbish in ["", "root", "-1", "1001 0", "4294967296"] {
        denied(&call(&world, Some(rubbish), &["status"]), "view");
    }
    login(&world, "rubbish");
    denied(&call(&world, None, &["status"]), "view");

    let records = world.audit();
    let no: Vec<&Value> = records
        .iter()
        .filter(|record| record["reason"] == "NO_ROLE")
        .collect();
    assert_eq!(no.len(), 14, "{records:#?}");
    assert!(no.iter().all(|record| record["event"] == "denied"));
    let first = no[0]["text"].as_str().unwrap();
    assert!(first.contains("the user bob"), "{first}");
    assert!(first.contains("login uid 1001, SUDO_UID nobody"), "{first}");
}

#[test]
fn where_the_kernel_and_sudo_differ_both_need_the_role_b5() {
    let world = node();
    login(&world, ALICE);
    denied(&call(&world, Some("1001"), &["sync", "100"]), "sync");
    assert_eq!(call(&world, Some("1001"), &["status"]).code, Some(0));
    // Root's login does not lift who went through sudo, and sudo's word does not lift who logged in.
    login(&world, 0);
    denied(&call(&world, Some("1001"), &["sync", "100"]), "sync");
    login(&world, BOB);
    denied(&call(&world, Some("0"), &["sync", "100"]), "sync");
    let said: Vec<String> = world
        .audit()
        .iter()
        .map(|record| record["text"].as_str().unwrap_or_default().to_owned())
        .collect();
    let differ = |text: &&String| text.starts_with("the kernel and sudo name different users");
    assert_eq!(said.iter().filter(differ).count(), 1, "{said:#?}");
    let who = json(&call(&world, Some("1000"), &["whoami", "--json"]), 0);
    let names: Vec<&str> = who["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["bob", "alice"]);
}

#[test]
fn a_config_of_ones_own_is_for_admins_b5() {
    let world = node();
    world.write("/tmp/mine.toml", "");
    let arguments = ["--config", "/tmp/mine.toml", "status"];
    login(&world, BOB);
    let run = call(&world, None, &arguments);
    denied(&run, "admin");
    assert!(run.err.contains("--config is for root"), "{run:?}");
    login(&world, CAROL);
    assert_eq!(call(&world, None, &arguments).code, Some(0));
    login(&world, 0);
    assert_eq!(call(&world, None, &arguments).code, Some(0));
}

#[test]
fn without_a_readable_allowlist_only_root_may_anything_b5() {
    let world = node();
    world.write(LOCAL, "version = 2\n");
    login(&world, CAROL);
    let run = call(&world, None, &["status"]);
    assert_eq!(run.code, Some(3), "{run:?}");
    assert!(run.err.contains("only root may do this"), "{run:?}");
    let who = json(&call(&world, None, &["whoami", "--json"]), 0);
    assert!(who["allowlist"].is_string(), "{who}");
    fs::remove_file(world.path(LOCAL)).unwrap();
    assert_eq!(call(&world, None, &["status"]).code, Some(3));
    login(&world, 0);
    assert_eq!(call(&world, None, &["status"]).code, Some(0));
}

#[test]
fn whoami_shows_each_verb_and_who_gives_it_b5() {
    let world = node();
    login(&world, ALICE);
    let who = json(&call(&world, None, &["whoami", "--json"]), 0);
    assert_eq!(who["root"], false);
    assert_eq!(who["users"][0]["uid"], 1000);
    assert_eq!(who["users"][0]["groups"], json!(["alice", "staff"]));
    assert_eq!(who["users"][0]["sources"], json!(["login uid"]));
    let permitted: Vec<&Value> = who["verbs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|verb| verb["permitted"] == true)
        .collect();
    let lines = world.read(LOCAL);
    let line = |text: &str| lines.lines().position(|line| line == text).unwrap();
    let viewers = format!("viewers (line {})", line("name = \"viewers\""));
    let operators = format!("operators (line {})", line("name = \"operators\""));
    assert_eq!(
        json!(permitted),
        json!([
            {"verb": "view", "permitted": true, "by": [viewers]},
            {"verb": "sync", "permitted": true, "by": [operators]},
            {"verb": "restore", "permitted": true, "by": [operators]},
        ])
    );
    call(&world, None, &["whoami"]).says(&["alice (uid 1000, by login uid), groups: alice staff"]);
    login(&world, 0);
    call(&world, None, &["whoami"]).says(&["root: may do everything."]);
}

#[test]
fn the_real_sudo_says_who_called_it_b5() {
    let world = node();
    world.write("/etc/hosts", "127.0.0.1 lab1\n");
    world.write(
        "/etc/sudoers",
        "ALL ALL=(root) NOPASSWD: /usr/libexec/time-shift/time-shift\n",
    );
    fs::set_permissions(
        world.path("/etc/sudoers"),
        fs::Permissions::from_mode(0o440),
    )
    .unwrap();
    // The world's own /usr/libexec hides where sudo keeps its libraries.
    let copied = Command::new("cp")
        .args(["-a", "/usr/libexec/sudo"])
        .arg(world.path("/usr/libexec"))
        .status();
    assert!(copied.unwrap().success());
    world.write(
        "/etc/shadow",
        "root:*:1::::::\nalice:*:1::::::\nbob:*:1::::::\n",
    );
    for service in ["sudo", "other"] {
        world.write(
            &format!("/etc/pam.d/{service}"),
            "auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n",
        );
    }
    let sudo = |user: u32, arguments: &[&str]| {
        let mut command: Command = world.command("/usr/bin/setpriv");
        let user = [format!("--reuid={user}"), format!("--regid={user}")];
        command.args(user).arg("--clear-groups").args([
            // A caller who lies about it is not believed.
            "/usr/bin/env",
            "SUDO_UID=0",
            "SUDO_USER=root",
            "/usr/bin/sudo",
            "/usr/libexec/time-shift/time-shift",
        ]);
        Run::of(command.args(arguments))
    };
    let run = sudo(BOB, &["status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    denied(&sudo(BOB, &["sync", "100"]), "sync");
    came_to_the_vm(&sudo(ALICE, &["sync", "100"]));
    let who = json(&sudo(ALICE, &["whoami", "--json"]), 0);
    assert_eq!(who["users"][0]["name"], "alice");
    assert_eq!(who["users"][0]["sources"], json!(["SUDO_UID"]));
}

/// Each command, by a call that needs nothing else, and the verb that it wants.
const TABLE: &[(&str, &str)] = &[
    ("plan 100", "view"),
    ("check", "view"),
    ("doctor", "view"),
    ("status", "view"),
    ("approvals", "view"),
    ("command list", "view"),
    ("command explain x", "view"),
    ("cert 192.0.2.1", "view"),
    ("allowlist show", "view"),
    ("allowlist diff", "view"),
    ("sync 100", "sync"),
    ("shift 100 now", "shift"),
    ("restore 100", "restore"),
    ("approve 100", "approve"),
    ("revoke 100", "approve"),
    ("assign 100 test", "assign"),
    ("unassign 100", "assign"),
    ("token add x", "token"),
    ("token list", "token"),
    ("token show --reveal x", "token"),
    ("token rotate x", "token"),
    ("token remove x", "token"),
    ("token import --name x /tmp/x", "token"),
    ("token unlock", "token"),
    ("token lock", "token"),
    ("token status", "token"),
    ("audit verify", "audit"),
    ("audit show", "audit"),
    ("audit explain NO_ROLE", "audit"),
    ("audit export --format cef", "audit"),
    ("audit anomalies", "audit"),
    ("cluster status", "cluster"),
    ("cluster drift", "cluster"),
    ("start 100", "cluster"),
    ("stop 100", "cluster"),
    ("shutdown 100", "cluster"),
    ("reboot 100", "cluster"),
    ("login pve1", "cluster"),
    ("logout pve1", "cluster"),
    // What a caller could make himself root with, or everybody's clocks wrong.
    ("allowlist diff /tmp/x", "admin"),
    ("allowlist edit", "admin"),
    ("allowlist install /tmp/x", "admin"),
    ("audit export --format cef --cursor /tmp/x", "admin"),
    ("cert pin 192.0.2.1", "admin"),
    ("cert refresh", "admin"),
    ("cert unpin 192.0.2.1", "admin"),
    ("attach 100", "admin"),
    ("detach 100", "admin"),
    ("install-hook", "admin"),
    ("uninstall-hook", "admin"),
    ("sweep", "admin"),
    ("worker 100", "admin"),
];

/// What everybody may do whom sudoers lets call the program.
const FREE: &[&str] = &["whoami", "version"];

#[test]
fn every_command_wants_its_verb_and_each_verb_opens_its_own_alone_b5() {
    let mut leaves = Vec::new();
    fn walk(command: &clap::Command, before: &str, leaves: &mut Vec<String>) {
        for below in command.get_subcommands() {
            let name = format!("{before}{}", below.get_name());
            // `cert HOST` is a command, and those below it are.
            if below.get_subcommands().next().is_none() || name == "cert" {
                leaves.push(name.clone());
            }
            walk(below, &format!("{name} "), leaves);
        }
    }
    walk(&time_shift::cli::command(), "", &mut leaves);
    let names = |call: &str, leaf: &str| {
        call == leaf
            || call
                .strip_prefix(leaf)
                .is_some_and(|rest| rest.starts_with(' '))
    };
    let listed = |leaf: &&String| {
        let mut calls = TABLE
            .iter()
            .map(|(call, _)| *call)
            .chain(FREE.iter().copied());
        calls.any(|call| names(call, leaf))
    };
    let missing: Vec<&String> = leaves.iter().filter(|leaf| !listed(leaf)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");

    let world = node();
    let verbs: Vec<&str> = Verb::WORDS.iter().map(|(word, _)| *word).collect();
    for verb in &verbs {
        let role = format!("[[role]]\nname = \"x\"\nusers = [\"alice\"]\nverbs = [\"{verb}\"]\n");
        world.write(LOCAL, format!("{}{role}", allow(TARGET)));
        login(&world, ALICE);
        for free in FREE {
            assert_eq!(call(&world, None, &[free]).code, Some(0), "{free}");
        }
        for (words, wanted) in TABLE {
            // Who is let in would ask a server that nobody is at. Other commands show that the verb opens.
            let slow = words.starts_with("cert 192") || words.starts_with("cert pin");
            if slow && (verb == wanted || *verb == "admin") {
                continue;
            }
            let words: Vec<&str> = words.split(' ').collect();
            let run = call(&world, None, &words);
            match *verb == *wanted || *verb == "admin" {
                true => assert!(!run.err.contains("NO_ROLE"), "{verb} {words:?}: {run:?}"),
                false => denied(&run, wanted),
            }
        }
    }
}

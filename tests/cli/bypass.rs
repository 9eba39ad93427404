//! What `check` finds that goes past the allowlist, or that others than root have a hand in. B9.
use std::os::unix::fs::chown;

use time_shift::report::Code;

use super::*;

const SNIPPET: &str = include_str!("../../hooks/time-shift");
/// Codes that are found by other tests: a secret that is due needs one that is old.
const ELSEWHERE: [&str; 7] = [
    "SECRET_DUE",
    "CERTIFICATE_CHANGED",
    "PIN_UNUSABLE",
    "VM_YOUNGER_THAN_RULE",
    "UUID_OF_NOBODY",
    "UUID_SHARED",
    "RULE_INHERITED",
];

/// Puts a program where the node has one.
pub(super) fn program(world: &World, path: &str, text: &str, mode: u32) {
    world.write(path, text);
    fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
}

/// Severity, code and place of each finding.
#[track_caller]
fn found(world: &World, code: i32) -> Vec<(String, String, String)> {
    let found = json(&world.cli(&["check", "--json"]), code);
    let place = |finding: &Value| match (&finding["file"], &finding["line"], &finding["vmid"]) {
        (Value::Null, Value::Null, vmid) => vmid.to_string(),
        (file, Value::Null, Value::Null) => file.as_str().unwrap().to_owned(),
        (file, line, Value::Null) => format!("{}:{line}", file.as_str().unwrap()),
        other => panic!("{other:?}"),
    };
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |finding: &Value| {
        assert!(!word(&finding["text"]).is_empty());
        (
            word(&finding["severity"]),
            word(&finding["code"]),
            place(finding),
        )
    };
    found.as_array().unwrap().iter().map(row).collect()
}

#[track_caller]
fn codes(world: &World, code: i32) -> Vec<String> {
    found(world, code).into_iter().map(|row| row.1).collect()
}

fn rule(vmids: &str, profiles: &str, more: &str) -> String {
    format!(
        "[[allow]]\nvmids = [{vmids}]\nprofiles = [{profiles}]\nearliest = \"1970-01-01\"\n\
         latest = \"2105-12-31\"\nmax-shift = \"100y\"\n{more}"
    )
}

/// The line of the rule that starts with these VMIDs.
fn line_of(list: &str, vmids: &str) -> String {
    let needle = format!("vmids = [{vmids}]");
    let line = list.lines().position(|line| line == needle).unwrap();
    format!("{LOCAL}:{line}")
}

#[test]
fn a_node_with_one_of_every_fault_has_each_of_them_named_b9() {
    let world = World::new();
    let mut list = "version = 1\n[profiles.test]\ntarget = \"2016-06-15\"\nstages = [\"rtc\"]\n\
                    [profiles.unused]\ntarget = \"now\"\n"
        .to_owned();
    let assign = "assign = \"test\"\n";
    for (vmids, more) in [
        ("100", assign),
        ("101", assign),
        ("107, 300, \"400-499\", \"500-599\"", assign),
        ("\"600-699\"", assign),
        ("110", "any-tag = true\n"),
        ("111", ""),
        ("121", "assign = \"test\"\nconfirm = true\n"),
    ] {
        list.push_str(&rule(vmids, "\"test\"", more));
    }
    world.write(LOCAL, &list);
    world.write(
        "/etc/pve/storage.cfg",
        "dir: local\n\tpath /var/lib/vz\n\tcontent snippets\n\n\
         dir: old\n\tpath /srv/old\n\tcontent snippets\n",
    );
    program(&world, "/var/lib/vz/snippets/time-shift", SNIPPET, 0o755);
    program(&world, "/var/lib/vz/snippets/mine", "#!/bin/sh\n", 0o755);
    let old = SNIPPET.replace("daemon.warning", "daemon.notice");
    program(&world, "/srv/old/snippets/time-shift", &old, 0o775);
    chown(world.path("/srv/old/snippets/time-shift"), None, Some(33)).unwrap();
    let open = fs::Permissions::from_mode(0o777);
    fs::set_permissions(world.path("/srv/old/snippets"), open.clone()).unwrap();

    world.vm(100, "");
    world.vm(101, "hookscript: local:snippets/mine\n");
    world.vm(102, HOOKSCRIPT);
    world.vm(103, "startdate: 2006-06-17\n");
    world.vm(104, "args: -rtc base=2006-06-17\n");
    world.vm(105, "hookscript: gone:snippets/time-shift\n");
    world.vm(106, "hookscript: old:snippets/time-shift\n");
    world.vm(108, "[PENDING]\nstartdate: 2006-06-17\n");
    world.vm(
        109,
        "args: -readconfig /root/x\n[PENDING]\nargs: -rtc base=2006-06-17\n",
    );
    world.vm(110, "");
    world.vm(111, "");
    world.vm(121, HOOKSCRIPT);
    world.vm(130, "tags: ts-test\n");
    world.write("/etc/pve/nodes/lab2/lxc/300.conf", "hostname: ct\n");
    world.write("/etc/pve/nodes/lab2/qemu-server/450.conf", "name: there\n");

    assert_eq!(world.cli(&["approve", "121"]).code, Some(0));
    fs::remove_file(world.path("/etc/pve/nodes/lab1/qemu-server/121.conf")).unwrap();
    program(&world, "/run/time-shift/122.approval.json", "{}", 0o600);
    fs::create_dir(world.path("/var/lib/time-shift/secrets")).unwrap();
    program(&world, "/var/lib/time-shift/secrets/pve", "x", 0o600);
    for (path, mode) in [("/var/lib/time-shift/secrets", 0o700), ("/srv", 0o755)] {
        fs::set_permissions(world.path(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    chown(world.path("/etc/time-shift"), Some(1000), None).unwrap();
    fs::set_permissions(world.path("/usr/libexec/time-shift/time-shift-hook"), open).unwrap();
    let hour_ago = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    world.write(
        "/var/log/time-shift/audit.log",
        format!(
            "{{\"seq\":1,\"time\":\"{hour_ago}\",\"node\":\"lab1\",\"boot-id\":\"x\",\"actor\":\"system\",\
             \"intent\":\"x-1\",\"event\":\"intent\",\"vmid\":100,\"hash\":\"x\"}}\n"
        ),
    );

    let (error, warning) = ("error", "warning");
    let nobody = "107, 300, \"400-499\", \"500-599\"";
    let mut expected: Vec<(String, String, String)> = [
        (warning, "ALLOWLIST_REMARK", format!("{LOCAL}:5")),
        (warning, "NO_HOOKSCRIPT", "100".to_owned()),
        (warning, "OTHER_HOOKSCRIPT", "101".to_owned()),
        (warning, "HOOK_WITHOUT_RULE", "102".to_owned()),
        (warning, "HOOK_WITHOUT_RULE", "105".to_owned()),
        (warning, "HOOK_WITHOUT_RULE", "106".to_owned()),
        (warning, "STARTDATE_BYPASS", "103".to_owned()),
        (warning, "ARGS_BYPASS", "104".to_owned()),
        (warning, "STARTDATE_BYPASS", "108".to_owned()),
        (warning, "ARGS_BYPASS", "109".to_owned()),
        (warning, "ARGS_BYPASS", "109".to_owned()),
        (error, "NO_RULE", "130".to_owned()),
        (
            error,
            "SNIPPET_MISSING",
            "gone:snippets/time-shift".to_owned(),
        ),
        (
            error,
            "SNIPPET_WRITABLE",
            "/srv/old/snippets/time-shift".to_owned(),
        ),
        (
            warning,
            "SNIPPET_OLD",
            "/srv/old/snippets/time-shift".to_owned(),
        ),
        (error, "FOLDER_WRITABLE", "/srv/old/snippets".to_owned()),
        (error, "FOLDER_WRITABLE", "/etc/time-shift".to_owned()),
        (
            error,
            "FOLDER_WRITABLE",
            "/usr/libexec/time-shift/time-shift-hook".to_owned(),
        ),
        (warning, "RULE_FOR_NOBODY", line_of(&list, nobody)),
        (warning, "RULE_FOR_NOBODY", line_of(&list, nobody)),
        (warning, "RULE_FOR_NOBODY", line_of(&list, "\"600-699\"")),
        (warning, "RULE_FOR_NOBODY", line_of(&list, "121")),
        (warning, "TAGS_OPEN", line_of(&list, "110")),
        (warning, "TAGS_UNREGISTERED", line_of(&list, "111")),
        (warning, "APPROVAL_FOR_NOBODY", "121".to_owned()),
        (error, "APPROVAL_UNUSABLE", "122".to_owned()),
        (
            error,
            "SECRET_UNUSABLE",
            "/var/lib/time-shift/secrets/pve:1".to_owned(),
        ),
        (warning, "UNFINISHED", "100".to_owned()),
    ]
    .map(|(severity, code, place)| (severity.to_owned(), code.to_owned(), place))
    .to_vec();
    let mut findings = found(&world, 1);
    findings.sort_unstable();
    expected.sort_unstable();
    assert_eq!(findings, expected);
    let text = world.cli(&["check"]);
    for says in [
        "102: warning: it has time-shift's hookscript, but no rule of the allowlist names it",
        "/srv/old/snippets: others than root may write to it (mode 0777; chmod go-w), who could replace \
         /srv/old/snippets/time-shift (FOLDER_WRITABLE)",
        "/etc/time-shift: it belongs to user 1000, not to root (chown root)",
        "the cluster has no VM 600-699; take it out of the rule's `vmids`",
        "the cluster has no VM 107; take it out of the rule's `vmids`",
        "the rule does nothing for 300;",
        "do not start: 105 (SNIPPET_MISSING)",
        "time-shift install-hook --storage old (SNIPPET_OLD)",
        "time-shift revoke 121 (APPROVAL_FOR_NOBODY)",
    ] {
        assert!(text.out.contains(says), "not {says:?}: {}", text.out);
    }

    // What hides all the rest.
    let config = world.path("/etc/pve/qemu-server");
    fs::remove_file(&config).unwrap();
    fs::remove_file(world.path("/etc/pve/storage.cfg")).unwrap();
    fs::create_dir(world.path("/etc/pve/storage.cfg")).unwrap();
    let mut seen: Vec<String> = codes(&world, 1);
    seen.extend(expected.into_iter().map(|row| row.1));
    for code in Code::ALL.iter().map(|code| code.as_str()) {
        assert!(
            ELSEWHERE.contains(&code) || seen.iter().any(|seen| seen == code),
            "{code} is not found here"
        );
    }
}

#[test]
fn what_the_allowlist_covers_is_no_bypass_b9() {
    let world = world();
    // Its RTC is set all the same, by a copy of either kind.
    world.vm(100, &format!("{HOOKSCRIPT}startdate: 2006-06-17\n"));
    assert_eq!(codes(&world, 0), ["STARTDATE"]);
    assert_eq!(
        world.cli(&["install-hook", "--strict"]).code,
        Some(0),
        "the strict copy"
    );
    assert_eq!(codes(&world, 0), ["STARTDATE"]);
    // The agent comes later.
    let agent = allow(TARGET).replace("[\"rtc\"]", "[\"agent\"]");
    world.write(LOCAL, &agent);
    world.vm(
        100,
        &format!("{HOOKSCRIPT}startdate: 2006-06-17\nagent: 1\n"),
    );
    assert_eq!(codes(&world, 0), ["STARTDATE_BYPASS"]);
    // Nobody is asked whether a clock may be moved without an allowlist.
    fs::remove_file(world.path(LOCAL)).unwrap();
    assert_eq!(codes(&world, 1), ["ALLOWLIST_MISSING", "STARTDATE_BYPASS"]);
    world.vm(100, HOOKSCRIPT);
    assert_eq!(codes(&world, 1), ["ALLOWLIST_MISSING"]);
}

#[test]
fn tags_that_only_some_may_set_are_no_finding_b9() {
    let world = world();
    let list = allow(TARGET).replace("assign = \"test\"\n", "");
    world.write(LOCAL, &list);
    assert_eq!(codes(&world, 0), ["TAGS_UNREGISTERED"]);
    world.write(LOCAL, format!("{list}any-tag = true\n"));
    assert_eq!(codes(&world, 0), ["TAGS_OPEN"]);
    world.write(
        "/etc/pve/datacenter.cfg",
        "registered-tags: prod;ts-test;ts-other\n",
    );
    assert_eq!(codes(&world, 0), [""; 0]);
    world.write(LOCAL, &list);
    assert_eq!(codes(&world, 0), [""; 0]);
    // One of two is enough to choose by.
    let two = "[profiles.two]\ntarget = \"2017-01-01\"\n[[allow]]";
    let two = list
        .replace("[[allow]]", two)
        .replace("profiles = [\"test\"]", "profiles = [\"test\", \"two\"]");
    world.write(LOCAL, two);
    let run = world.cli(&["check"]);
    run.one_line(0, &["register ts-two (registered-tags)"]);
}

#[test]
fn a_hookscript_that_keeps_its_vms_from_starting_is_an_error_b9() {
    let world = world();
    world.vm(101, HOOKSCRIPT);
    world.write(LOCAL, allow(TARGET).replace("[100]", "[100, 101]"));
    let copy = "/var/lib/vz/snippets/time-shift";
    assert_eq!(codes(&world, 0), [""; 0]);
    program(&world, copy, SNIPPET, 0o644);
    let run = world.cli(&["check"]);
    run.one_line(
        1,
        &[
            copy,
            "it is not executable",
            "do not start: 100, 101",
            "(SNIPPET_MISSING)",
        ],
    );
    fs::remove_file(world.path(copy)).unwrap();
    world
        .cli(&["check"])
        .one_line(1, &[copy, "time-shift install-hook --storage local"]);
    fs::create_dir(world.path(copy)).unwrap();
    world
        .cli(&["check"])
        .one_line(1, &[copy, "it is no regular file"]);
    fs::remove_dir(world.path(copy)).unwrap();
    // A file that Proxmox VE reaches through a link is there.
    program(&world, "/srv/it", SNIPPET, 0o755);
    fs::set_permissions(world.path("/srv"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("/srv/it", world.path(copy)).unwrap();
    assert_eq!(codes(&world, 0), [""; 0]);
    fs::set_permissions(world.path("/srv"), fs::Permissions::from_mode(0o1777)).unwrap();
    world
        .cli(&["check"])
        .one_line(1, &["/srv: others than root", "mode 1777", copy]);
    world.write(
        "/etc/pve/storage.cfg",
        "dir: local\n\tpath /var/lib/vz\n\tcontent snippets\n\tdisable\n",
    );
    world
        .cli(&["check"])
        .one_line(1, &["is switched off", "pvesm set local --disable 0"]);
}

//! `time-shift assign` and `unassign`: one VM, and nobody else (B2).
use super::*;

const RULES: &str = r#"version = 1 # of the format

# Old firmware.
[profiles.old]
target = "2016-06-15T12:00:00Z" # noon
stages = ["rtc"]
[profiles.new]
target = "2030-01-01"
stages = ["rtc"]

# The lab.
[[allow]]
vmids = [
    100, # the console
    "200-209", # the rest
]
profiles = ["old", "new"]
assign = "old"
earliest = "1970-01-01"
latest = "2105-12-31"
max-shift = "100y"
"#;

fn node() -> World {
    let world = World::with_vm(HOOKSCRIPT, RULES);
    for vmid in [101, 200, 201] {
        world.vm(vmid, HOOKSCRIPT);
    }
    world
}

/// The profile that a VM would start with.
fn profile(world: &World, vmid: &str) -> Value {
    let run = world.cli(&["plan", "--json", vmid]);
    serde_json::from_str::<Value>(&run.out).unwrap()["profile"].clone()
}

#[test]
fn a_vm_gets_another_profile_and_its_neighbours_do_not_b2() {
    let world = node();
    let run = world.cli(&["assign", "200", "new", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "VM 200: it gets a copy of its rule (line 12), which it shared with other VMs.",
        "  VM 200 (exist: 200 on lab1)\n    ~ assigned profile: old -> new\n",
    ]);
    assert_eq!(
        world.read(LOCAL),
        format!(
            "{}\n[[allow]]\nvmids = [200]\nprofiles = [\"old\", \"new\"]\nearliest = \"1970-01-01\"\n\
             latest = \"2105-12-31\"\nmax-shift = \"100y\"\nassign = \"new\"\n",
            RULES.replace("200-209", "201-209")
        )
    );
    assert_eq!(profile(&world, "200"), "new");
    assert_eq!(profile(&world, "201"), "old");
    assert_eq!(profile(&world, "100"), "old");
    world.cli(&["assign", "200", "new"]).one_line(
        0,
        &["VM 200: it has profile new already; nothing was changed."],
    );
    // The next one joins it.
    let run = world.cli(&["assign", "201", "new", "--yes"]);
    run.says(&["VM 201: it goes into the rule in line "]);
    assert!(world.read(LOCAL).contains("vmids = [200, 201]"));
    assert_eq!(profile(&world, "201"), "new");
    let said: Vec<String> = world
        .audit()
        .iter()
        .filter(|record| record["event"] == "assigned")
        .map(|record| record["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(said.len(), 2);
    assert!(said[0].starts_with("/etc/time-shift/allowlist.toml (assign 200 new): SHA-256 was "));
}

#[test]
fn a_new_vm_joins_a_rule_or_gets_bounds_of_its_own_b2() {
    let world = node();
    let run = world.cli(&["assign", "101", "old"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(world.read(LOCAL), RULES);
    let run = world.cli(&["assign", "101", "new", "--yes"]);
    run.one_line(
        1,
        &["VM 101: no rule names it, and none assigns profile new"],
    );
    let bounds = [
        "--earliest",
        "2029-01-01",
        "--latest",
        "2031-01-01",
        "--max-shift",
        "10y",
    ];
    let arguments = [&["assign", "101", "new", "--yes"], bounds.as_slice()].concat();
    let run = world.cli(&arguments);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(profile(&world, "101"), "new");
    let wrong: Vec<&str> = arguments
        .iter()
        .map(|word| match *word {
            "101" => "102",
            "2029-01-01" => "yesterday",
            other => other,
        })
        .collect();
    let run = world.cli(&wrong);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["VM 102: the file would not be valid any more: "]);
    // Halves of bounds are a wrong call.
    assert_eq!(
        world
            .cli(&["assign", "102", "new", "--latest", "2030-01-01"])
            .code,
        Some(2)
    );
    let run = world.cli(&["assign", "102", "other", "--yes"]);
    run.one_line(1, &["the allowlist has no profile other; it has new, old"]);
}

#[test]
fn a_vm_that_is_taken_off_has_the_real_time_and_nobody_else_notices_b2() {
    let world = node();
    let run = world.cli(&["unassign", "100", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "VM 100: it goes out of the rule in line 12.",
        "  VM 100 (exist: 100 on lab1)\n    - profile old (assigned)",
    ]);
    // A comment is never lost, even where what it is about is.
    let wanted = RULES.replace("\n    100, # the console", " # the console");
    assert_eq!(world.read(LOCAL), wanted);
    assert_eq!(plan(&world, &["100"], 0)["decision"], "none");
    assert_eq!(profile(&world, "200"), "old");
    world
        .cli(&["unassign", "100"])
        .one_line(0, &["VM 100: no rule names it; nothing was changed."]);
    let run = world.cli(&["unassign", "201", "--by-tag", "--yes"]);
    run.says(&["~ assigned profile: old -> none (a tag chooses)"]);
    assert_eq!(plan(&world, &["201"], 0)["decision"], "none");
}

#[test]
fn the_file_that_counts_is_the_one_that_is_changed_b7() {
    let world = node();
    let cluster = "/etc/pve/time-shift/allowlist.toml";
    world.write(cluster, RULES);
    let run = world.cli(&["assign", "200", "new", "--yes"]);
    run.says(&["/etc/pve/time-shift/allowlist.toml is installed, SHA-256 "]);
    assert_eq!(world.read(LOCAL), RULES);
    assert_eq!(profile(&world, "200"), "new");
    world.write(cluster, format!("{RULES}oops\n"));
    let run = world.cli(&["assign", "200", "new", "--yes"]);
    run.one_line(1, &["/etc/pve/time-shift/allowlist.toml:22:5: "]);
    assert_eq!(world.read(LOCAL), RULES);
}

#[test]
fn whoever_may_assign_takes_no_vm_out_of_a_rule_that_wants_an_approval_or_certain_users_b4_b5() {
    for (key, reason) in [
        ("confirm = true", "CONFIRMATION_MISSING"),
        ("pve-users = [\"alice@pve\"]", "PVE_USER_NOT_ALLOWED"),
    ] {
        stays_under(key, reason);
    }
}

fn stays_under(key: &str, reason: &str) {
    let world = World::with_vm(
        HOOKSCRIPT,
        &format!(
            "{RULES}{key}\n[[role]]\nname = \"helpers\"\nusers = [\"alice\"]\nverbs = [\"assign\"]\n"
        ),
    );
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\n",
    );
    world.write("/.loginuid", "1000");
    let before = world.read(LOCAL);
    let run = world.cli(&["unassign", "100", "--yes"]);
    run.one_line(
        3,
        &[
            "NO_ROLE",
            "wants an approval (confirm = true) or certain users",
        ],
    );
    assert_eq!(world.read(LOCAL), before);
    // Another profile of the same rule wants the same approval.
    let run = world.cli(&["assign", "100", "new", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(world.read(LOCAL).matches(key).count(), 2);
    world.write("/.loginuid", "0");
    assert_eq!(plan(&world, &["100"], 3)["reason"], reason);
    assert_eq!(world.cli(&["unassign", "100", "--yes"]).code, Some(0));
}

#[test]
fn a_file_does_not_grow_beyond_what_is_read_f1() {
    let world = node();
    // Nine thousand rules, and comments up to the limit.
    let mut full = RULES.to_owned();
    for vmid in 0..9_000 {
        full += &format!(
            "[[allow]]\nvmids=[{}]\nprofiles=[\"old\"]\nearliest=\"2010-01-01\"\nlatest=\"2037-01-01\"\nmax-shift=\"20y\"\n",
            1_000 + 2 * vmid
        );
    }
    let left = 1024 * 1024 - full.len();
    full += &format!("#{}\n", "x".repeat(left - 2));
    world.write(LOCAL, &full);
    let run = world.cli(&["assign", "200", "new", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["would be larger than 1048576 bytes"]);
    assert_eq!(world.read(LOCAL), full);
    // What makes it smaller is fine, and takes no minute.
    let run = world.cli(&["unassign", "1000", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    println!(
        "unassign in a file of 9,000 rules and 1 MiB: {:?}",
        run.took
    );
    assert_eq!(profile(&world, "200"), "old");
}

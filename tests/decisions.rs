//! What pre-start decides, on real files: which profile a VM gets, and within which bounds. A4, A5,
//! B1, B2, B4, B6, and points 3, 5 and 7 of the issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

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

#[test]
fn a_rule_that_wants_a_confirmation_permits_nothing_without_b4() {
    denied(
        "",
        &rule(TARGET, "confirm = true"),
        "CONFIRMATION_MISSING",
        &["confirm"],
    );
}

#[test]
fn the_resulting_time_is_held_within_the_rules_bounds_b2() {
    // Relative targets: those that a file alone can tell are errors of the file.
    let early = rule("-10y", "earliest = \"2020-01-01\"");
    denied(
        "",
        &early,
        "TOO_EARLY",
        &["2020-01-01T00:00:00Z", "allowlist line 5"],
    );
    let late = rule("+10y", "latest = \"2030-12-31\"");
    denied("", &late, "TOO_LATE", &["2030-12-31T23:59:59Z"]);
    let far = rule("-10y", "max-shift = \"9y\"");
    denied("", &far, "SHIFT_TOO_LARGE", &["between them"]);
    denied(
        "",
        &rule("+10y", "max-shift = \"9y\""),
        "SHIFT_TOO_LARGE",
        &[],
    );
    permitted("", &rule("-10y", "max-shift = \"11y\""), &["profile test"]);
    // An anchor makes a fixed target run on: ten years after it, that is beyond the bound.
    let anchored = profile("2016-06-15", "anchor = \"2016-06-14\"");
    let anchored = anchored.replace("2105-12-31", "2016-12-31");
    denied("", &anchored, "TOO_LATE", &[]);
}

#[test]
fn a_year_that_the_machine_would_show_as_another_is_denied() {
    let pc = "2070-01-01T00:00:00Z";
    denied(
        "",
        &allow(pc),
        "MACHINE_CANNOT_HOLD",
        &["machine type pc", "1970 to 2069", pc],
    );
    denied(
        "machine: pc-i440fx-9.2+pve1\n",
        &allow(pc),
        "MACHINE_CANNOT_HOLD",
        &[],
    );
    permitted("machine: q35\n", &allow(pc), &[pc]);
    permitted(
        "",
        &allow("2069-12-31T23:00:00Z"),
        &["2069-12-31T23:00:00Z"],
    );
    let ovmf = "machine: pc-q35-9.2\nbios: ovmf\n";
    let before = allow("1997-12-31T23:59:59Z");
    denied(
        ovmf,
        &before,
        "MACHINE_CANNOT_HOLD",
        &["OVMF", "1998 to 2097"],
    );
    permitted(
        ovmf,
        &allow("1998-01-01T00:00:00Z"),
        &["1998-01-01T00:00:00Z"],
    );
    denied(
        ovmf,
        &allow("2098-01-01T00:00:00Z"),
        "MACHINE_CANNOT_HOLD",
        &[],
    );
}

#[test]
fn a_machine_without_a_reachable_rtc_is_denied_what_only_the_rtc_could_do() {
    let arm = "arch: aarch64\n";
    denied(
        arm,
        &allow(TARGET),
        "MACHINE_CANNOT_HOLD",
        &["not x86", "agent"],
    );
    let agent = allow(TARGET).replace("[\"rtc\"]", "[\"rtc\", \"agent\"]");
    let note = permitted(arm, &agent, &["through its agent"]);
    assert_eq!(note["plan"]["stages"]["rtc"], false);
}

#[test]
fn a_certificate_is_no_target_yet_a4() {
    denied(
        "",
        &allow("cert:10.0.0.20"),
        "CERTIFICATE_NOT_PINNED",
        &["cert:10.0.0.20:443"],
    );
}

#[test]
fn every_form_of_target_is_understood_a4() {
    let offset = |target: &str| {
        let note = permitted("machine: q35\n", &allow(target), &["is to boot at"]);
        note["offset-ns"].as_i64().unwrap()
    };
    let day = 86_400_000_000_000_i64;
    assert_eq!(offset("now"), 0);
    assert_eq!(offset("+90d 4h"), 90 * day + day / 6);
    assert_eq!(offset("-P2W"), -14 * day);
    // A calendar year has 365 or 366 days.
    for (target, years) in [("-10y", -10), ("-P3Y6M", -4), ("+1y", 1)] {
        let days = offset(target) / day;
        assert!((days - years * 365).abs() < 366, "{target}: {days} days");
    }
    for (target, shown) in [
        ("2016-06-15", "2016-06-15T12:00:00Z"),
        ("2016-06-15T12:00:00+02:00", "2016-06-15T10:00:00Z"),
        ("2020-02-29", "2020-02-29T12:00:00Z"),
        ("1999-12-31T23:59:59Z", "1999-12-31T23:59:59Z"),
        ("2038-01-19T03:14:08Z", "2038-01-19T03:14:08Z"),
    ] {
        permitted(
            "",
            &allow(target),
            &[&format!("is to boot at {shown} (host ")],
        );
    }
}

#[test]
fn with_an_anchor_the_clock_runs_on_over_every_start_a5() {
    let text = profile("2016-06-15T12:00:00Z", "anchor = \"2026-06-15T12:00:00Z\"");
    let world = world("", &text);
    let (_, first) = permitted_in(&world, &["profile test"]);
    let (_, second) = permitted_in(&world, &["profile test"]);
    // Ten years with two leap days, whenever it starts.
    assert_eq!(first["offset-ns"], -3652 * 86_400_000_000_000_i64);
    assert_eq!(first["offset-ns"], second["offset-ns"]);
    assert_ne!(first["since"], second["since"]);
}

#[test]
fn on_denied_block_keeps_only_a_start_from_nothing_from_starting() {
    let text = rule("-10y", "earliest = \"2020-01-01\"");
    let text = text.replace("stages", "on-denied = \"block\"\nstages");
    let world = world("", &text);
    let run = world.hook(100, "pre-start");
    run.one_line(1, &["TOO_EARLY", "kept from starting (\"block\")"]);
    assert_eq!(world.note(100), None);
    let run = world.hook_with(&["100", "pre-start"], INCOMING);
    run.one_line(0, &["TOO_EARLY"]);
    world.vm(
        100,
        "lock: suspended\nvmstate: local:100/vm-100-state.raw\n",
    );
    world.hook(100, "pre-start").one_line(0, &["TOO_EARLY"]);
    let kinds: Vec<_> = world
        .audit()
        .iter()
        .map(|line| line["start-kind"].clone())
        .collect();
    assert_eq!(kinds, [Value::Null, "incoming".into(), "resume".into()]);
    // A lock alone is no hibernation.
    world.vm(100, "lock: suspended\n");
    world.hook(100, "pre-start").one_line(1, &["TOO_EARLY"]);
    for phase in ["post-start", "pre-stop", "post-stop"] {
        assert_eq!(world.hook(100, phase).code, Some(0));
    }
}

#[test]
fn block_holds_for_every_denial_that_comes_from_the_profile() {
    let block = |text: String| text.replace("stages", "on-denied = \"block\"\nstages");
    let uuid = "uuid = \"4c4c4544-0042-3510-8052-b4c04f4a3132\"";
    for (allowlist, reason) in [
        (rule("+10y", "latest = \"2030-12-31\""), "TOO_LATE"),
        (rule("-10y", "max-shift = \"9y\""), "SHIFT_TOO_LARGE"),
        (rule(TARGET, uuid), "UUID_MISMATCH"),
        (rule(TARGET, "confirm = true"), "CONFIRMATION_MISSING"),
        (allow("2080-01-01"), "MACHINE_CANNOT_HOLD"),
        (allow("cert:a"), "CERTIFICATE_NOT_PINNED"),
    ] {
        let world = World::with_vm("", &block(allowlist));
        world
            .hook(100, "pre-start")
            .one_line(1, &[reason, "kept from starting"]);
    }
}

#[test]
fn a_resume_and_an_incoming_migration_keep_their_rtc_a1() {
    let world = world("lock: suspended\nvmstate: local:100/x\n", &allow(TARGET));
    let resume = world.hook(100, "pre-start");
    resume.one_line(
        0,
        &["profile test: this start is a resume, its RTC keeps its time"],
    );
    assert_eq!(world.note(100).unwrap()["start-kind"], "resume");
    world.vm(100, "");
    let incoming = world.hook_with(&["100", "pre-start"], INCOMING);
    incoming.one_line(0, &["profile test: this start is an incoming migration"]);
    let note = world.note(100).unwrap();
    assert_eq!(
        (&note["stage"], &note["intent"]),
        (&"left-alone".into(), &Value::Null)
    );
    assert_eq!(world.audit(), Vec::<Value>::new());
}

#[test]
fn what_an_administrator_should_know_is_a_second_line() {
    let world = world(
        "startdate: 2006-06-17\nargs: -rtc base=utc\n",
        &allow(TARGET),
    );
    let (run, _) = permitted_in(&world, &["startdate", "args has an -rtc option"]);
    assert_eq!(run.log().lines().count(), 2, "{run:?}");
    // The default stages: what this version cannot do is said.
    world.vm(100, "");
    world.write(LOCAL, allow(TARGET).replace("stages = [\"rtc\"]\n", ""));
    let (run, _) = permitted_in(&world, &["stage agent"]);
    assert_eq!(run.log().lines().count(), 2, "{run:?}");
}

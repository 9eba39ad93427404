//! Within which bounds, for which target and kind of start.
use super::*;

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
fn a_certificate_that_nobody_has_pinned_is_no_target_a4() {
    denied(
        "",
        &allow("cert:10.0.0.20"),
        "CERTIFICATE_NOT_PINNED",
        &[
            "cert:10.0.0.20:443",
            "run: time-shift cert pin 10.0.0.20:443",
        ],
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
        (
            rule(TARGET, "pve-users = [\"alice@pve\"]"),
            "PVE_USER_NOT_ALLOWED",
        ),
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
    let (run, _) = permitted_in(
        &world,
        &["startdate", "args has an -rtc (or -readconfig) option"],
    );
    assert_eq!(run.log().lines().count(), 2, "{run:?}");
    // The default stages, and a config without the guest agent.
    world.vm(100, "");
    world.write(LOCAL, allow(TARGET).replace("stages = [\"rtc\"]\n", ""));
    let (run, _) = permitted_in(&world, &["AGENT_OFF", "agent: 1"]);
    assert_eq!(run.log().lines().count(), 2, "{run:?}");
}

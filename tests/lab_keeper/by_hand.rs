//! What a person asks for: sync, shift, restore.
use super::*;

#[test]
fn a_guest_that_stood_is_synchronised_by_hand_a6() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);
    guest.monitor().call("stop", json!({}));
    sleep(Duration::from_secs(5));
    guest.monitor().call("cont", json!({}));
    offset_is(&guest, before - 5);
    let run = world.cli(&["sync", "--all", "--json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let rows: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&rows[0]["vmid"], &rows[0]["result"]),
        (&json!(100), &json!("done"))
    );
    offset_is(&guest, before);
}

#[test]
fn a_shift_by_hand_asks_and_keeps_to_the_bounds_a6() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);

    let denied = world.cli(&["shift", "100", "1999-12-31", "--yes"]);
    denied.one_line(3, &["VM 100", "TOO_EARLY", "2000-01-01"]);
    assert_eq!(records(&world, "denied").len(), 1);
    let asked = world.cli(&["shift", "100", "2012-01-01"]);
    asked.one_line(
        2,
        &["Give VM 100 (vm100) the time 2012-01-01T12:00:00Z", "--yes"],
    );
    offset_is(&guest, before);

    let run = world.cli(&["shift", "100", "2012-01-01T00:00:00Z", "--yes"]);
    run.one_line(
        0,
        &["VM 100 (vm100): clock set through the guest agent: 2012-01-01T00:00:"],
    );
    let after = intended(&world);
    assert!(after < before - 4 * 365 * 86_400, "{before} {after}");
    offset_is(&guest, after);
    // Its RTC has followed, so a reboot inside the guest starts from there.
    let rtc = guest.monitor().rtc();
    assert!(rtc.starts_with("2012-01-01T00:0"), "{rtc}");
    // It is kept like one from a start, and under the same rule.
    assert_eq!(swept(&world)["right"], 1);
    assert_eq!(world.note(100).unwrap()["by-hand"], true);
}

#[test]
fn a_guest_gets_the_real_time_back_whatever_the_bounds_a7() {
    let world = world("");
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    // The host's own time is not within these.
    world.write(
        "/etc/time-shift/allowlist.toml",
        allowlist.replace("2105-12-31", "2017-12-31"),
    );
    let guest = kept(&world);
    let asked = world.cli(&["restore", "100"]);
    asked.one_line(2, &["Give the real time back to VM 100", "--yes"]);
    let run = world.cli(&["restore", "100", "--yes"]);
    run.one_line(
        0,
        &["VM 100 (vm100): clock set through the guest agent: 20"],
    );
    offset_is(&guest, 0);
    let off = guest.monitor().rtc_seconds() - jiff::Timestamp::now().as_second();
    assert!(off.abs() <= 2, "the RTC is {off} s off");
    assert_eq!(keep(&world).unwrap()["stage"], "restored");
    assert_eq!(records(&world, "restored").len(), 1);
    // It stays so.
    assert_eq!(swept(&world)["skipped"], 1);
    offset_is(&guest, 0);
}

#[test]
fn a_guest_without_a_shift_is_synchronised_if_a_rule_allows_now_a6() {
    let world = world("");
    let guest = world.launch(100, &OPTIONS);
    guest.booted();
    moved_inside(&world, "2020-01-01 00:00:00");
    let denied = world.cli(&["sync", "100"]);
    denied.one_line(3, &["VM 100", "PROFILE_NOT_ALLOWED", "\"now\""]);
    let allowlist = world
        .read("/etc/time-shift/allowlist.toml")
        .replace("[[allow]]", "[profiles.real]\ntarget = \"now\"\n[[allow]]")
        .replace("profiles = [\"test\"]", "profiles = [\"test\", \"real\"]");
    world.write("/etc/time-shift/allowlist.toml", allowlist);
    world
        .cli(&["sync", "100"])
        .one_line(0, &["VM 100 (vm100): clock set"]);
    offset_is(&guest, 0);
}

#[test]
fn what_cannot_be_done_ends_with_its_own_exit_code_e3() {
    let world = world("");
    world.vm(101, "agent: 1\n");
    world
        .cli(&["sync", "100"])
        .one_line(1, &["VM 100", "QEMU does not run"]);
    world
        .cli(&["sync", "102"])
        .one_line(1, &["VM 102", "no such VM on this node"]);
    world.cli(&["sync"]).says(&["required"]);
    assert_eq!(world.cli(&["sync"]).code, Some(2));
    assert_eq!(world.cli(&["sync", "--all"]).code, Some(0));
    assert_eq!(
        world.cli(&["shift", "100", "yesterday", "--yes"]).code,
        Some(2)
    );
    world.launch(101, &["-m", "q35", "--agent", "--no-guest"]);
    let nobody = world.cli(&["shift", "101", "2012-01-01", "--yes"]);
    nobody.one_line(3, &["VM 101", "NO_RULE"]);
}

//! Guests that go on from a saved state: their RTC has kept the shift, their clock has not.
use support::saved::{resumed, save};

use super::*;

/// Starts a guest again from its saved state, some seconds later.
fn goes_on(world: &World, meanwhile: impl FnOnce(&World)) -> Value {
    let guest = kept(world);
    let before = intended(world);
    save(&guest);
    guest.kill();
    sleep(Duration::from_secs(5));
    world.hook(100, "post-stop").silent();
    meanwhile(world);
    assert_eq!(world.hook(100, "pre-start").code, Some(0));
    let guest = world.launch(100, &resumed(&OPTIONS));
    let after = world.hook(100, "post-start");
    after.one_line(0, &["a resume", "keeps its time"]);
    let keep = until(world, "kept");
    assert!((intended(world) - before).abs() <= 1, "{before}: {keep}");
    offset_is(&guest, intended(world));
    keep
}

#[test]
fn a_guest_that_was_rolled_back_gets_its_offset_again_to_the_millisecond_a6() {
    let world = world("");
    let keep = goes_on(&world, |_| {});
    let off = keep["agent"]["offset-ns"].as_i64().unwrap();
    let outcome = records(&world, "outcome").pop().unwrap();
    assert_eq!(outcome["offset-ns"].as_i64(), Some(off));
    let intent = records(&world, "intent").pop().unwrap();
    assert_eq!(intent["intent"], outcome["intent"]);
    let text = intent["text"].as_str().unwrap();
    assert!(text.contains("as it was before"), "{text}");
}

#[test]
fn without_a_hand_over_the_rtc_says_it_a6() {
    let world = world("");
    goes_on(&world, |world| {
        std::fs::remove_dir_all(world.path("/var/lib/time-shift/guests")).unwrap();
    });
    by_its_rtc(&world);
}

#[track_caller]
fn by_its_rtc(world: &World) {
    let intent = records(world, "intent").pop().unwrap();
    let text = intent["text"].as_str().unwrap();
    assert!(text.contains("as its RTC has kept it"), "{text}");
}

#[test]
fn a_hand_over_that_is_rubbish_is_as_good_as_none_a6_f3() {
    let world = world("");
    goes_on(&world, |world| {
        let own = world.path("/var/lib/time-shift/guests/100.json");
        // Newer than the good one, and no more than a second of its offset right.
        let good: Value = serde_json::from_str(&std::fs::read_to_string(&own).unwrap()).unwrap();
        let mut other = good.clone();
        other["written"] = json!("2036-01-01T00:00:00Z");
        other["offset-ns"] = json!(good["offset-ns"].as_i64().unwrap() + 3_600_000_000_000);
        other["undo"] = json!(["../../bin/sh", "\u{1b}[31m"]);
        world.write("/etc/pve/time-shift/state/100.json", other.to_string());
        std::fs::write(own, "{\"version\": 1, \"vmid\"").unwrap();
    });
    by_its_rtc(&world);
}

#[test]
fn an_offset_that_the_rule_does_not_permit_is_reported_and_not_set_a6() {
    let world = world("");
    let guest = kept(&world);
    save(&guest);
    guest.kill();
    world.hook(100, "post-stop").silent();
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    let narrow = allowlist
        .replace("2000-01-01", "2017-01-01")
        .replace(TARGET, "2018-06-15T12:00:00Z");
    world.write("/etc/time-shift/allowlist.toml", narrow);
    assert_eq!(world.hook(100, "pre-start").code, Some(0));
    world.launch(100, &resumed(&OPTIONS));
    world.hook(100, "post-start");
    until(&world, "denied");
    assert_eq!(
        records(&world, "denied").pop().unwrap()["reason"],
        "TOO_EARLY"
    );
}

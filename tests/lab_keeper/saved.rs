//! Guests that go on from a saved state: their RTC has kept the shift, their clock has not.
use support::saved::{resumed, save};

use super::*;

/// Starts a guest again from its saved state, some seconds later.
fn goes_on(world: &World, forget: bool) -> Value {
    let guest = kept(world);
    let before = intended(world);
    save(&guest);
    guest.kill();
    sleep(Duration::from_secs(5));
    world.hook(100, "post-stop").silent();
    if forget {
        std::fs::remove_dir_all(world.path("/var/lib/time-shift/guests")).unwrap();
    }
    assert_eq!(world.hook(100, "pre-start").code, Some(0));
    let guest = world.launch(100, &resumed(&OPTIONS));
    let after = world.hook(100, "post-start");
    after.one_line(0, &["a resume", "keeps its time"]);
    let keep = until(world, "kept");
    assert!((intended(world) - before).abs() <= 1, "{before}: {keep}");
    offset_is(&guest, before);
    keep
}

#[test]
fn a_guest_that_was_rolled_back_gets_its_offset_again_to_the_millisecond_a6() {
    let world = world("");
    let keep = goes_on(&world, false);
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
    goes_on(&world, true);
    let intent = records(&world, "intent").pop().unwrap();
    let text = intent["text"].as_str().unwrap();
    assert!(text.contains("as its RTC has kept it"), "{text}");
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

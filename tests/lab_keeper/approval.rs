//! A start that somebody approved, long after the approval. B4.
use super::*;

#[test]
fn a_start_that_was_approved_is_covered_to_its_end_b4() {
    let world = world("");
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    world.write(
        "/etc/time-shift/allowlist.toml",
        format!("{allowlist}confirm = true\n"),
    );
    let approved = world.cli(&["approve", "100"]);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    let before = world.hook(100, "pre-start");
    before.one_line(0, &["profile test"]);
    assert_eq!(world.cli(&["revoke", "100"]).code, Some(0));
    let guest = world.launch(100, &OPTIONS);
    assert_eq!(world.hook(100, "post-start").code, Some(0));
    // The worker asks policy again, and so does each sweep.
    until(&world, "kept");
    let intended = intended(&world);
    offset_is(&guest, intended);
    guest.monitor().call("stop", json!({}));
    sleep(Duration::from_secs(4));
    guest.monitor().call("cont", json!({}));
    let run = world.cli(&["sync", "100"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    offset_is(&guest, intended);
    // Another time is another matter.
    let run = world.cli(&["shift", "100", "2012-01-01", "--yes"]);
    run.one_line(3, &["CONFIRMATION_MISSING", "time-shift approve 100"]);
    assert_eq!(world.cli(&["approve", "100"]).code, Some(0));
    let run = world.cli(&["shift", "100", "2012-01-01", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(world.cli(&["revoke", "100"]).code, Some(0));
    assert_eq!(swept(&world)["right"], 1);
    // So is another start.
    assert_eq!(world.hook(100, "post-stop").code, Some(0));
    world
        .hook(100, "pre-start")
        .one_line(0, &["CONFIRMATION_MISSING"]);
}

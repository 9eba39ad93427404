//! `time-shift status`.
use super::*;

#[test]
fn status_follows_a_start_from_its_plan_to_its_end() {
    let world = world();
    assert_eq!(status(&world, &[]), Vec::<Value>::new());
    world
        .cli(&["status"])
        .says(&["No VM was started with another time."]);
    fs::remove_dir(world.path("/run/time-shift")).unwrap();
    assert_eq!(status(&world, &[]), Vec::<Value>::new());

    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let note = world.note(100).unwrap();
    let expected = json!([{
        "vmid": 100, "profile": "test", "start_kind": null, "stage": "planned", "verified": null,
        "offset_ns": note["offset-ns"], "error_ns": null, "guest_time": null, "seen": null,
        "restore_by": null, "remark": null, "since": note["since"],
    }]);
    assert_eq!(Value::from(status(&world, &[])), expected);

    let fake = world.fake(100, &[]);
    world.hook(100, "post-start").one_line(0, &["RTC set to"]);
    let note = world.note(100).unwrap();
    let mut row = status(&world, &["100"]).pop().unwrap();
    let shown = row["guest_time"].take();
    let expected = json!({
        "vmid": 100, "profile": "test", "start_kind": "cold", "stage": "rtc-set", "verified": true,
        "offset_ns": note["rtc"]["offset-ns"], "error_ns": note["rtc"]["error-ns"],
        "guest_time": null, "seen": null, "restore_by": null, "remark": note["remark"],
        "since": note["since"],
    });
    assert_eq!(row, expected);
    let shown: jiff::Timestamp = shown.as_str().unwrap().parse().unwrap();
    let begun: jiff::Timestamp = TARGET.parse().unwrap();
    assert!(
        (0..30).contains(&(shown.as_second() - begun.as_second())),
        "{shown}"
    );
    let text = world.cli(&["status"]);
    assert_eq!(text.out.lines().count(), 2, "{text:?}");
    text.says(&[
        "VMID",
        "PROFILE",
        "100",
        "test",
        "cold",
        "rtc-set",
        "yes",
        "2016-06-15T12:00:",
    ]);

    drop(fake);
    let row = status(&world, &[]).pop().unwrap();
    assert_eq!(
        (&row["stage"], &row["guest_time"]),
        (&"ended".into(), &Value::Null)
    );
    world.hook(100, "post-stop").silent();
    assert_eq!(status(&world, &["100"]), Vec::<Value>::new());
}

#[test]
fn status_shows_only_the_vms_that_were_asked_for() {
    let world = world();
    world.write(LOCAL, allow(TARGET).replace("[100]", "[100, 101, 102]"));
    for vmid in [102, 100, 101] {
        world.vm(vmid, "");
        world.hook(vmid, "pre-start").one_line(0, &["profile test"]);
    }
    let vmids = |arguments: &[&str]| -> Vec<u64> {
        let rows = status(&world, arguments);
        rows.iter()
            .map(|row| row["vmid"].as_u64().unwrap())
            .collect()
    };
    assert_eq!(vmids(&[]), [100, 101, 102]);
    assert_eq!(vmids(&["101"]), [101]);
    assert_eq!(vmids(&["102", "100", "400"]), [102, 100]);
    assert_eq!(vmids(&["400"]), [0; 0]);
}

#[test]
fn a_state_that_cannot_be_read_is_a_failure_of_status() {
    let world = world();
    world.write("/run/time-shift/100.json", "{}");
    world
        .cli(&["status"])
        .one_line(1, &["/run/time-shift/100.json is no state of this program"]);
    let folder = world.path("/run/time-shift");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
    world
        .cli(&["status", "--json"])
        .one_line(1, &["/run/time-shift belongs to user 0 with mode 0777"]);
}

#[test]
fn a_state_that_cannot_be_read_hides_no_other() {
    let world = world();
    world.hook(100, "pre-start");
    world.write("/run/time-shift/101.json", "{}");
    let run = world.cli(&["status"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert!(run.out.contains("\n100   test "), "{run:?}");
    assert!(
        run.err.contains("/run/time-shift/101.json is no state"),
        "{run:?}"
    );
}

//! The sweep: what was moved is set again, what is over is given back.
use nix::sys::signal::{Signal, kill};

use super::*;

#[test]
fn a_clock_that_was_put_back_is_reported_and_set_again_a9() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);
    for time in 1..=6 {
        let now = jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M:%S");
        moved_inside(&world, &now.to_string());
        let report = swept(&world);
        let undone = records(&world, "undone");
        assert_eq!(undone.len(), time, "{undone:?}");
        let text = undone[time - 1]["text"].as_str().unwrap();
        assert!(text.contains("that is the host's time"), "{text}");
        if time <= 5 {
            assert_eq!(report["set"], 1, "{time}: {report} {:?}", keep(&world));
            offset_is(&guest, before);
        } else {
            // A fight that cannot be won is not fought on.
            assert_eq!(report["left"], 1, "{report}");
            assert!(text.contains("5 times within an hour"), "{text}");
            assert!(guest.ahead().abs() <= 4, "{}", guest.ahead());
        }
    }
    assert_eq!(keep(&world).unwrap()["stage"], "unverified");
    // Nothing new happened, so nothing is said again.
    let report = swept(&world);
    assert_eq!(report["left"], 1, "{report} {:?}", keep(&world));
    assert_eq!(records(&world, "undone").len(), 6);
}

#[test]
fn with_on_undo_report_it_is_only_reported_a9() {
    let world = world("on-undo = \"report\"\n");
    let guest = kept(&world);
    moved_inside(&world, "2019-05-01 12:00:00");
    assert_eq!(swept(&world)["left"], 1);
    let undone = records(&world, "undone");
    let text = undone[0]["text"].as_str().unwrap();
    assert!(
        text.contains("on-undo") && text.contains("a reboot of the guest"),
        "{text}"
    );
    assert!(guest.ahead() > intended(&world) + 86_400);
}

#[test]
fn a_reset_guest_has_its_time_again_within_a_minute_of_its_agent_a9() {
    let world = world("");
    let guest = kept(&world);
    let before = intended(&world);
    // A systemd guest comes back at systemd's epoch; this one is told another time while it is up.
    guest.monitor().call("system_reset", json!({}));
    let begun = Instant::now();
    while guest.serial().matches("LAB ready").count() < 2 {
        assert!(begun.elapsed() < LIMIT, "it does not come back");
        sleep(Duration::from_millis(50));
    }
    moved_inside(&world, "2026-04-01 00:00:00");
    assert_eq!(swept(&world)["set"], 1);
    offset_is(&guest, before);
}

#[test]
fn what_is_over_is_given_back_by_the_sweep_a7() {
    let world = world("restore-after = \"1s\"\n");
    let guest = kept(&world);
    sleep(Duration::from_secs(1));
    assert_eq!(swept(&world)["restored"], 1);
    offset_is(&guest, 0);
    assert_eq!(keep(&world).unwrap()["stage"], "restored");
    assert_eq!(swept(&world)["restored"], 0);
}

#[test]
fn when_it_is_over_is_known_by_the_clock_that_never_steps_a7() {
    const KEEP: &str = "/run/time-shift/100.keep.json";
    let world = world("restore-after = \"1h\"\n");
    let guest = kept(&world);
    let before = intended(&world);
    let known = keep(&world).unwrap();
    let put = |by: &str, at: Value| {
        let mut keep = known.clone();
        keep["restore-by"] = json!(by);
        keep["restore-at"] = at;
        std::fs::write(world.path(KEEP), keep.to_string()).unwrap();
    };
    // The host's clock was behind when the guest started, and has been set since.
    assert!(known["restore-at"].is_u64(), "{known}");
    put("2020-01-01T00:00:00Z", known["restore-at"].clone());
    assert_eq!(swept(&world)["restored"], 0);
    offset_is(&guest, before);
    // It was ahead, and its hour is over.
    put("2100-01-01T00:00:00Z", json!(1));
    assert_eq!(swept(&world)["restored"], 1);
    offset_is(&guest, 0);
    assert_eq!(keep(&world).unwrap()["restore-by"], Value::Null);
}

#[test]
fn two_sweeps_at_once_do_no_harm_a7() {
    let world = world("restore-after = \"1s\"\n");
    let guest = kept(&world);
    sleep(Duration::from_secs(1));
    let sweeps: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| swept(&world))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let restored: i64 = sweeps
        .iter()
        .map(|report| report["restored"].as_i64().unwrap())
        .sum();
    assert_eq!(restored, 1, "{sweeps:?}");
    assert_eq!(records(&world, "restored").len(), 1);
    offset_is(&guest, 0);
}

#[test]
fn a_changed_allowlist_or_config_is_written_down_once_whoever_changed_it_d2() {
    let world = world("");
    // The first sweep only learns it.
    swept(&world);
    assert_eq!(records(&world, "config-changed").len(), 0);
    let file = "/etc/time-shift/allowlist.toml";
    world.write(file, world.read(file).replace("2105", "2104"));
    swept(&world);
    swept(&world);
    let changed = records(&world, "config-changed");
    assert_eq!(changed.len(), 1, "{changed:?}");
    let text = changed[0]["text"].as_str().unwrap();
    assert!(
        text.contains(file) && text.matches("SHA-256").count() == 2,
        "{text}"
    );
    let settings = "/etc/time-shift/config.toml";
    world.write(settings, world.read(settings) + "# changed\n");
    swept(&world);
    swept(&world);
    let changed = records(&world, "config-changed");
    assert_eq!(changed.len(), 2, "{changed:?}");
    let text = changed[1]["text"].as_str().unwrap();
    assert!(
        text.starts_with(
            "config.toml was changed: it was /etc/time-shift/config.toml with SHA-256"
        ),
        "{text}"
    );
    world.write(file, "version = 1\nversion = 1\n");
    swept(&world);
    let text = records(&world, "config-changed").pop().unwrap()["text"].to_string();
    assert!(
        text.contains("which allows nothing (ALLOWLIST_INVALID)"),
        "{text}"
    );
}

#[test]
fn an_intent_without_an_outcome_is_closed_by_the_sweep_with_what_the_guest_shows_d3() {
    let world = world("");
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    // Its post-start never comes.
    let guest = world.launch(100, &OPTIONS);
    guest.booted();
    drop(guest.agent());
    swept(&world);
    assert_eq!(
        records(&world, "closed").len(),
        0,
        "a start may take a while"
    );
    let log = "/var/log/time-shift/audit.log";
    let intent = records(&world, "intent").pop().unwrap();
    let time = intent["time"].as_str().unwrap();
    let half = jiff::SignedDuration::from_mins(30);
    let earlier = (time.parse::<jiff::Timestamp>().unwrap() - half).to_string();
    world.write(log, world.read(log).replace(time, &earlier));
    swept(&world);
    swept(&world);
    let closed = records(&world, "closed");
    assert_eq!(closed.len(), 1, "once: {closed:?}");
    assert_eq!(closed[0]["intent"], intent["intent"]);
    let text = closed[0]["text"].as_str().unwrap();
    assert!(text.contains("; the guest's clock shows 20"), "{text}");
    // Nobody has set it.
    let offset = closed[0]["offset-ns"].as_i64().unwrap();
    assert!(offset.abs() < 4_000_000_000, "{offset}");
    assert!(!world.cli(&["check"]).out.contains("unfinished"));
}

#[test]
fn a_vm_that_stopped_without_a_word_is_forgotten_a9() {
    let world = world("");
    let guest = kept(&world);
    guest.kill();
    assert_eq!(swept(&world)["ended"], 1);
    assert_eq!(records(&world, "ended").len(), 1);
    assert!(world.note(100).is_none() && keep(&world).is_none());
}

#[test]
fn a_worker_that_was_killed_is_replaced_by_the_sweep_a3_f3() {
    let world = world("");
    let (guest, _, _) = world.start(100, &["-m", "q35", "--agent", "--", "-S"]);
    until(&world, "waiting");
    kill(worker(&world).unwrap(), Signal::SIGKILL).unwrap();
    wait_until("the worker is gone", || worker(&world).is_none());
    guest.monitor().call("cont", json!({}));
    guest.booted();
    let begun = Instant::now();
    while swept(&world)["set"] != 1 {
        assert!(begun.elapsed() < LIMIT, "never set: {:?}", keep(&world));
        sleep(Duration::from_millis(500));
    }
    assert_eq!(keep(&world).unwrap()["stage"], "kept");
    offset_is(&guest, intended(&world));
}

#[test]
fn a_guest_that_reboots_is_looked_at_again_by_the_next_sweep_a9() {
    let world = world("");
    let guest = kept(&world);
    guest.monitor().call("system_reset", json!({}));
    assert_eq!(swept(&world)["unreachable"], 1);
    assert_eq!(keep(&world).unwrap()["not-before"], Value::Null);
    let begun = Instant::now();
    while guest.serial().matches("LAB ready").count() < 2 {
        assert!(begun.elapsed() < LIMIT, "it does not come back");
        sleep(Duration::from_millis(50));
    }
    drop(guest.agent());
    let report = swept(&world);
    assert_eq!(report["unreachable"], 0, "{report}");
    offset_is(&guest, intended(&world));
}

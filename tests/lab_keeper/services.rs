//! The time services in a guest, by commands of the allowlist: here a file that is moved away and back.
use super::*;

/// Where the stopped services are kept.
const HANDOVER: &str = "/var/lib/time-shift/guests/100.json";

/// A profile that stops the service by `stop`, asks for it by `query` and starts it by `undo`, each a
/// shell-like line of program and arguments. Without `query` it is stopped whether it runs or not.
fn world_with(query: &str, stop: &str, undo: &str) -> World {
    let world = world("time-service = \"stop\"\nguest-commands = [\"stop\"]\n");
    let mut allowlist = world.read("/etc/time-shift/allowlist.toml");
    let asks = match query {
        "" => "",
        _ => "query = \"query\"",
    };
    let query = if query.is_empty() { RUNS } else { query };
    let stops = format!("does = \"stop\"\nundo = \"undo\"\n{asks}");
    let lines = [
        ("query", query, "does = \"query\""),
        ("stop", stop, stops.as_str()),
        ("undo", undo, "does = \"start\""),
        ("unlisted", "/bin/touch /run/unlisted", "does = \"stop\""),
    ];
    for (name, line, more) in lines {
        let mut words = line.split(' ');
        let path = words.next().unwrap();
        let args: Vec<&str> = words.collect();
        allowlist.push_str(&format!(
            "[[guest-command]]\nname = \"{name}\"\npath = \"{path}\"\nargs = {args:?}\n{more}\n"
        ));
    }
    world.write("/etc/time-shift/allowlist.toml", allowlist);
    world
}

const RUNS: &str = "/bin/ls /debian-init";
const STOP: &str = "/bin/mv /debian-init /run/stopped";
const START: &str = "/bin/mv /run/stopped /debian-init";

fn handover(world: &World) -> Option<Value> {
    serde_json::from_str(&world.read(HANDOVER)).ok()
}

fn is_there(guest: &Guest<'_>, file: &str) -> bool {
    guest.agent().shell(&format!("[ -e {file} ]")).code == Some(0)
}

/// The commands that were run, and when the clock was set among them.
fn order(world: &World) -> Vec<String> {
    let audit = world.audit().into_iter();
    audit
        .filter(|line| line["event"] == "command" || line["event"] == "outcome")
        .map(|line| line["text"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_service_is_stopped_before_the_clock_is_set_and_started_with_the_real_time_a7_a8() {
    let world = world_with(RUNS, STOP, START);
    let guest = kept(&world);
    assert!(is_there(&guest, "/run/stopped"));
    assert!(!is_there(&guest, "/run/unlisted"));
    let order = order(&world);
    let at = |part: &str| {
        order
            .iter()
            .position(|text| text.contains(part))
            .expect(part)
    };
    assert!(at("command query ended with 0") < at("command stop ended with 0"));
    assert!(
        at("command stop ended with 0") < at("clock set through"),
        "{order:?}"
    );
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));

    world
        .cli(&["restore", "100", "--yes"])
        .one_line(0, &["clock set through the guest agent: 20"]);
    assert!(is_there(&guest, "/debian-init"));
    assert_eq!(handover(&world), None);
    offset_is(&guest, 0);
}

#[test]
fn what_was_stopped_is_started_again_whatever_became_of_the_hosts_clock_a7_a8() {
    let world = world_with(RUNS, STOP, START);
    let guest = kept(&world);
    let put = |key: &str, value: Value| {
        let mut known = handover(&world).unwrap();
        known[key] = value;
        std::fs::write(world.path(HANDOVER), known.to_string()).unwrap();
    };
    // The host's clock was stepped back between the start and this.
    put("written", json!("2001-01-01T00:00:00Z"));
    let run = world.cli(&["restore", "100", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(is_there(&guest, "/debian-init"));
    assert_eq!(handover(&world), None);
}

#[test]
fn what_an_earlier_life_left_is_not_this_ones_though_it_seems_newer_a7_a8() {
    let world = world_with(RUNS, STOP, START);
    let guest = kept(&world);
    let mut known = handover(&world).unwrap();
    known["written"] = json!("2100-01-01T00:00:00Z");
    known["life"]["generation"]["start_ticks"] = json!(1);
    std::fs::write(world.path(HANDOVER), known.to_string()).unwrap();
    assert_eq!(world.cli(&["restore", "100", "--yes"]).code, Some(0));
    assert!(is_there(&guest, "/run/stopped"));
    let undo = order(&world)
        .iter()
        .any(|text| text.contains("command undo"));
    assert!(!undo, "{:?}", order(&world));
}

#[test]
fn what_does_not_run_is_not_stopped_a8() {
    let world = world_with("/bin/ls /nothing", STOP, START);
    let guest = kept(&world);
    assert!(is_there(&guest, "/debian-init"));
    assert_eq!(handover(&world).unwrap()["undo"], json!([]));
}

#[test]
fn what_starts_it_again_is_known_before_it_is_stopped_a8_f3() {
    let world = world_with(RUNS, "/bin/sleep 4", START);
    world.start(100, &OPTIONS);
    let begun = Instant::now();
    while handover(&world).is_none() {
        assert!(begun.elapsed() < LIMIT);
        sleep(Duration::from_millis(10));
    }
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));
    assert!(
        !order(&world)
            .iter()
            .any(|text| text.contains("command stop"))
    );
    until(&world, "kept");
    // Its exit code is all that counts.
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));
}

#[test]
fn a_service_that_does_not_start_again_is_reported_and_remembered_a7_a8() {
    let world = world_with(RUNS, STOP, "/bin/ls /nowhere");
    let guest = kept(&world);
    let run = world.cli(&["restore", "100", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "did not start a time service again: undo (ended with 1)",
        "in the guest",
    ]);
    assert_eq!(keep(&world).unwrap()["stage"], "restored");
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));
    offset_is(&guest, 0);
    // Asked again, once it can be done, it is done.
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    let right = allowlist.replace(
        "\"/bin/ls\"\nargs = [\"/nowhere\"]",
        "\"/bin/mv\"\nargs = [\"/run/stopped\", \"/debian-init\"]",
    );
    assert_ne!(allowlist, right);
    world.write("/etc/time-shift/allowlist.toml", right);
    world
        .cli(&["restore", "100", "--yes"])
        .one_line(0, &["the clock is right"]);
    assert!(is_there(&guest, "/debian-init"));
    assert_eq!(handover(&world), None);
}

#[test]
fn a_guest_that_runs_no_commands_gets_its_time_all_the_same_a8() {
    let world = world_with(RUNS, STOP, START);
    let daemon = Daemon::listen(&world);
    let options = [&OPTIONS[..], &["--append", "lab.agent-blocks=guest-exec"]].concat();
    let (guest, _, _) = world.start(100, &options);
    until(&world, "kept");
    offset_is(&guest, intended(&world));
    let said = daemon.said().join("\n");
    assert!(
        said.contains("no time service was stopped") && said.contains("guest-exec is blocked"),
        "{said}"
    );
}

#[test]
fn what_was_stopped_once_is_started_again_though_it_cannot_be_stopped_twice_a7_a8() {
    let world = world_with("", STOP, START);
    let guest = kept(&world);
    moved_inside(&world, "2019-05-01 12:00:00");
    assert_eq!(swept(&world)["set"], 1);
    let order = order(&world);
    let failed = |text: &&String| text.contains("command stop ended with 1");
    assert_eq!(order.iter().filter(failed).count(), 1, "{order:?}");
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));
    world.cli(&["restore", "100", "--yes"]);
    assert!(is_there(&guest, "/debian-init"));
}

#[test]
fn what_was_stopped_before_a_boot_runs_again_after_it_a8() {
    let world = world_with(RUNS, STOP, START);
    let guest = kept(&world);
    assert_eq!(handover(&world).unwrap()["undo"], json!(["undo"]));
    guest.kill();
    world.hook(100, "post-stop").silent();
    let text = world.read("/etc/time-shift/allowlist.toml");
    let other = text.replace("[\"/debian-init\"]", "[\"/nothing\"]");
    assert_ne!(text, other);
    world.write("/etc/time-shift/allowlist.toml", other);
    kept(&world);
    assert_eq!(handover(&world).unwrap()["undo"], json!([]));
}

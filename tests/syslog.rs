//! What reaches the system's log, and that no log ever holds or fails a start. D1 and point 9 of the
//! issue.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::time::Duration;

use support::{Run, World, allow, journal};
use time_shift::audit::{Hash, Sealer};

const CONFIG: &str = "/etc/time-shift/config.toml";
const TARGET: &str = "2016-06-15T12:00:00Z";

/// A node with a syslog daemon that has received nothing yet.
fn world() -> (World, UnixDatagram) {
    let world = World::with_vm("ostype: other\n", &allow(TARGET));
    let daemon = UnixDatagram::bind(journal(&world)).unwrap();
    daemon.set_nonblocking(true).unwrap();
    (world, daemon)
}

/// All that has arrived, but for the seals of the trail.
fn arrived(daemon: &UnixDatagram) -> Vec<String> {
    let mut messages = all_arrived(daemon);
    messages.retain(|message| !message.contains("trail sealed: "));
    messages
}

fn all_arrived(daemon: &UnixDatagram) -> Vec<String> {
    let mut buffer = [0; 65536];
    let mut messages = Vec::new();
    while let Ok(length) = daemon.recv(&mut buffer) {
        messages.push(String::from_utf8(buffer[..length].to_vec()).unwrap());
    }
    messages
}

/// Exactly one message, in RFC 3164's form with this priority; its text comes back.
#[track_caller]
fn rfc3164(daemon: &UnixDatagram, priority: u8) -> String {
    let messages = arrived(daemon);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let message = &messages[0];
    assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
    let rest = message.strip_prefix(&format!("<{priority}>"));
    let rest = rest.unwrap_or_else(|| panic!("not <{priority}>: {message}"));
    // `Mmm dd hh:mm:ss `, with a blank for the first digit of a day below 10.
    let (time, rest) = rest.split_at(16);
    let shape: String = time
        .chars()
        .map(|c| match c {
            '0'..='9' => '0',
            'A'..='Z' | 'a'..='z' => 'a',
            other => other,
        })
        .collect();
    assert_eq!(
        shape.replace("a  0", "a 00"),
        "aaa 00 00:00:00 ",
        "{message}"
    );
    let (tag, text) = rest.split_once(": ").unwrap();
    let pid = tag
        .strip_prefix("time-shift[")
        .and_then(|tag| tag.strip_suffix(']'));
    assert!(pid.unwrap().parse::<u32>().is_ok(), "{message}");
    text.to_owned()
}

/// The text of the task log's one line.
#[track_caller]
fn line(run: &Run) -> String {
    run.one_line(0, &[]);
    run.log()
        .trim_end()
        .strip_prefix("time-shift: ")
        .unwrap()
        .to_owned()
}

#[test]
fn each_line_of_the_task_log_is_also_in_syslog_by_its_severity() {
    let (world, daemon) = world();
    // daemon is facility 3: notice 29, warning 28, error 27.
    let run = world.hook(100, "pre-start");
    assert_eq!(rfc3164(&daemon, 29), line(&run));
    let run = world.hook(100, "post-start");
    assert_eq!(rfc3164(&daemon, 27), line(&run));
    world.write("/etc/time-shift/allowlist.toml", "version = 2\n");
    let run = world.hook(100, "pre-start");
    assert_eq!(rfc3164(&daemon, 28), line(&run));
    world.write("/etc/time-shift/allowlist.toml", "version = 1\n");
    for phase in ["pre-start", "post-start", "pre-stop", "post-stop"] {
        world.hook(100, phase).silent();
    }
    assert_eq!(arrived(&daemon), [""; 0]);
    // So it is where no intent can be written down.
    world.write("/etc/time-shift/allowlist.toml", allow(TARGET));
    fs::remove_dir_all(world.path("/var/log/time-shift")).unwrap();
    symlink("/root", world.path("/var/log/time-shift")).unwrap();
    let run = world.hook(100, "pre-start");
    let (said, messages) = (run.log(), arrived(&daemon));
    assert_eq!((messages.len(), said.lines().count()), (2, 2), "{said}");
    for (message, line) in messages.iter().zip(said.lines()) {
        assert!(message.starts_with("<28>"), "{message}");
        let text = line.strip_prefix("time-shift: ").unwrap();
        assert!(message.ends_with(&format!("]: {text}")), "{message}");
    }
    assert!(messages[1].contains("clock left alone: INTENT_NOT_LOGGED"));
}

/// Makes the heads of the trail an hour older, which only somebody who has the key can.
fn an_hour_passes(world: &World) {
    let key = fs::read(world.path("/var/lib/time-shift/audit.key")).unwrap();
    let sealer = Sealer::new(&key.try_into().unwrap());
    let path = world.path("/var/lib/time-shift/audit-head.json");
    let mut aged = String::new();
    for line in fs::read_to_string(&path).unwrap().lines() {
        let mut head = line.trim_end().to_owned();
        if let Some((members, _)) = head.split_once(",\"prev\"") {
            let (before, rest) = members.split_once("\"hour\":").unwrap();
            let digits = rest
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(rest.len());
            let hour: i64 = rest[..digits].parse().unwrap();
            let object = format!(
                "{before}\"hour\":{}{}}}",
                (hour - 1).max(0),
                &rest[digits..]
            );
            let mut bytes = object.into_bytes();
            sealer.seal("audit-head.json", &mut bytes, Hash::ZERO);
            head = String::from_utf8(bytes).unwrap().trim_end().to_owned();
        }
        aged.push_str(&format!("{head:511}\n"));
    }
    fs::write(path, aged).unwrap();
}

#[test]
fn the_last_record_before_a_silence_is_sealed_within_the_hour_and_a_cut_end_is_found_d4() {
    let (world, daemon) = world();
    let seals = || {
        let mut messages = all_arrived(&daemon);
        messages.retain(|message| message.contains("trail sealed: "));
        messages
    };
    let sweep = || {
        let run = world.cli(&["sweep"]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    };
    let shell = |script: &str| {
        let run = Run::of(world.command("sh").args(["-ec", script]));
        assert_eq!(run.code, Some(0), "{run:?}");
    };
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    let first = seals();
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(first[0].contains("trail sealed: audit.log:1:"), "{first:?}");
    shell("cp -a /var/log/time-shift /root/log; cp -a /var/lib/time-shift /root/data");
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    sweep();
    assert_eq!(seals(), [""; 0], "not more often");
    an_hour_passes(&world);
    sweep();
    let second = seals();
    assert_eq!(second.len(), 1, "{second:?}");
    let (_, seal) = second[0].split_once("trail sealed: ").unwrap();
    let hash = world.audit()[1]["hash"].as_str().unwrap().to_owned();
    assert_eq!(seal, format!("audit.log:2:{hash}"));
    an_hour_passes(&world);
    sweep();
    assert_eq!(seals(), [""; 0], "nothing is new");
    let verify = |arguments: &[&str]| world.cli(&[&["audit", "verify"], arguments].concat());
    assert_eq!(verify(&["--seal", seal]).code, Some(0));
    // Root cuts the end off and puts back where the chain stood.
    shell("cp -a /root/log/. /var/log/time-shift; cp -a /root/data/. /var/lib/time-shift");
    assert_eq!(world.audit().len(), 1);
    assert_eq!(verify(&[]).code, Some(0), "the files alone do not show it");
    let run = verify(&["--seal", seal]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["removed: a record whose seal was given is not there (record 2)"]);
}

#[test]
fn a_blocked_start_is_an_error_in_syslog() {
    let (world, daemon) = world();
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    world.write("/etc/time-shift/allowlist.toml", "version = 2\n");
    assert_eq!(world.hook(100, "pre-start").code, Some(1));
    assert!(rfc3164(&daemon, 27).contains("ALLOWLIST_INVALID"));
}

#[test]
fn the_facility_and_the_socket_are_those_of_config_toml() {
    let (world, daemon) = world();
    for (facility, code) in [("auth", 4), ("authpriv", 10), ("local7", 23)] {
        world.write(CONFIG, format!("[syslog]\nfacility = \"{facility}\"\n"));
        line(&world.hook(100, "pre-start"));
        rfc3164(&daemon, code * 8 + 5);
    }
    world.write(CONFIG, "[syslog]\nenabled = false\n");
    line(&world.hook(100, "pre-start"));
    assert_eq!(arrived(&daemon), [""; 0]);
    let other = UnixDatagram::bind(world.path("/run/other-log")).unwrap();
    other.set_nonblocking(true).unwrap();
    let format = "[syslog]\nformat = \"rfc3164\"\n[paths]\nsyslog = \"/run/other-log\"\n";
    world.write(CONFIG, format);
    line(&world.hook(100, "pre-start"));
    assert_eq!(arrived(&daemon), [""; 0]);
    rfc3164(&other, 29);
}

#[test]
fn rfc5424_carries_the_vm_and_the_event_as_structured_data_d1() {
    let (world, daemon) = world();
    // Where the socket is not journald's it is the default.
    fs::remove_file(world.path("/dev/log")).unwrap();
    let other = UnixDatagram::bind(world.path("/dev/log")).unwrap();
    other.set_nonblocking(true).unwrap();
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    assert!(arrived(&other)[0].starts_with("<29>1 20"));
    fs::remove_file(world.path("/dev/log")).unwrap();
    symlink("/run/systemd/journal/dev-log", world.path("/dev/log")).unwrap();
    world.write(CONFIG, "[syslog]\nformat = \"rfc5424\"\n");
    let run = world.hook(100, "pre-start");
    let messages = arrived(&daemon);
    assert_eq!(messages.len(), 1, "{messages:?}");
    // RFC 5424 section 6: PRI VERSION TIMESTAMP HOSTNAME APP-NAME PROCID MSGID SD MSG
    let fields: Vec<&str> = messages[0].splitn(7, ' ').collect();
    assert_eq!(fields[0], "<29>1");
    assert!(fields[1].parse::<jiff::Timestamp>().is_ok(), "{fields:?}");
    assert_eq!((fields[2], fields[3]), ("lab1", "time-shift"));
    assert!(fields[4].parse::<u32>().is_ok(), "{fields:?}");
    let (data, text) = fields[6].split_once("] ").unwrap();
    assert!(data.starts_with("[time-shift@32473 "), "{data}");
    for parameter in [" event=\"intent\"", " vmid=\"100\""] {
        assert!(data.contains(parameter), "{data}");
    }
    assert_eq!(text, line(&run));
    world.write("/etc/time-shift/allowlist.toml", "version = 2\n");
    line(&world.hook(100, "pre-start"));
    let messages = arrived(&daemon);
    assert!(messages[0].starts_with("<28>1 ") && messages[0].contains("event=\"denied\""));
}

#[test]
fn a_hostile_name_cannot_forge_a_message() {
    for format in ["rfc3164", "rfc5424"] {
        let (world, daemon) = world();
        world.write(CONFIG, format!("[syslog]\nformat = \"{format}\"\n"));
        let names: [&[u8]; 4] = [
            b"\x1b[31m\x07<0>1 forged",
            b"a\"] \\forged [x@1 vmid=\"200\"]",
            b"\xff\x85\x9b\xe2\x80\xa8",
            &[b'y'; 10_000],
        ];
        for name in names {
            let mut config = b"name: ".to_vec();
            config.extend(name);
            world.write("/etc/pve/nodes/lab1/qemu-server/100.conf", config);
            line(&world.hook(100, "pre-start"));
            let messages = arrived(&daemon);
            assert_eq!(messages.len(), 1, "{messages:?}");
            let message = &messages[0];
            assert!(message.starts_with("<29>"), "{message}");
            assert!(!message.contains(|c: char| c.is_control()), "{message:?}");
            // RFC 5424 section 6.1: what every receiver takes.
            assert!(message.len() <= 2048, "{}", message.len());
            if format == "rfc5424" {
                assert!(
                    message.contains("[time-shift@32473 event=\"intent\" vmid=\"100\"] VM 100 (")
                );
            }
        }
    }
}

/// A start takes no longer than with nothing in its way, and says nothing about the log.
#[track_caller]
fn not_held(world: &World) {
    for _ in 0..3 {
        let run = world.hook(100, "pre-start");
        run.one_line(0, &["profile test"]);
        assert!(run.took < Duration::from_secs(1), "{run:?}");
        assert!(world.note(100).is_some());
    }
}

#[test]
fn no_state_of_the_log_socket_delays_or_fails_a_start_d1() {
    let world = World::with_vm("", &allow(TARGET));
    let log = world.path("/dev/log");
    not_held(&world);
    // Nobody reads any more.
    drop(UnixDatagram::bind(&log).unwrap());
    not_held(&world);
    // A daemon that does not read, with a full queue.
    fs::remove_file(&log).unwrap();
    let stuck = UnixDatagram::bind(&log).unwrap();
    let sender = UnixDatagram::unbound().unwrap();
    sender.set_nonblocking(true).unwrap();
    while sender.send_to(b"x", &log).is_ok() {}
    not_held(&world);
    drop(stuck);
    // Not a datagram socket, a file, a folder, a dangling link.
    fs::remove_file(&log).unwrap();
    let stream = UnixListener::bind(&log).unwrap();
    not_held(&world);
    drop(stream);
    fs::remove_file(&log).unwrap();
    fs::write(&log, "").unwrap();
    not_held(&world);
    assert_eq!(fs::read(&log).unwrap(), b"");
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    not_held(&world);
    fs::remove_dir(&log).unwrap();
    symlink("nowhere", &log).unwrap();
    not_held(&world);
}

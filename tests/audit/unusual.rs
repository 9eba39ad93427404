//! What is unusual in the trail, found in its files by the command line, and said by the sweep once. D6.
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::support::{Daemon, Run, World, allow};

const TARGET: &str = "2016-06-15T12:00:00Z";
const DAY: i64 = 86_400;

/// A trail in the making, from thirty-one days before yesterday on.
struct Story {
    begin: Timestamp,
    logs: BTreeMap<&'static str, Vec<(i64, String)>>,
}

impl Story {
    /// Thirty days of office hours: starts of two VMs that last an hour or so, now and then a denial, a
    /// mistyped password, a clock put back once, a changed allowlist in the evening.
    fn ordinary() -> Story {
        let now = Timestamp::now().as_second();
        let midnight = Timestamp::from_second(now - now.rem_euclid(DAY)).unwrap();
        let mut story = Story {
            begin: midnight - SignedDuration::from_hours(24 * 31),
            logs: BTreeMap::new(),
        };
        let mut state: i64 = 4711;
        let mut dice = |limit: i64| {
            state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
            (state / 65_536) % limit
        };
        for day in 0..30 {
            let morning = day * DAY + 8 * 3600;
            for vmid in [100, 101] {
                for slot in 0..2 {
                    let begin = morning + slot * 5 * 3600 + dice(3 * 3600);
                    story.shift(begin, 1800 + dice(5400), vmid);
                }
            }
            for _ in 0..dice(3) {
                story.add(morning + dice(9 * 3600), "denied", Some(102), "ann@pve");
            }
            if dice(4) == 0 {
                story.add(morning + dice(600), "login-failed", None, "ann@pve");
            }
            if dice(3) == 0 {
                story.add(morning + dice(9 * 3600), "undone", Some(100), "system");
            }
            if dice(7) == 0 {
                story.add(day * DAY + 20 * 3600, "config-changed", None, "root@pam");
            }
        }
        story
    }

    fn add(&mut self, seconds: i64, event: &str, vmid: Option<u32>, actor: &str) {
        let log = match event {
            "outcome" => "command-audit.log",
            "ended" => "time-shift.log",
            _ => "audit.log",
        };
        let vm = vmid.map_or_else(String::new, |vmid| format!("\"vmid\":{vmid},"));
        let result = match event {
            "outcome" => "\"result\":\"verified\",",
            _ => "",
        };
        let time = self.begin + SignedDuration::from_secs(seconds);
        let lines = self.logs.entry(log).or_default();
        let line = format!(
            "\"time\":\"{time}\",\"node\":\"lab1\",\"boot-id\":\"b\",\"actor\":\"{actor}\",{vm}{result}\
             \"event\":\"{event}\",\"hash\":\"h\"}}\n"
        );
        lines.push((seconds, line));
    }

    fn shift(&mut self, seconds: i64, length: i64, vmid: u32) {
        self.add(seconds, "intent", Some(vmid), "root@pam");
        self.add(seconds + 2, "outcome", Some(vmid), "root@pam");
        self.add(seconds + length, "ended", Some(vmid), "root@pam");
    }

    /// Writes it down in a world.
    fn put(mut self, world: &World) {
        for (log, lines) in &mut self.logs {
            lines.sort();
            let text: String = (1..)
                .zip(lines)
                .map(|(seq, (_, line))| format!("{{\"seq\":{seq},{line}"))
                .collect();
            world.write(&format!("/var/log/time-shift/{log}"), text);
        }
    }
}

fn found(world: &World, since: &str) -> Vec<Value> {
    let run = world.cli(&["audit", "anomalies", "--json", "--since", since]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    serde_json::from_str(&run.out).unwrap()
}

/// What the sweep says is unusual.
fn told(world: &World, daemon: &Daemon) -> Vec<String> {
    let run = world.cli(&["sweep"]);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    let mut said = daemon.said();
    said.retain(|line| line.contains("unusual"));
    said
}

#[test]
fn thirty_ordinary_days_are_quiet_and_each_planted_case_is_found_and_told_once_d6() {
    const LAST: i64 = 30 * DAY;
    /// A kind, and what is planted on the last day.
    type Case = (&'static str, fn(&mut Story));
    let cases: [Case; 7] = [
        ("repeated-denials", |story| {
            for number in 0..8 {
                story.add(LAST + 40_000 + number * 120, "denied", Some(102), "eve@pve");
            }
        }),
        ("failed-logins", |story| {
            for number in 0..3 {
                story.add(LAST + 40_000 + number * 60, "login-failed", None, "eve@pve");
            }
        }),
        ("unusual-hour", |story| {
            story.shift(LAST + 3 * 3600, 1800, 100)
        }),
        ("overlong-shift", |story| {
            story.shift(LAST + 9 * 3600, 14 * 3600, 101);
        }),
        ("clock-fight", |story| {
            for number in 0..4 {
                story.add(LAST + 40_000 + number * 300, "undone", Some(100), "system");
            }
        }),
        ("unusual-rate", |story| {
            for number in 0..9 {
                story.shift(LAST + 32_000 + number * 1500, 600, 100);
            }
        }),
        ("config-then-shift", |story| {
            story.add(LAST + 36_000, "config-changed", None, "eve@pam");
            story.shift(LAST + 36_120, 1800, 100);
        }),
    ];
    let world = World::with_vm("", &allow(TARGET));
    let daemon = Daemon::listen(&world);
    Story::ordinary().put(&world);
    assert_eq!(found(&world, "32d"), [Value::Null; 0]);
    assert_eq!(told(&world, &daemon), [""; 0]);
    for (kind, plant) in cases {
        let world = World::with_vm("", &allow(TARGET));
        let daemon = Daemon::listen(&world);
        let mut story = Story::ordinary();
        plant(&mut story);
        story.put(&world);
        let found = found(&world, "7d");
        assert_eq!(found.len(), 1, "{kind}: {found:#?}");
        assert_eq!(found[0]["kind"], kind);
        let evidence = found[0]["evidence"].as_array().unwrap();
        assert!(!evidence.is_empty());
        let first = evidence[0].as_str().unwrap().split(' ').next().unwrap();
        let told_first = told(&world, &daemon);
        assert_eq!(told_first.len(), 1, "{kind}: {told_first:#?}");
        assert!(
            told_first[0].contains(&format!("unusual ({kind}): ")) && told_first[0].contains(first),
            "{told_first:?}"
        );
        assert_eq!(told(&world, &daemon), [""; 0], "{kind}: once");
    }
}

#[test]
fn what_grows_is_told_once_what_is_new_is_told_and_no_clock_silences_it_d6() {
    let world = World::with_vm("tags: ts-other\n", &allow(TARGET));
    let daemon = Daemon::listen(&world);
    assert_eq!(
        told(&world, &daemon),
        [""; 0],
        "nothing was ever written down"
    );
    let denied = |vmid: u32, count: usize| {
        world.vm(vmid, "tags: ts-other\n");
        for _ in 0..count {
            let run = world.hook(vmid, "pre-start");
            assert!(run.log().contains("NO_RULE"), "{run:?}");
        }
    };
    denied(200, 6);
    let said = world.path("/var/lib/time-shift/anomalies-said");
    // Whatever the pause after the last look is.
    let at_once = || {
        let text = std::fs::read_to_string(&said).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        value["again"] = value["looked"].clone();
        std::fs::write(&said, value.to_string()).unwrap();
    };
    at_once();
    let first = told(&world, &daemon);
    assert_eq!(first.len(), 1, "{first:?}");
    assert!(
        first[0].contains("VM 200: unusual (repeated-denials): 6 denials"),
        "{first:?}"
    );
    denied(200, 3);
    at_once();
    assert_eq!(told(&world, &daemon), [""; 0], "it is the same one");
    denied(201, 6);
    at_once();
    let second = told(&world, &daemon);
    assert_eq!(second.len(), 1, "{second:?}");
    assert!(second[0].contains("VM 201: "), "{second:?}");
    // A look in the future, as a clock that was wrong leaves it.
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&said).unwrap()).unwrap();
    let future = Timestamp::now() + SignedDuration::from_hours(999);
    value["looked"] = future.to_string().into();
    value["again"] = future.to_string().into();
    std::fs::write(&said, value.to_string()).unwrap();
    denied(202, 6);
    assert_eq!(told(&world, &daemon).len(), 1);
    // What cannot be remembered is not said each minute.
    denied(203, 6);
    at_once();
    let script = "mount --bind -o ro /var/lib/time-shift /var/lib/time-shift && \
                  mount -o remount,bind,ro /var/lib/time-shift && \
                  exec /usr/libexec/time-shift/time-shift sweep";
    let run = Run::of(world.command("sh").args(["-c", script]));
    assert!(run.err.contains("mounted read-only"), "{run:?}");
    let said = daemon.said();
    assert!(
        !said.iter().any(|line| line.contains("unusual")),
        "{said:?}"
    );
}

//! Each rule speaks about what it is for, and none about thirty ordinary days.
use super::*;
use crate::trace::Entry;

const START: i64 = 1_795_478_400; // 2026-11-24T00:00:00Z

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(i128::from(seconds) * 1_000_000_000).unwrap()
}

/// A trail that grows.
#[derive(Default)]
struct Story(Vec<Fact>);

impl Story {
    fn add(&mut self, seconds: i64, event: &str, vmid: u32, actor: &str) {
        let result = if event == "outcome" {
            r#","result":"verified""#
        } else {
            ""
        };
        let line = format!(
            r#"{{"seq":{},"time":"{}","node":"n","boot-id":"b","actor":"{actor}","event":"{event}","vmid":{vmid},"hash":"h"{result}}}"#,
            self.0.len() + 1,
            at(START + seconds),
        );
        let entry = Entry::parse("audit.log", line.as_bytes()).expect(&line);
        self.0.push(Fact::of(&entry).expect(event));
    }

    /// What is about no VM.
    fn of_node(&mut self, seconds: i64, event: &str, actor: &str) {
        let line = format!(
            r#"{{"seq":{},"time":"{}","node":"n","boot-id":"b","actor":"{actor}","event":"{event}","hash":"h"}}"#,
            self.0.len() + 1,
            at(START + seconds),
        );
        let entry = Entry::parse("audit.log", line.as_bytes()).expect(&line);
        self.0.push(Fact::of(&entry).expect(event));
    }

    /// A shift of `length` seconds.
    fn shift(&mut self, seconds: i64, length: i64, vmid: u32) {
        self.add(seconds, "intent", vmid, "root@pam");
        self.add(seconds + 2, "outcome", vmid, "root@pam");
        self.add(seconds + length, "ended", vmid, "root@pam");
    }

    /// Thirty days of office hours: shifts of two VMs, now and then a denial, a mistyped password, a
    /// clock put back once, a change of the allowlist long before the next start.
    fn ordinary() -> Story {
        let mut story = Story::default();
        let mut state: i64 = 12345;
        let mut dice = |limit: i64| {
            state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
            (state / 65_536) % limit
        };
        for day in 0..30 {
            let morning = day * 86_400 + 8 * 3600;
            for vmid in [100, 101] {
                for slot in 0..2 {
                    let begin = morning + slot * 5 * 3600 + dice(3 * 3600);
                    story.shift(begin, 1800 + dice(5400), vmid);
                }
            }
            for _ in 0..dice(3) {
                story.add(morning + dice(9 * 3600), "denied", 102, "ann@pve");
            }
            if dice(4) == 0 {
                story.add(morning + dice(600), "login-failed", 999, "ann@pve");
                story.add(morning + dice(600), "unlock-failed", 999, "ann@pve");
            }
            if dice(3) == 0 {
                story.add(morning + dice(9 * 3600), "undone", 100, "system");
            }
            if dice(7) == 0 {
                story.add(day * 86_400 + 20 * 3600, "config-changed", 999, "root@pam");
            }
        }
        story
    }

    /// What is found in the last day, `days` after the start.
    fn found(self, days: i64) -> Vec<Anomaly> {
        let now = START + days * 86_400;
        anomalies(self.0, at(now - 86_400), at(now))
    }
}

/// Exactly this is found at the end of thirty-one days; its evidence begins so.
#[track_caller]
fn only(story: Story, kind: Kind, evidence: usize) -> Anomaly {
    let found = story.found(31);
    let kinds: Vec<Kind> = found.iter().map(|anomaly| anomaly.kind).collect();
    assert_eq!(kinds, [kind], "{found:?}");
    assert_eq!(found[0].evidence.len(), evidence, "{found:?}");
    found[0].clone()
}

const DAY: i64 = 30 * 86_400;

#[test]
fn thirty_ordinary_days_are_quiet() {
    let now = at(START + 30 * 86_400);
    assert_eq!(anomalies(Story::ordinary().0, at(START), now), []);
    for days in 1..=30 {
        assert_eq!(Story::ordinary().found(days), [], "day {days}");
    }
}

#[test]
fn many_denials_of_a_vm_or_an_actor_are_unusual() {
    let mut story = Story::ordinary();
    for number in 0..8 {
        story.add(DAY + 40_000 + number * 120, "denied", 102, "eve@pve");
    }
    let anomaly = only(story, Kind::RepeatedDenials, 8);
    assert_eq!(anomaly.vmid.unwrap().get(), 102);
    assert!(
        anomaly.text.starts_with("8 denials of this VM"),
        "{anomaly:?}"
    );
    let mut story = Story::ordinary();
    for number in 0..6 {
        story.add(
            DAY + 40_000 + number * 120,
            "denied",
            200 + number as u32,
            "eve@pve",
        );
    }
    assert_eq!(
        only(story, Kind::RepeatedDenials, 6)
            .actor
            .unwrap()
            .as_str(),
        "eve@pve"
    );
    // Spread over the day they are not.
    let mut story = Story::ordinary();
    for number in 0..6 {
        story.add(DAY + number * 7200, "denied", 200, "eve@pve");
    }
    assert_eq!(story.found(31), []);
}

#[test]
fn failed_logins_in_a_row_are_unusual() {
    let mut story = Story::ordinary();
    for number in 0..3 {
        story.add(DAY + 40_000 + number * 60, "login-failed", 999, "eve@pve");
    }
    only(story, Kind::FailedLogins, 3);
    let mut story = Story::ordinary();
    for number in 0..4 {
        story.add(DAY + 40_000 + number * 60, "unlock-failed", 999, "eve@pve");
    }
    let anomaly = only(story, Kind::FailedLogins, 4);
    assert!(anomaly.evidence[0].contains("unlock-failed"), "{anomaly:?}");
}

#[test]
fn a_shift_at_night_is_unusual_for_a_vm_that_had_none_then() {
    let mut story = Story::ordinary();
    story.shift(DAY + 3 * 3600, 1800, 100);
    let anomaly = only(story, Kind::UnusualHour, 1);
    assert!(
        anomaly
            .text
            .contains("at 3 o'clock UTC; none of the 60 before"),
        "{anomaly:?}"
    );
    // Nothing is known of a new VM's habits.
    let mut story = Story::ordinary();
    story.shift(DAY + 3 * 3600, 1800, 300);
    assert_eq!(story.found(31), []);
}

#[test]
fn a_shift_that_lasts_is_unusual_while_and_after_it_is_in_force() {
    let mut story = Story::ordinary();
    story.shift(DAY + 9 * 3600, 14 * 3600, 100);
    let anomaly = only(story, Kind::OverlongShift, 2);
    assert!(
        anomaly
            .text
            .starts_with("a shift was in force for 13 hours; up to "),
        "{anomaly:?}"
    );
    let mut story = Story::ordinary();
    story.add(DAY + 9 * 3600, "intent", 100, "root@pam");
    story.add(DAY + 9 * 3600, "outcome", 100, "root@pam");
    let anomaly = only(story, Kind::OverlongShift, 1);
    assert!(
        anomaly.text.starts_with("a shift is in force for 15 hours"),
        "{anomaly:?}"
    );
}

#[test]
fn a_clock_that_is_put_back_again_and_again_is_a_fight() {
    let mut story = Story::ordinary();
    for number in 0..4 {
        story.add(DAY + 40_000 + number * 300, "undone", 100, "system");
    }
    only(story, Kind::ClockFight, 4);
}

#[test]
fn a_shift_right_after_a_change_of_the_configuration_is_said() {
    let mut story = Story::ordinary();
    story.add(DAY + 36_000, "config-changed", 999, "eve@pam");
    story.shift(DAY + 36_120, 1800, 100);
    let anomaly = only(story, Kind::ConfigThenShift, 2);
    assert!(
        anomaly.evidence[0].contains("config-changed VM 999 by eve@pam"),
        "{anomaly:?}"
    );
    assert_eq!(
        anomaly.text,
        "a shift 120 s after the configuration was changed"
    );
}

#[test]
fn more_shifts_in_a_day_than_a_vm_ever_has_are_unusual() {
    let day = |story: &mut Story, vmid: u32, count: i64| {
        for number in 0..count {
            story.shift(DAY + 32_000 + number * 1500, 600, vmid);
        }
    };
    let mut story = Story::ordinary();
    day(&mut story, 100, 9);
    let anomaly = only(story, Kind::UnusualRate, 9);
    assert_eq!(
        anomaly.text,
        "9 shifts on one day (UTC); up to 5 are usual for this VM"
    );
    assert_eq!(anomaly.id, "unusual-rate/100/2026-12-24T10:58:20Z");
    // Not for one of which nothing is known, nor where it is not more than usual.
    let mut story = Story::ordinary();
    day(&mut story, 300, 9);
    day(&mut story, 101, 5);
    assert_eq!(story.found(31), []);
}

#[test]
fn denials_of_an_actor_that_are_about_no_vm_count() {
    let mut story = Story::ordinary();
    for number in 0..6 {
        story.of_node(DAY + 40_000 + number * 120, "denied", "sudo:eve");
    }
    let anomaly = only(story, Kind::RepeatedDenials, 6);
    assert_eq!(
        (anomaly.vmid, anomaly.id.as_str()),
        (None, "repeated-denials/sudo:eve/2026-12-24T11:06:40Z")
    );
}

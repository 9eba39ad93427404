//! What people and other systems read out of the trail. D2, D5, D6.
use crate::node::Node;

#[test]
fn show_filters_and_says_what_it_cannot_read() {
    let node = Node::with_history();
    let run = node.audit(&["show", "--vmid", "101", "--event", "denied"]);
    assert_eq!((run.code, run.out.lines().count()), (Some(0), 9), "{run:?}");
    run.says(&["TIME", "VMID", "day 1, record 7", "101"]);
    assert!(!run.out.contains("day 0"), "{run:?}");
    assert!(
        !run.out.contains('\u{1b}'),
        "colours are for terminals: {run:?}"
    );
    let all = node.audit(&["show", "--json"]);
    assert_eq!(all.out.lines().count(), 72);
    let denied = node.audit(&["show", "--json", "--denied", "--since", "1h"]);
    assert_eq!(denied.out.lines().count(), 24);
    let none = node.audit(&["show", "--since", "2200-01-01"]);
    assert_eq!(
        (none.code, none.out.as_str()),
        (Some(0), "no such records\n")
    );
    std::fs::write(node.path("log/audit.log"), "\0\u{1b}[31m\n{}\n").unwrap();
    let run = node.audit(&["show"]);
    run.says(&["audit.log: 2 lines are no records; see time-shift audit verify"]);
}

#[test]
fn every_code_is_explained() {
    let node = Node::new();
    node.audit(&["explain", "intent"])
        .says(&["intent (event, in audit.log)\nA rule permits"]);
    node.audit(&["explain", "NO_RULE"])
        .says(&["NO_RULE (reason of a denial)\nNo rule"]);
    node.audit(&["explain", "no_hookscript"])
        .says(&["NO_HOOKSCRIPT (finding of check)\nA rule permits"]);
    node.audit(&["explain", "SYSTEMD_EPOCH"])
        .says(&["SYSTEMD_EPOCH (warning of plan and check)\na Linux with systemd"]);
    for kind in time_shift::trace::Kind::ALL {
        let run = node.audit(&["explain", kind.as_str()]);
        run.says(&[&format!("{} (anomaly)\n", kind.as_str())]);
    }
    for kind in time_shift::audit::Kind::ALL {
        let run = node.audit(&["explain", kind.as_str()]);
        run.says(&["(fault that audit verify finds)"]);
    }
    for event in ["seal", "lost", "anomaly"] {
        node.audit(&["explain", event])
            .says(&["(event, in syslog only)"]);
    }
    let run = node.audit(&["explain", "x\u{1b}[31m"]);
    assert_eq!(run.code, Some(1));
    run.says(&["no such code; events: intent, "]);
}

#[test]
fn what_is_announced_is_on_record_before_it_is_concluded_under_the_same_name_d3() {
    use time_shift::audit::{Event, Record};
    let node = Node::new();
    let trail = node.trail();
    let announced = trail.announce(&Record::of_node(Event::ApiIntent)).unwrap();
    let intent = node.lines("audit.log")[0].clone();
    assert_eq!(intent["event"], "api-intent");
    assert_eq!(intent["intent"].as_str().map(str::len), Some(32));
    let outcome = Record::of_node(Event::ApiOutcome);
    trail.conclude(&announced, &outcome).unwrap();
    let outcome = node.lines("command-audit.log")[0].clone();
    assert_eq!(
        (&outcome["event"], &outcome["intent"]),
        (&"api-outcome".into(), &intent["intent"])
    );
    node.audit(&["explain", "api-outcome"])
        .says(&["api-outcome (event, in command-audit.log)\nWhat the API"]);
}

#[test]
fn an_export_with_a_cursor_has_each_record_once_over_rotations_d5() {
    let node = Node::with_history();
    let cursor = node.path("cursor");
    let cursor = cursor.to_str().unwrap();
    let export = |format: &str| {
        let run = node.audit(&["export", "--format", format, "--cursor", cursor]);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
        run.out
    };
    let all = export("json");
    assert_eq!(all.lines().count(), 72);
    assert!(export("json").is_empty());
    node.write(100, "one more");
    node.rotate();
    node.write(100, "and another");
    node.rotate();
    let more = export("json");
    assert_eq!(more.lines().count(), 6);
    assert!(more.contains("one more") && more.contains("and another"));
    assert!(export("ecs").is_empty());
    // A trail that was begun anew is new.
    std::fs::remove_dir_all(node.path("log")).unwrap();
    std::fs::remove_dir_all(node.path("data")).unwrap();
    node.write(100, "anew");
    let anew = export("cef");
    assert_eq!(anew.lines().count(), 3);
    assert!(
        anew.lines()
            .all(|line| line.starts_with("CEF:0|time-shift|time-shift|")),
        "{anew}"
    );
    node.write(100, "again");
    for line in export("ecs").lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["message"], "again");
    }
    // A reader that hangs up gets the same again.
    node.write(100, "unread");
    let mut full = node.command(&["export", "--format", "json", "--cursor", cursor]);
    full.stdout(
        std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap(),
    );
    assert_eq!(full.status().unwrap().code(), Some(1));
    assert_eq!(export("json").lines().count(), 3);
    // No other cursor's file is overwritten, and two exports do not meet.
    std::fs::write(cursor, "other").unwrap();
    let run = node.audit(&["export", "--format", "json", "--cursor", cursor]);
    assert_eq!(run.code, Some(1));
    run.says(&["is no cursor"]);
}

#[test]
fn show_follows_and_a_short_history_has_nothing_unusual_d6() {
    use std::io::{BufRead, BufReader};
    let node = Node::with_history();
    let mut command = node.command(&["show", "--follow", "--json", "--event", "denied"]);
    let mut child = command
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for _ in 0..24 {
        lines.next().unwrap().unwrap();
    }
    node.write(100, "followed");
    assert!(lines.next().unwrap().unwrap().contains("followed"));
    node.rotate();
    node.write(100, "over a rotation");
    assert!(lines.next().unwrap().unwrap().contains("over a rotation"));
    child.kill().unwrap();
    child.wait().unwrap();
    // 26 denials of one caller within a minute, of three VMs each: that is unusual.
    let run = node.audit(&["anomalies"]);
    run.says(&[
        "repeated-denials: VM 100: 10 denials of this VM",
        "    audit.log:25 20",
    ]);
    let quiet = Node::new();
    quiet.write(100, "once");
    assert_eq!(quiet.audit(&["anomalies"]).out, "nothing unusual\n");
    assert_eq!(quiet.audit(&["anomalies", "--json"]).out, "[]\n");
}

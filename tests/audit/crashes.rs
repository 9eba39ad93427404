//! What the trail makes of a crash, a rotation and of somebody's hand. D2, D4, F3.
use std::fs;
use std::io::Write;

use crate::node::Node;

fn append(node: &Node, bytes: &[u8]) {
    let path = node.path("log/audit.log");
    let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_torn_last_line_is_kept_aside_and_said_f3() {
    let node = Node::with_history();
    append(&node, b"{\"seq\":25,\"ti");
    assert_eq!(node.faults(), ["audit.log:9 torn"]);
    node.write(100, "after the crash");
    let lines = node.lines("audit.log");
    assert_eq!(
        (&lines[8]["event"], &lines[8]["mended"]),
        (&"mended".into(), &"torn".into())
    );
    assert_eq!(lines[9]["event"], "denied");
    let kept = fs::read_to_string(node.path("log/audit.log.torn")).unwrap();
    assert_eq!(kept, "{\"seq\":25,\"ti\n");
    assert_eq!(node.faults(), [""; 0]);
    let run = node.audit(&["verify"]);
    run.says(&[
        "audit.log: note: audit.log:9: a crash had cut",
        "audit.log.torn",
    ]);
}

#[test]
fn numbers_go_on_where_the_head_is_lost_or_old_and_the_log_was_just_rotated_d4() {
    for old in [false, true] {
        let node = Node::with_history();
        let head = fs::read(node.path("data/audit-head.json")).unwrap();
        node.rotate();
        node.write(100, "since the backup");
        node.rotate();
        match old {
            true => fs::write(node.path("data/audit-head.json"), head).unwrap(),
            false => fs::remove_file(node.path("data/audit-head.json")).unwrap(),
        }
        node.write(100, "with another head");
        let lines = node.lines("audit.log");
        // 24 of the history, one, and the one that says so.
        assert_eq!(
            (&lines[0]["seq"], &lines[0]["mended"]),
            (&26.into(), &"head-lost".into())
        );
        // Nothing but that the end may have been cut off is said, and no number is there twice.
        let logs = ["audit", "command-audit", "time-shift"];
        assert_eq!(
            node.faults(),
            logs.map(|log| format!("{log}.log:1 truncated")),
            "{old}"
        );
    }
}

#[test]
fn a_record_whose_head_was_not_written_any_more_counts_f3() {
    let node = Node::with_history();
    let head = fs::read(node.path("data/audit-head.json")).unwrap();
    node.write(100, "the last before the crash");
    fs::write(node.path("data/audit-head.json"), &head).unwrap();
    let run = node.audit(&["verify"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["1 records are newer than audit-head.json: a crash"]);
    node.write(100, "after it");
    assert_eq!(node.faults(), [""; 0]);
    assert_eq!(
        node.lines("audit.log").len(),
        10,
        "nothing had to be mended"
    );
    // The same, with a rotation in between.
    let head = fs::read(node.path("data/audit-head.json")).unwrap();
    node.write(100, "the last before the crash");
    fs::write(node.path("data/audit-head.json"), &head).unwrap();
    node.rotate();
    node.write(100, "after it");
    assert_eq!(node.faults(), [""; 0]);
}

#[test]
fn what_was_cut_off_stays_found_when_the_trail_goes_on_d4() {
    let node = Node::with_history();
    let path = node.path("log/audit.log");
    let text = fs::read_to_string(&path).unwrap();
    let kept: String = text.split_inclusive('\n').take(5).collect();
    fs::write(&path, kept).unwrap();
    node.write(100, "later");
    assert_eq!(node.lines("audit.log")[5]["mended"], "cut");
    assert_eq!(node.faults(), ["audit.log:6 truncated"]);
    // Emptied.
    let node = Node::with_history();
    fs::write(node.path("log/audit.log"), "").unwrap();
    node.write(100, "later");
    assert_eq!(node.faults(), ["audit.log.1:8 truncated"]);
}

#[test]
fn a_line_from_another_hand_stays_found_and_the_trail_goes_on() {
    let node = Node::with_history();
    append(&node, b"{\"event\":\"denied\"}\n\0\xff\n");
    node.write(100, "later");
    assert_eq!(node.lines("time-shift.log").len(), 9);
    assert_eq!(node.faults(), ["audit.log:9 inserted"]);
    node.write(100, "and on");
    assert_eq!(node.faults(), ["audit.log:9 inserted"]);
}

#[test]
fn a_head_that_is_gone_or_damaged_is_said_and_the_trail_goes_on() {
    for damage in [None, Some(""), Some("x")] {
        let node = Node::with_history();
        let path = node.path("data/audit-head.json");
        match damage {
            None => fs::remove_file(path).unwrap(),
            Some(content) => fs::write(path, content.repeat(2048)).unwrap(),
        }
        assert_eq!(
            node.faults(),
            [
                "audit.log:8 truncated",
                "command-audit.log:8 truncated",
                "time-shift.log:8 truncated"
            ]
        );
        node.write(100, "later");
        assert_eq!(node.lines("audit.log")[8]["mended"], "head-lost");
        let found = node.faults();
        assert!(
            found.contains(&"audit.log:9 truncated".to_owned()),
            "{found:?}"
        );
        node.write(100, "and on");
        assert_eq!(node.faults(), found);
    }
}

#[test]
fn a_seal_from_syslog_tells_a_whole_trail_that_was_written_anew() {
    let node = Node::with_history();
    let lines = node.lines("audit.log");
    let seal = format!("audit.log:20:{}", lines[3]["hash"].as_str().unwrap());
    assert_eq!(node.audit(&["verify", "--seal", &seal]).code, Some(0));
    fs::remove_dir_all(node.path("log")).unwrap();
    fs::remove_dir_all(node.path("data")).unwrap();
    node.write(100, "a harmless history");
    assert_eq!(node.faults(), [""; 0]);
    let run = node.audit(&["verify", "--seal", &seal]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["removed: a record whose seal was given is not there (record 20)"]);
}

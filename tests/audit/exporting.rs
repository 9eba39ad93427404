//! Records for another system: each once, whatever happens to the files, the clock and the program. D5.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;

use crate::node::Node;
use crate::support::Run;

/// What an export with the cursor `cursor` printed.
pub(crate) fn export(node: &Node) -> Vec<Value> {
    let cursor = node.path("cursor");
    let arguments = [
        "export",
        "--format",
        "json",
        "--cursor",
        cursor.to_str().unwrap(),
    ];
    let run = node.audit(&arguments);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    run.out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn texts(records: &[Value]) -> Vec<&str> {
    records
        .iter()
        .map(|record| record["text"].as_str().unwrap())
        .collect()
}

fn touch(node: &Node, when: &str, file: &str) {
    let mut touch = Command::new("touch");
    touch
        .args(["-d", when])
        .arg(node.path(&format!("log/{file}")));
    assert_eq!(Run::of(&mut touch).code, Some(0));
}

#[test]
fn a_clock_that_was_wrong_neither_repeats_nor_hides_a_record_d5() {
    let node = Node::with_history();
    assert_eq!(export(&node).len(), 72);
    node.write(100, "after the clock went back");
    for log in ["audit.log", "command-audit.log", "time-shift.log"] {
        touch(&node, "2001-02-03", log);
    }
    assert_eq!(texts(&export(&node)), ["after the clock went back"; 3]);
    assert_eq!(export(&node), [Value::Null; 0]);
    node.write(100, "and on");
    touch(&node, "2001-02-03", "audit.log");
    assert_eq!(texts(&export(&node)), ["and on"; 3]);
    // Nor is the middle of a chain left out where its file looks old.
    touch(&node, "2001-02-03", "audit.log.1");
    let run = node.audit(&["verify", "--since", "1h"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_chain_that_was_begun_anew_in_the_same_file_goes_on_d5() {
    let node = Node::with_history();
    assert_eq!(export(&node).len(), 72);
    for file in ["audit.key", "audit-head.json"] {
        fs::remove_file(node.path(&format!("data/{file}"))).unwrap();
    }
    node.write(100, "with another key");
    let records = export(&node);
    let news: Vec<_> = records
        .iter()
        .filter(|it| it["event"] != "mended")
        .collect();
    assert_eq!((records.len(), news.len()), (6, 3), "{records:#?}");
    assert!(news.iter().all(|it| it["text"] == "with another key"));
    assert_eq!(export(&node), [Value::Null; 0]);
    node.write(100, "and on");
    assert_eq!(texts(&export(&node)), ["and on"; 3]);
    // All that was printed has expired since.
    for _ in 0..2 {
        node.rotate();
        node.write(100, "meanwhile");
    }
    for log in ["audit.log", "command-audit.log", "time-shift.log"] {
        for number in ["1", "2.gz", "3.gz", "4.gz"] {
            let _ = fs::remove_file(node.path(&format!("log/{log}.{number}")));
        }
    }
    assert_eq!(texts(&export(&node)), ["meanwhile"; 3]);
}

#[test]
fn while_a_file_is_packed_its_records_count_once() {
    let node = Node::with_history();
    let mut gzip = Command::new("gzip");
    gzip.arg("--keep").arg(node.path("log/audit.log.1"));
    assert_eq!(Run::of(&mut gzip).code, Some(0));
    // Not yet whole.
    let packed = fs::read(node.path("log/audit.log.1.gz")).unwrap();
    fs::write(node.path("log/audit.log.1.gz"), &packed[..packed.len() / 2]).unwrap();
    assert_eq!(node.faults(), [""; 0]);
    assert_eq!(export(&node).len(), 72);
    let run = node.audit(&["show", "--json"]);
    assert_eq!((run.out.lines().count(), run.err.as_str()), (72, ""));
}

#[test]
fn an_export_killed_at_any_moment_loses_nothing_and_repeats_no_more_than_one_log_d5() {
    let original = Node::with_history();
    let mut killed = 0;
    for call in ["write", "fdatasync", "renameat"] {
        for number in 1..=9 {
            let node = original.copy();
            let cursor = node.path("cursor");
            let arguments = [
                "export",
                "--format",
                "json",
                "--cursor",
                cursor.to_str().unwrap(),
            ];
            let program = node.command(&arguments);
            let mut traced = Command::new("strace");
            traced
                .args(["-o", "/dev/null", "-e"])
                .arg(format!("inject={call}:signal=KILL:when={number}"))
                .arg(program.get_program())
                .args(program.get_args());
            let run = Run::of(&mut traced);
            if run.signal.is_none() {
                break;
            }
            killed += 1;
            // What was cut within a line is no record.
            let mut seen: BTreeMap<(String, u64), usize> = BTreeMap::new();
            let first: Vec<Value> = run
                .out
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok())
                .collect();
            for record in first.iter().chain(&export(&node)) {
                let log = record["event"].to_string();
                *seen
                    .entry((log, record["seq"].as_u64().unwrap()))
                    .or_default() += 1;
            }
            assert_eq!(seen.len(), 72, "{call} {number}");
            let twice = seen.values().filter(|count| **count > 1).count();
            assert!(twice <= 24, "{call} {number}: {twice}");
            assert!(seen.values().all(|count| *count <= 2), "{call} {number}");
            assert_eq!(export(&node), [Value::Null; 0], "{call} {number}");
        }
    }
    assert!(killed >= 8, "only {killed} of the runs were killed");
}

#[test]
fn what_cannot_be_read_is_exported_once_it_can_d5() {
    let node = Node::with_history();
    let cursor = node.path("cursor");
    let cursor = cursor.to_str().unwrap();
    let export = || node.audit(&["export", "--format", "json", "--cursor", cursor]);
    let open = |mode| {
        let path = node.path("log/audit.log.1");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    open(0o666);
    let run = export();
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "audit.log.1",
        "this log's later records wait until it can be read",
    ]);
    // The oldest file of this log, and all of the two others.
    assert_eq!(run.out.lines().count(), 8 + 24 + 24);
    assert_eq!(node.audit(&["show", "--no-pager"]).code, Some(1));
    assert_eq!(node.audit(&["anomalies"]).code, Some(1));
    open(0o640);
    let rest = export();
    assert_eq!(
        (rest.code, rest.out.lines().count()),
        (Some(0), 16),
        "{rest:?}"
    );
}

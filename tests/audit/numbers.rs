//! How many can write at once, what a record costs, how fast a trail is checked. D2, D4, F1, F2.
use std::fs;
use std::io::{BufWriter, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use time_shift::audit::{Event, Hash, Sealer, Trail};

use crate::node::{Node, record, seen};

/// In the environment of a process that is to write a record to the folders in here.
const WRITER: &str = "TIME_SHIFT_TEST_WRITER";

#[test]
fn as_another_process_writes_a_record() {
    let Some(root) = std::env::var_os(WRITER) else {
        return;
    };
    let root = std::path::PathBuf::from(root);
    let trail = Trail::new(&root.join("log"), &root.join("data")).unwrap();
    for event in [Event::Denied, Event::Rescue] {
        let vmid = 100 + std::process::id() % 100_000;
        trail
            .record(&record(event, vmid, &"x".repeat(500)))
            .unwrap();
    }
}

#[test]
fn five_hundred_processes_at_once_lose_and_tear_nothing_f2() {
    let node = Node::new();
    let start = || {
        let mut writer = Command::new(std::env::current_exe().unwrap());
        writer
            .args(["--exact", "numbers::as_another_process_writes_a_record"])
            .env(WRITER, node.path(""))
            .stdout(Stdio::null());
        writer.spawn().unwrap()
    };
    let writers: Vec<_> = (0..500).map(|_| start()).collect();
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    assert_eq!(node.faults(), [""; 0]);
    for log in ["audit.log", "command-audit.log"] {
        let lines = node.lines(log);
        let seqs: Vec<u64> = lines
            .iter()
            .map(|line| line["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, (1..=500).collect::<Vec<u64>>(), "{log}");
        assert!(!node.path(&format!("log/{log}.torn")).exists());
    }
    let mode = |path: &str| {
        let data = fs::metadata(node.path(path)).unwrap();
        (data.mode() & 0o7777, data.uid(), data.gid())
    };
    assert_eq!(mode("log/audit.log"), (0o640, 0, 4), "root:adm");
    assert_eq!(mode("log"), (0o750, 0, 4));
    assert_eq!(mode("data/audit.key"), (0o600, 0, 0));
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// The number counts for the programs as they are shipped: `cargo test --release`.
#[test]
fn a_record_costs_less_than_a_third_of_starting_true_f1() {
    let node = Node::new();
    let denied = record(
        Event::Denied,
        100,
        "a sentence of the usual length, which says what and why",
    );
    let timed = |work: &dyn Fn()| {
        let begun = Instant::now();
        work();
        begun.elapsed()
    };
    let write = || node.trail().record(&denied).unwrap();
    write();
    let start_true = || assert!(Command::new("/bin/true").status().unwrap().success());
    let records = median((0..2000).map(|_| timed(&write)).collect());
    let starts = median((0..300).map(|_| timed(&start_true)).collect());
    let ratio = records.as_secs_f64() / starts.as_secs_f64();
    seen(&format!(
        "a record {records:?}, /bin/true {starts:?}, ratio {ratio:.3}"
    ));
    assert!(cfg!(debug_assertions) || ratio <= 0.3, "{ratio}");
}

/// Writes a trail of `count` records faster than the trail itself would.
fn generate(node: &Node, count: u64) {
    let key = [9; 32];
    let sealer = Sealer::new(&key);
    for folder in ["log", "data"] {
        fs::create_dir_all(node.path(folder)).unwrap();
    }
    fs::write(node.path("data/audit.key"), key).unwrap();
    fs::set_permissions(
        node.path("data/audit.key"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    let path = node.path("log/audit.log");
    let mut file = BufWriter::new(fs::File::create(&path).unwrap());
    let mut last = Hash::ZERO;
    for seq in 1..=count {
        let first = if seq == 1 { ",\"first\":true" } else { "" };
        let mut line = format!(
            "{{\"seq\":{seq}{first},\"time\":\"2026-11-24T12:17:55.123456789Z\",\"node\":\"pve1\",\
             \"boot-id\":\"2ad3b2f0-3c0b-4f7a-9c57-0d8f7a8f5c11\",\"boot-ns\":15600123456789,\
             \"actor\":\"root@pam!automation\",\"upid\":\"UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam!automation:\",\
             \"program\":\"task UPID:pve1:\",\"decision\":\"permit\",\"event\":\"intent\",\"vmid\":100,\
             \"name\":\"idrac-console\",\"profile\":\"idrac-2016\",\"rule-line\":17,\"offset-ns\":-329568480000000000}}"
        );
        let mut bytes = std::mem::take(&mut line).into_bytes();
        last = sealer.seal("audit.log", &mut bytes, last);
        file.write_all(&bytes).unwrap();
    }
    file.into_inner().unwrap();
    let data = fs::metadata(&path).unwrap();
    let mut heads = Vec::new();
    for (log, seq, hash) in [
        ("audit.log", count, last),
        ("command-audit.log", 0, Hash::ZERO),
        ("time-shift.log", 0, Hash::ZERO),
    ] {
        let mut head = format!(
            "{{\"seq\":{seq},\"log\":\"{log}\",\"last\":\"{hash}\",\"size\":{},\"inode\":{},\"hour\":0}}",
            data.len(),
            data.ino()
        )
        .into_bytes();
        sealer.seal("audit-head.json", &mut head, Hash::ZERO);
        head.pop();
        head.resize(511, b' ');
        head.push(b'\n');
        heads.extend(head);
    }
    fs::write(node.path("data/audit-head.json"), heads).unwrap();
}

#[test]
fn a_million_records_are_checked_in_seconds_with_little_memory_d4() {
    let count: u64 = if cfg!(debug_assertions) {
        50_000
    } else {
        1_000_000
    };
    let node = Node::new();
    generate(&node, count);
    let program = node.command(&["verify"]);
    let mut limited = Command::new("sh");
    // 64 MiB of address space, for a file of 600.
    limited.args([
        "-c",
        "ulimit -v 65536; \"$@\"; code=$?; times; exit $code",
        "sh",
    ]);
    limited.arg(program.get_program()).args(program.get_args());
    let run = crate::support::Run::of(&mut limited);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[&format!(
        "audit.log: {count} records, 1 to {count}: unbroken"
    )]);
    let rate = count as f64 / cpu_seconds(&run.out);
    seen(&format!(
        "{rate:.0} records a second of one core, {:?}",
        run.took
    ));
    // That is the built program then.
    if std::env::var_os("TIME_SHIFT_PROGRAMS").is_some() {
        assert!(rate >= 300_000.0, "{rate}");
    }
}

/// What the children of a shell took, by the last line of its `times`: user and system, like
/// `0m1.170000s 0m0.250000s`. Other tests may run beside it, so its end tells little.
fn cpu_seconds(out: &str) -> f64 {
    let seconds = |text: &str| {
        let (minutes, seconds) = text.split_once('m').unwrap();
        let seconds: f64 = seconds.trim_end_matches('s').parse().unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + seconds
    };
    out.lines().last().unwrap().split(' ').map(seconds).sum()
}

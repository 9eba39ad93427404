//! The trail under the real logrotate and the real rsyslogd. D1, D2, D4.
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::exporting::export;
use crate::node::Node;
use crate::support::Run;

/// Whether a tool is there; the tests' setup installs it.
fn has(program: &str) -> bool {
    std::path::Path::new(program).exists()
}

#[test]
fn the_real_logrotate_keeps_the_chain_unbroken_over_packing_and_expiry_d4() {
    assert!(has("/usr/sbin/logrotate"), "install logrotate");
    let node = Node::new();
    // The package's own, but for where the logs are and for how many days.
    let config = include_str!("../../debian/time-shift-proxmox.logrotate");
    assert!(config.contains("/var/log/time-shift/*.log {\n\tdaily\n\trotate 90\n"));
    assert!(config.contains("\tcompress\n") && !config.contains("\tcopytruncate"));
    let config = config
        .replace("/var/log/time-shift", node.path("log").to_str().unwrap())
        .replace("rotate 90", "rotate 3");
    fs::write(node.path("logrotate.conf"), config).unwrap();
    let rotate = || {
        let mut logrotate = Command::new("/usr/sbin/logrotate");
        logrotate
            .arg("--force")
            .arg("--state")
            .arg(node.path("logrotate.state"));
        let run = Run::of(logrotate.arg(node.path("logrotate.conf")));
        assert_eq!((run.code, run.log().as_str()), (Some(0), ""), "{run:?}");
    };
    for day in 0..3 {
        for _ in 0..5 {
            node.write(100 + day, "on that day");
        }
        rotate();
        assert_eq!(node.faults(), [""; 0], "day {day}");
    }
    assert!(node.path("log/audit.log.1").exists() && node.path("log/audit.log.3.gz").exists());
    node.write(100, "after it");
    node.audit(&["verify"])
        .says(&["audit.log: 16 records, 1 to 16: unbroken"]);
    assert_eq!(
        node.audit(&["show", "--json", "--event", "denied"])
            .out
            .lines()
            .count(),
        16
    );
    // The oldest expire.
    rotate();
    node.write(100, "later");
    let run = node.audit(&["verify"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&[
        "audit.log: note: begins with record 6",
        "audit.log: 12 records, 6 to 17: unbroken",
    ]);
    let mut exported = export(&node);
    // A rotation while somebody writes: the file is opened before and written after.
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..300 {
                node.write(101, "meanwhile");
            }
        });
        while !writer.is_finished() {
            rotate();
            assert_eq!(node.faults(), [""; 0]);
            exported.extend(export(&node));
        }
    });
    exported.extend(export(&node));
    // An export between and during rotations has each record once, in order.
    for event in ["denied", "rescue", "ended"] {
        let of_it = exported.iter().filter(|record| record["event"] == event);
        let seqs: Vec<u64> = of_it
            .map(|record| record["seq"].as_u64().unwrap())
            .collect();
        assert_eq!(seqs, (6..=317).collect::<Vec<u64>>(), "{event}");
    }
    let last = node.audit(&["show", "--json", "--event", "denied"]);
    assert!(
        last.out.lines().last().unwrap().contains("\"seq\":317,"),
        "{last:?}"
    );
}

/// A running rsyslogd that writes what it has parsed.
struct Rsyslogd<'a> {
    node: &'a Node,
    child: Child,
}

impl Rsyslogd<'_> {
    fn start(node: &Node) -> Rsyslogd<'_> {
        let config = format!(
            "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
             input(type=\"imuxsock\" Socket=\"{0}/dev-log\" UseSysTimeStamp=\"off\" \
             UseSpecialParser=\"off\" ParseHostname=\"on\" RateLimit.Interval=\"0\")\n\
             template(name=\"parsed\" type=\"string\" \
             string=\"%pri%;%syslogtag%;%app-name%;%hostname%;%structured-data%;%msg%\\n\")\n\
             *.* action(type=\"omfile\" file=\"{0}/parsed\" template=\"parsed\")\n",
            node.path("").display().to_string().trim_end_matches('/')
        );
        fs::write(node.path("rsyslog.conf"), config).unwrap();
        let child = Command::new("/usr/sbin/rsyslogd")
            .arg("-n")
            .arg("-f")
            .arg(node.path("rsyslog.conf"))
            .arg("-i")
            .arg(node.path("rsyslog.pid"))
            .spawn()
            .unwrap();
        let daemon = Rsyslogd { node, child };
        daemon.wait_for(|_| {
            UnixDatagram::unbound()
                .unwrap()
                .connect(node.path("dev-log"))
                .is_ok()
        });
        daemon
    }

    fn wait_for(&self, what: impl Fn(&str) -> bool) -> String {
        let begun = Instant::now();
        loop {
            let text = fs::read_to_string(self.node.path("parsed")).unwrap_or_default();
            if what(&text) {
                return text;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{text:?}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Rsyslogd<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_rsyslogd_parses_both_formats_as_they_are_meant_d1() {
    assert!(has("/usr/sbin/rsyslogd"), "install rsyslog");
    use time_shift::audit::{Facility, Format, Severity, Syslog};
    use time_shift::model::VmId;
    let node = Node::new();
    let daemon = Rsyslogd::start(&node);
    let syslog = |format| Syslog {
        socket: node.path("dev-log"),
        format,
        facility: Facility::of_code(16),
        process: "time-shift",
        losses: None,
    };
    let vmid = VmId::try_from(100).ok();
    let text = "VM 100 (a\"] \\x=1): büro";
    syslog(Format::Rfc3164).send(Severity::LOG_WARNING, vmid, "denied", text);
    syslog(Format::Rfc5424).send(Severity::LOG_NOTICE, vmid, "intent", text);
    let parsed = daemon.wait_for(|text| text.lines().count() == 2);
    let lines: Vec<Vec<&str>> = parsed
        .lines()
        .map(|line| line.splitn(6, ';').collect())
        .collect();
    let pid = std::process::id();
    // local0 is 16: warning 132, notice 133.
    assert_eq!(
        lines[0][..3],
        ["132", &format!("time-shift[{pid}]:"), "time-shift"]
    );
    assert_eq!(lines[0][5].trim_start(), text);
    assert_eq!((lines[1][0], lines[1][2]), ("133", "time-shift"));
    assert!(lines[1][4].starts_with("[time-shift@32473 "), "{parsed}");
    assert!(lines[1][4].contains("vmid=\"100\"") && lines[1][4].contains("event=\"intent\""));
    assert_eq!(lines[1][5].trim_start(), text);
}

#[test]
fn what_a_full_log_did_not_take_is_counted_and_said_later_and_seals_arrive_d1_d4() {
    use time_shift::audit::{Event, Facility, Format, Severity, Syslog};
    let node = Node::new();
    let syslog = || {
        Some(Syslog {
            socket: node.path("dev-log"),
            format: Format::Rfc3164,
            facility: Facility::of_code(3),
            process: "time-shift",
            losses: Some((node.path("log"), node.path("data"))),
        })
    };
    let receive = |socket: &UnixDatagram| {
        let mut buffer = [0; 4096];
        let mut messages = Vec::new();
        while let Ok(length) = socket.recv(&mut buffer) {
            messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        messages
    };
    let socket = UnixDatagram::bind(node.path("dev-log")).unwrap();
    socket.set_nonblocking(true).unwrap();
    let write = || {
        let trail = node.trail().sealing_into(syslog());
        trail
            .record(&crate::node::record(Event::Denied, 100, "x"))
            .unwrap();
    };
    write();
    let messages = receive(&socket);
    let hash = node.lines("audit.log")[0]["hash"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0].ends_with(&format!("trail sealed: audit.log:1:{hash}")),
        "{messages:?}"
    );
    write();
    assert_eq!(receive(&socket), [""; 0], "once an hour");
    node.rotate();
    write();
    assert!(
        receive(&socket)[0].contains("trail sealed: audit.log:3:"),
        "and at a rotation"
    );
    // Full.
    let filler = UnixDatagram::unbound().unwrap();
    filler.set_nonblocking(true).unwrap();
    while filler.send_to(b"x", node.path("dev-log")).is_ok() {}
    for _ in 0..7 {
        syslog()
            .unwrap()
            .send(Severity::LOG_WARNING, None, "denied", "lost");
    }
    receive(&socket);
    write();
    let messages = receive(&socket);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains("7 messages since 20"), "{messages:?}");
    write();
    assert_eq!(receive(&socket), [""; 0], "said once");
    // A seal that does not arrive is sent again, and is none that the trail has instead.
    node.rotate();
    while filler.send_to(b"x", node.path("dev-log")).is_ok() {}
    write();
    receive(&socket);
    write();
    let messages = receive(&socket);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(
        messages[0].contains("trail sealed: audit.log:7:"),
        "{messages:?}"
    );
    // What many find lost at once is told once.
    while filler.send_to(b"x", node.path("dev-log")).is_ok() {}
    for _ in 0..7 {
        syslog()
            .unwrap()
            .send(Severity::LOG_WARNING, None, "denied", "lost");
    }
    receive(&socket);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(write);
        }
    });
    let messages = receive(&socket);
    assert_eq!(messages.len(), 1, "{messages:?}");
    assert!(messages[0].contains("7 messages since 20"), "{messages:?}");
    assert_eq!(node.faults(), [""; 0]);
}

//! Hosts that mean no good, or do badly: each ends in a clear error, in time and in little memory.
use std::io::{Read, Write};
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Server, Stream, answer, hang, node};
use crate::desk::{BY_TOKEN, Cluster, Desk, host};
use crate::support::peak;

/// What a run may hold in memory, in KiB.
const MEMORY: u64 = 32 * 1024;

fn ok(length: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{length}\r\n\r\n")
}

/// Writes for as long as somebody reads.
fn forever(stream: &mut Stream, first: &str, again: &str) -> bool {
    let again = again.repeat(64 * 1024 / again.len());
    let mut done = stream.write_all(first.as_bytes());
    while done.is_ok() {
        done = stream.write_all(again.as_bytes());
    }
    false
}

type Act = fn(&mut Stream) -> bool;

#[test]
// Whoever traces it waits for it.
#[allow(clippy::zombie_processes)]
fn no_answer_costs_more_than_its_time_and_32_megabytes() {
    let acts: [(&str, Act, &str); 14] = [
        (
            "endless headers",
            |s| forever(s, "HTTP/1.1 200 OK\r\n", "X-A: b\r\n"),
            "head of its answer is longer|no HTTP",
        ),
        (
            "endless line",
            |s| forever(s, "HTTP/1.1 200 OK\r\nX: ", "a"),
            "head of its answer is longer|no HTTP",
        ),
        (
            "endless body",
            |s| forever(s, &ok("X: y"), "[1,2,3]"),
            "longer than 8388608 bytes",
        ),
        (
            "endless chunks",
            |s| {
                forever(
                    s,
                    &ok("Transfer-Encoding: chunked"),
                    &format!("1000\r\n{}\r\n", "1".repeat(4096)),
                )
            },
            "longer than 8388608 bytes",
        ),
        (
            "huge length",
            |s| hang(s, &ok("Content-Length: 99999999999999999999")),
            "no HTTP",
        ),
        (
            "garbage chunks",
            |s| hang(s, &(ok("Transfer-Encoding: chunked") + "zz\r\n!!")),
            "no HTTP|chunk",
        ),
        (
            "chunk of all memory",
            |s| {
                hang(
                    s,
                    &(ok("Transfer-Encoding: chunked") + "ffffffffffffffff\r\n!!"),
                )
            },
            "no HTTP|no whole answer|chunk",
        ),
        (
            "no HTTP",
            |s| hang(s, "SSH-2.0-OpenSSH_9.2\r\n\r\n"),
            "no HTTP",
        ),
        ("nothing", |s| hang(s, ""), "no whole answer within 2000 ms"),
        (
            "half a head",
            |s| hang(s, "HTTP/1.1 200 OK\r\nContent-"),
            "no whole answer within 2000 ms",
        ),
        (
            "half a body",
            |s| hang(s, &(ok("Content-Length: 100") + "{")),
            "no whole answer within 2000 ms",
        ),
        (
            "slow drip",
            |s| {
                let _ = s.write_all(ok("Content-Length: 1000000").as_bytes());
                while s.write_all(b" ").is_ok() {
                    thread::sleep(Duration::from_millis(50));
                }
                false
            },
            "no whole answer within 2000 ms",
        ),
        (
            "no JSON",
            |s| answer(s, "200 OK", "<html>"),
            "is not what Proxmox VE's API answers",
        ),
        (
            "deep JSON",
            |s| answer(s, "200 OK", &"[".repeat(500_000)),
            "is not what Proxmox VE's API answers",
        ),
    ];
    let desk = Desk::new("");
    for (name, act, says) in acts {
        let server = Server::new("api", move |_, stream| act(stream));
        desk.hosts(&server.pinned(&format!("{BY_TOKEN}\ntimeout = \"2s\"")));
        // The secret is unlocked by a run that is not measured.
        desk.run(&["cluster", "status"]);
        let mut command = desk.wrapped(&peak::STOPPED, "", &["cluster", "status"]);
        let begun = Instant::now();
        let mut child = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (_, most) = peak::run(&child).unwrap();
        let took = begun.elapsed();
        let mut err = String::new();
        let mut stderr = child.stderr.take().unwrap();
        stderr.read_to_string(&mut err).unwrap();
        assert!(
            says.split('|').any(|part| err.contains(part)),
            "{name}: {err}"
        );
        assert!(took < Duration::from_secs(6), "{name}: {took:?}");
        let most = most.expect("ptrace");
        assert!(most < MEMORY, "{name}: {most} KiB");
    }
}

#[test]
fn a_handshake_that_drips_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            // The record of a handshake, a byte at a time.
            let mut record = vec![0x16, 3, 3, 0x40, 0];
            record.resize(10_000, 2);
            for byte in record {
                if stream.write_all(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    });
    let desk = Desk::new(&format!(
        "[[api.host]]\nname = \"pve1\"\naddress = \"127.0.0.1\"\nport = {port}\nverify = false\n{BY_TOKEN}\n\
         connect-timeout = \"1s\"\ntimeout = \"2s\"\n"
    ));
    desk.run(&["cluster", "status"]);
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    assert!(run.took < Duration::from_secs(5), "{run:?}");
    run.says(&["pve1: not sent: no connection in time"]);
}

/// A node with these VMs, whose guests have this time.
fn numbers(vmids: &'static [&'static str], time: &'static str) -> Server {
    Server::new("api", move |request, stream| {
        let path = request.split(' ').nth(1).unwrap();
        let data = if path.contains("/cluster/resources") {
            let vm = |vmid: &&str| {
                format!(r#"{{"type":"qemu","vmid":{vmid},"node":"pve1","status":"running"}}"#)
            };
            let vms: Vec<String> = vmids.iter().map(vm).collect();
            format!("[{}]", vms.join(","))
        } else if path.contains("/get-time") {
            format!("{{\"result\":{time}}}")
        } else {
            return node(request, stream);
        };
        answer(stream, "200 OK", &format!("{{\"data\":{data}}}"))
    })
}

#[test]
fn numbers_beyond_all_measure_are_no_vms_and_no_times() {
    let odd = [
        "100",
        "99999999999999999999",
        "-100",
        "1e2",
        "4294967396",
        "100.5",
        "1e300",
    ];
    let odd: &'static [&'static str] = odd.to_vec().leak();
    let desk = Desk::new("");
    for time in ["99999999999999999999999", "-9223372036854775808", "1e300"] {
        desk.hosts(&numbers(odd, time).pinned(BY_TOKEN));
        let (code, rows) = desk.json(&["cluster", "drift"]);
        assert_eq!(code, Some(1), "{rows}");
        let rows = rows.as_array().unwrap();
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0]["remark"].is_string(), "{rows:?}");
    }
    // No JSON at all has this one.
    desk.hosts(&numbers(&["1e400"], "1").pinned(BY_TOKEN));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(5), "{run:?}");
    run.says(&["pve1: no answer: its answer is not what Proxmox VE's API answers"]);
}

#[test]
fn what_passes_is_tried_again_and_what_does_not_is_not() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let server = Server::new("api", |request, stream| {
        match ASKED.fetch_add(1, Ordering::SeqCst) {
            // Cut off, and then three faces of a proxy.
            0 => false,
            1 | 2 => answer(stream, "502 Bad Gateway", "<html>"),
            _ => node(request, stream),
        }
    });
    let desk = Desk::new(&server.pinned(BY_TOKEN));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(server.count("GET /api2/json/cluster/status"), 4);
    for (status, times) in [("500 Internal", 1), ("503 Busy", 4)] {
        let server = Server::new("api", move |_, stream| answer(stream, status, "{}"));
        desk.hosts(&server.pinned(BY_TOKEN));
        let run = desk.run(&["cluster", "status"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        assert_eq!(server.seen().len(), times, "{status}");
        let word = status.split_once(' ').unwrap().1;
        run.says(&["pve1: refused (50", word]);
    }
}

#[test]
fn a_redirection_is_not_followed_and_a_proxy_of_the_environment_not_used() {
    let other = Server::new("api", node);
    let to = format!("https://127.0.0.1:{}/", other.port);
    let server = Server::new("api", move |_, stream| {
        answer(stream, &format!("302 Found\r\nLocation: {to}"), "")
    });
    let desk = Desk::new(&server.pinned(BY_TOKEN));
    let mut command = desk.command(&["cluster", "status"]);
    for name in ["https_proxy", "HTTPS_PROXY", "ALL_PROXY", "http_proxy"] {
        command.env(name, format!("http://127.0.0.1:{}", other.port));
    }
    let run = crate::support::Run::of(&mut command);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["refused (302)", "it leads elsewhere, and is not followed"]);
    assert_eq!((other.connections(), server.seen().len()), (0, 1));
}

/// A proxy that hands on what comes, and the first lines that it was told.
fn proxy() -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let lines = Arc::clone(&told);
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                client.read_exact(&mut byte).unwrap();
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let line = head.lines().next().unwrap();
            let target = line.split(' ').nth(1).unwrap();
            let server = std::net::TcpStream::connect(target).unwrap();
            lines.lock().unwrap().push(line.to_owned());
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            for (mut from, mut to) in [
                (client.try_clone().unwrap(), server.try_clone().unwrap()),
                (server, client),
            ] {
                thread::spawn(move || {
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                });
            }
        }
    });
    (port, told)
}

#[test]
fn a_proxy_that_config_toml_names_is_used_and_sees_nothing_but_the_address() {
    let server = Server::new("api", node);
    let (port, told) = proxy();
    let lines = format!("{BY_TOKEN}\nproxy = \"127.0.0.1:{port}\"");
    let desk = Desk::new(&server.pinned(&lines));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let told = told.lock().unwrap();
    let line = format!("CONNECT 127.0.0.1:{} HTTP/1.1", server.port);
    assert!(
        !told.is_empty() && told.iter().all(|one| *one == line),
        "{told:?}"
    );
    assert_eq!(told.len(), server.connections());
}

#[test]
fn a_node_of_fakepve_that_drops_and_hangs_is_asked_again_or_given_up_in_time() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
for n in range(20): pve.add_vm(100 + n, 'v', status='running', config={'agent': '1'}).agent = {}
pve.flaky_network(drop_rate=0.15, seed=7)
pve._random.seed(7)
",
    );
    let (id, secret) = crate::desk::TOKEN.split_once('=').unwrap();
    cluster.run(&format!("pve.apitokens['{id}'] = '{secret}'"));
    let desk = Desk::new(&host("pve1", &cluster, 0, BY_TOKEN));
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(0), "{rows}");
    assert_eq!(rows.as_array().unwrap().len(), 20);
    // A hanging agent keeps nobody else waiting.
    cluster.run("pve.flaky_network(); pve.time_scale = 1.0; pve.vm(103).agent_hangs = True");
    desk.hosts(&(host("pve1", &cluster, 0, BY_TOKEN) + "timeout = \"2s\"\n"));
    let begun = Instant::now();
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(1), "{rows}");
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );
    let rows = rows.as_array().unwrap();
    let silent: Vec<_> = rows
        .iter()
        .filter(|row| row["guest_time"].is_null())
        .collect();
    assert_eq!(silent.len(), 1);
    assert_eq!(silent[0]["vmid"], json!(103));
}

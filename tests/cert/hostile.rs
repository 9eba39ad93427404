//! Servers that mean no good: each ends in a clear error, in time and in little memory.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::servers::{Server, certificate};
use super::support::peak;
use super::{Stdio, time_shift};

/// A server that does not read what it is asked.
#[derive(Debug)]
pub(crate) struct Hostile {
    pub(crate) name: String,
}

impl Hostile {
    /// One that does `act` with each connection, once the client has spoken.
    pub(crate) fn acts(act: impl Fn(TcpStream) + Send + Sync + 'static) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let name = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let act = std::sync::Arc::new(act);
            for mut stream in listener.incoming().map_while(Result::ok) {
                let act = std::sync::Arc::clone(&act);
                thread::spawn(move || {
                    let _ = stream.read(&mut [0; 4096]);
                    act(stream);
                });
            }
        });
        Hostile { name }
    }

    /// One that says this and waits.
    pub(crate) fn says(bytes: Vec<u8>) -> Hostile {
        Hostile::acts(move |mut stream| {
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 1]);
        })
    }
}

fn sized(width: usize, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    [&length[8 - width..], content].concat()
}

/// Handshake messages in records, after a ServerHello.
pub(crate) fn answer(message: &[u8]) -> Vec<u8> {
    let hello = [&[3, 3][..], &[7; 32], &[0], &[0, 0x2f], &[0]].concat();
    let all = [&[2][..], &sized(3, &hello), message].concat();
    let parts = all.chunks(16_384);
    parts
        .flat_map(|part| [&[22, 3, 3][..], &sized(2, part)].concat())
        .collect()
}

pub(crate) fn certificates(chain: &[Vec<u8>]) -> Vec<u8> {
    let list: Vec<u8> = chain.iter().flat_map(|der| sized(3, der)).collect();
    [&[11][..], &sized(3, &sized(3, &list))].concat()
}

/// `depth` sequences, one in the other.
fn nested(depth: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..depth {
        let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
        inner = [&[0x30, 0x84], &length[..], &inner[..]].concat();
    }
    inner
}

fn der() -> Vec<u8> {
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-outform", "DER", "-in"])
        .arg(certificate("rsa"));
    command.output().unwrap().stdout
}

/// Most memory that reading may take, whatever the server does.
const PEAK: u64 = 16 * 1024;

/// Longest that it may take: 10 s, and what a busy machine adds.
const LONGEST: Duration = Duration::from_secs(20);

/// What reading some servers came to.
#[derive(Debug)]
struct Cost {
    code: i32,
    said: String,
    peak: u64,
    took: Duration,
}

/// Reads them, in time and in little memory.
#[track_caller]
// Whoever traces it waits for it.
#[allow(clippy::zombie_processes)]
fn cost(arguments: &[&str]) -> Cost {
    let program = time_shift(arguments);
    let mut command = Command::new(peak::STOPPED[0]);
    command
        .args(&peak::STOPPED[1..])
        .arg(program.get_program())
        .args(program.get_args());
    let begun = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (end, peak) = peak::run(&child).unwrap();
    let took = begun.elapsed();
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let nix::sys::wait::WaitStatus::Exited(_, code) = end else {
        panic!("{arguments:?}: {end:?}: {said}");
    };
    assert!(took < LONGEST, "{arguments:?}: {took:?}");
    let peak = peak.expect("ptrace is not allowed here");
    assert!(peak <= PEAK, "{arguments:?}: {peak} KiB: {said}");
    Cost {
        code,
        said,
        peak,
        took,
    }
}

/// Ends with `code` and one line with `part`, which comes back with what it cost.
#[track_caller]
fn ends(name: &str, server: &Hostile, code: i32, part: &str) -> String {
    let cost = cost(&["cert", &server.name]);
    let said = &cost.said;
    assert_eq!(cost.code, code, "{name}: {said}");
    assert!(
        said.lines().count() == 1 && said.contains(part),
        "{name}: {said}"
    );
    format!(
        "{name}: {} KiB, {:.1} s: {}",
        cost.peak,
        cost.took.as_secs_f64(),
        said.trim()
    )
}

#[test]
fn hostile_servers_cost_ten_seconds_and_sixteen_megabytes_at_most_a4() {
    let der = der();
    let mut huge = vec![11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc];
    huge.resize(16 * 1024 * 1024, 0x30);
    let announced = [11, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc];
    let cut = certificates(&[der[..der.len() - 1].to_vec()]);
    let mut lying = certificates(std::slice::from_ref(&der));
    lying[9] = lying[9].wrapping_add(1);
    let drip = Hostile::acts(|mut stream| {
        // A record that lasts for hours.
        while stream.write_all(&[22]).is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    let slow = Hostile::acts(|mut stream| {
        let _ = stream.write_all(&[22, 3, 3, 0x40, 0]);
        while stream.write_all(&[0]).is_ok() {
            thread::sleep(Duration::from_millis(200));
        }
    });
    let endless = |record: Vec<u8>| {
        Hostile::acts(move |mut stream| {
            let many = record.repeat(1000);
            while stream.write_all(&many).is_ok() {}
        })
    };
    // A handshake that goes well up to its certificates: a hundred KiB of them.
    let chain = std::fs::read_to_string(certificate("rsa"))
        .unwrap()
        .repeat(100);
    let file = certificate("large");
    std::fs::write(&file, chain).unwrap();
    let large = Server::openssl("rsa", &["-tls1_3", "-cert_chain", file.to_str().unwrap()]);
    let large = Hostile { name: large.name() };
    let cases = [
        (
            "silence",
            Hostile::says(Vec::new()),
            5,
            "does not answer in time",
        ),
        ("a drip of record types", drip, 1, "no TLS"),
        ("a record byte by byte", slow, 5, "does not answer in time"),
        (
            "empty records without end",
            endless(vec![22, 3, 3, 0, 0]),
            1,
            "without a certificate",
        ),
        (
            "warnings without end",
            endless(vec![21, 3, 3, 0, 2, 1, 0]),
            1,
            "without a certificate",
        ),
        (
            "HelloRequests without end",
            endless(vec![22, 3, 3, 0, 4, 0, 0, 0, 0]),
            1,
            "without a certificate",
        ),
        (
            "16 MB announced",
            Hostile::says(answer(&announced)),
            1,
            "16777215 bytes, and at most",
        ),
        (
            "16 MB sent",
            Hostile::says(answer(&huge)),
            1,
            "16777215 bytes, and at most",
        ),
        (
            "a record too long",
            Hostile::says(vec![22, 3, 3, 0xff, 0xff, 0]),
            1,
            "a record of 65535 bytes",
        ),
        (
            "a list whose lengths lie",
            Hostile::says(answer(&lying)),
            1,
            "lengths in its list",
        ),
        (
            "DER that is cut off",
            Hostile::says(answer(&cut)),
            1,
            "not to be understood",
        ),
        (
            "sequences in sequences",
            Hostile::says(answer(&certificates(&[nested(8_000)]))),
            1,
            "not to be understood",
        ),
        (
            "eleven certificates",
            Hostile::says(answer(&certificates(&vec![der.clone(); 11]))),
            1,
            "11 certificates",
        ),
        ("one that hangs up", Hostile::acts(drop), 1, "it hung up"),
        (
            "a large chain in TLS 1.3",
            large,
            1,
            "HandshakePayloadTooLarge",
        ),
    ];
    // All at once: most of their time is waiting.
    let lines: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = cases
            .iter()
            .map(|(name, server, code, part)| scope.spawn(|| ends(name, server, *code, part)))
            .collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    println!("{}", lines.join("\n"));
    // As many in one call as are read at once.
    let worst = [
        "16 MB sent",
        "a record byte by byte",
        "empty records without end",
        "sequences in sequences",
    ];
    let mut arguments = vec!["cert"];
    for (name, server, ..) in &cases {
        if worst.contains(name) {
            arguments.extend([server.name.as_str(); 2]);
        }
    }
    assert_eq!(arguments.len(), 9);
    let together = cost(&arguments);
    assert_eq!(together.said.lines().count(), 8, "{together:?}");
    println!("eight at once: {} KiB", together.peak);
}

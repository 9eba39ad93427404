//! The twelve servers that have to be read, beside what `openssl s_client` reads.
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use time_shift::cert::Protocol;

use super::answer::{Outcome, answer};
use super::relay::relay;
use super::servers::{Server, fingerprint, project};
use super::support::Run;
use super::{read, run};

/// A server, and what has to be read from it.
struct Case {
    /// For the table.
    name: &'static str,
    server: fn() -> Server,
    certificate: &'static str,
    protocol: &'static str,
    key: (&'static str, u64),
    signature: &'static str,
    not_after: &'static str,
    state: &'static str,
    date: &'static str,
    chain: u64,
}

/// OpenSSL with everything that it still has.
const ALL: [&str; 2] = ["-cipher", "ALL:@SECLEVEL=0"];

const PLAIN: Case = Case {
    name: "",
    server: || Server::old("3.0", "rc4"),
    certificate: "rsa",
    protocol: "SSLv3",
    key: ("RSA", 2048),
    signature: "sha256WithRSAEncryption",
    not_after: "2035-01-01T00:00:00Z",
    state: "valid",
    date: "2034-12-02T00:00:00Z",
    chain: 1,
};

const EC: Case = Case {
    certificate: "ec",
    protocol: "TLS 1.2",
    key: ("EC", 256),
    signature: "ecdsa-with-SHA256",
    ..PLAIN
};

const TWELVE: [Case; 12] = [
    Case {
        name: "SSLv3, RC4",
        ..PLAIN
    },
    Case {
        name: "SSLv3, 3DES",
        server: || Server::old("3.0", "3des"),
        ..PLAIN
    },
    Case {
        name: "TLS 1.0, RC4",
        server: || Server::old("3.1", "rc4"),
        protocol: "TLS 1.0",
        ..PLAIN
    },
    Case {
        name: "TLS 1.0, AES; SHA-1, RSA 1024, expired",
        server: || Server::openssl("rsa-1024-sha1", &[&["-tls1"][..], &ALL].concat()),
        certificate: "rsa-1024-sha1",
        protocol: "TLS 1.0",
        key: ("RSA", 1024),
        signature: "sha1WithRSAEncryption",
        not_after: "2016-07-15T12:00:00Z",
        state: "expired",
        date: "2016-06-15T12:00:00Z",
        ..PLAIN
    },
    Case {
        name: "TLS 1.1, 3DES",
        server: || Server::old("3.2", "3des"),
        protocol: "TLS 1.1",
        ..PLAIN
    },
    Case {
        name: "TLS 1.2, RSA",
        server: || Server::openssl("rsa", &["-tls1_2"]),
        protocol: "TLS 1.2",
        ..PLAIN
    },
    Case {
        name: "TLS 1.2, ECDSA",
        server: || Server::openssl("ec", &["-tls1_2"]),
        ..EC
    },
    Case {
        name: "TLS 1.2, a chain of which the issuer expired first",
        server: || Server::openssl("chain", &["-tls1_2"]),
        certificate: "chain",
        protocol: "TLS 1.2",
        not_after: "2018-01-01T00:00:00Z",
        state: "expired",
        date: "2016-06-15T12:00:00Z",
        chain: 2,
        ..PLAIN
    },
    Case {
        name: "TLS 1.3 only, RSA",
        server: || Server::openssl("rsa", &["-tls1_3"]),
        protocol: "TLS 1.3",
        ..PLAIN
    },
    Case {
        name: "TLS 1.3 only, ECDSA",
        server: || Server::openssl("ec", &["-tls1_3"]),
        protocol: "TLS 1.3",
        ..EC
    },
    Case {
        name: "TLS 1.2, not yet valid",
        server: || Server::openssl("future", &["-tls1_2"]),
        certificate: "future",
        not_after: "2095-01-01T00:00:00Z",
        state: "not-yet",
        date: "2094-12-02T00:00:00Z",
        ..EC
    },
    Case {
        name: "TLS 1.2, GeneralizedTime 2055",
        server: || Server::openssl("year-2055", &["-tls1_2"]),
        certificate: "year-2055",
        protocol: "TLS 1.2",
        not_after: "2055-01-01T00:00:00Z",
        date: "2054-12-02T00:00:00Z",
        ..PLAIN
    },
];

/// Whether `openssl s_client` shows the server's certificate.
fn s_client_reads(server: &Server, options: &[&str]) -> &'static str {
    let mut command = Command::new("openssl");
    command
        .args(["s_client", "-connect", &server.name()])
        .args(options);
    match Run::of(&mut command)
        .out
        .contains("-----BEGIN CERTIFICATE-----")
    {
        true => "read",
        false => "not read",
    }
}

#[test]
fn the_twelve_are_read_a4() {
    let mut table = "| Server | `time-shift cert` | round trips | `openssl s_client` | with `ALL:@SECLEVEL=0` |\n\
                     |---|---|---:|---|---|\n"
        .to_owned();
    let mut documented = true;
    let readme = std::fs::read_to_string(project().join("README.md")).unwrap();
    let version = openssl_version();
    let series = version.rsplit_once('.').map_or("", |(series, _)| series);
    let of_the_readme = readme.contains(&format!("({series}."));
    for case in &TWELVE {
        let server = (case.server)();
        let (relayed, counts) = relay(server.port);
        let found = read(&relayed, &[]);
        let name = case.name;
        assert_eq!(found["protocol"], case.protocol, "{name}: {found}");
        assert_eq!(found["chain-length"], case.chain, "{name}: {found}");
        assert_eq!(found["state"], case.state, "{name}: {found}");
        assert_eq!(found["date"], case.date, "{name}: {found}");
        let leaf = &found["certificates"][0];
        assert_eq!(leaf["key"]["kind"], case.key.0, "{name}: {found}");
        assert_eq!(leaf["key"]["bits"], case.key.1, "{name}: {found}");
        assert_eq!(leaf["signature"], case.signature, "{name}: {found}");
        assert_eq!(leaf["not-after"], case.not_after, "{name}: {found}");
        let sha256 = fingerprint(case.certificate)
            .replace(':', "")
            .to_lowercase();
        assert_eq!(leaf["sha256"], sha256, "{name}: {found}");
        let said = counts.said.lock().unwrap();
        fuzzers_read_it_too(case, &said);
        if let Some(folder) = std::env::var_os("TIME_SHIFT_RECORD") {
            record(folder.as_ref(), name, &said);
        }
        let trips = counts.round_trips.load(Ordering::SeqCst);
        let connections = counts.connections.load(Ordering::SeqCst);
        if case.protocol != "TLS 1.3" {
            assert!(trips <= 2 && connections <= 2, "{name}: {counts:?}");
        }
        let row = format!(
            "| {name} | read | {trips} | {} | {} |\n",
            s_client_reads(&server, &[]),
            s_client_reads(&server, &ALL)
        );
        // What openssl reads depends on its version.
        let ours = match of_the_readme {
            true => row.clone(),
            false => format!("| {name} | read | {trips} | "),
        };
        documented &= readme.contains(&ours);
        table.push_str(&row);
    }
    // Past the capture of a test's output: the table is what this is for.
    let mut out = std::io::stdout();
    write!(
        out,
        "\nWhat is read from twelve servers, with {version}:\n\n{table}\n"
    )
    .unwrap();
    assert!(documented, "README.md has another table");
}

/// What the fuzzers start from says the same to them.
#[track_caller]
fn fuzzers_read_it_too(case: &Case, said: &[Vec<u8>]) {
    let protocol = [
        Protocol::Ssl3,
        Protocol::Tls10,
        Protocol::Tls11,
        Protocol::Tls12,
    ]
    .into_iter()
    .find(|protocol| protocol.as_str() == case.protocol);
    // In TLS 1.3 the certificate is encrypted.
    if let Some(protocol) = protocol {
        let chain = Outcome::Chain(protocol, usize::try_from(case.chain).unwrap());
        let read = said.iter().any(|said| answer(said) == chain);
        assert!(read, "{}: {said:?}", case.name);
    }
}

/// Keeps what a server said, for tests/fuzz/corpus.
fn record(folder: &Path, name: &str, said: &[Vec<u8>]) {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    for (number, said) in said.iter().enumerate() {
        let file = format!("{}_{number}", words.join("-").to_lowercase());
        std::fs::write(folder.join(file), said).unwrap();
    }
}

/// Like `OpenSSL 3.0.19`.
fn openssl_version() -> String {
    let run = Run::of(Command::new("openssl").arg("version"));
    let words: Vec<&str> = run.out.split_ascii_whitespace().take(2).collect();
    words.join(" ")
}

#[test]
fn what_refuses_everything_is_an_error_that_lists_what_was_tried() {
    // Only suites without certificates.
    let server = Server::openssl(
        "rsa",
        &[
            "-tls1_2",
            "-nocert",
            "-psk",
            "00",
            "-cipher",
            "PSK:@SECLEVEL=0",
        ],
    );
    let run = run(&["cert", &server.name()]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "asked with TLS 1.2: it refused: alert 40",
        "asked with TLS 1.3: ",
        "asked with SSLv3: ",
    ]);
}

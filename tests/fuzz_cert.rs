//! What twelve servers said, changed in every way that comes to mind, is read without a panic, in
//! little memory and time. A4, F4.
//!
//! `tests/fuzz/corpus` has what the servers of tests/cert/twelve.rs said, a file a connection;
//! TIME_SHIFT_RECORD=tests/fuzz/corpus with that test says it anew. `tests/fuzz/run` does the same as
//! this, led by coverage.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "fuzz/answer.rs"]
mod answer;
#[path = "fuzz/mutate.rs"]
mod mutate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use answer::{Outcome, answer, certificate};
use mutate::Mutator;
use time_shift::cert::{Inbox, Progress, Protocol, ReadError};

/// Longest that one answer may take, on a busy machine and without optimisation.
const LONGEST: Duration = Duration::from_secs(5);

/// Most by which the memory of this process may grow over that of reading what servers really said, in
/// KiB.
const GROWTH: u64 = 16 * 1024;

fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    files
        .map(|file| {
            let name = file.file_name().into_string().unwrap();
            (name, std::fs::read(file.path()).unwrap())
        })
        .collect()
}

fn answers() -> BTreeMap<String, Vec<u8>> {
    files("tests/fuzz/corpus")
}

/// Certificates: those of the library's own tests, and those in the answers.
fn certificates() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = files("src/cert/fixtures").into_values().collect();
    for said in answers().into_values() {
        if let Ok(Progress::Done { chain, .. }) = Inbox::default().take(&said) {
            all.extend(chain);
        }
    }
    all
}

#[test]
fn what_servers_really_said_is_read() {
    let read: BTreeMap<String, Outcome> = answers()
        .into_iter()
        .map(|(name, said)| (name, answer(&said)))
        .collect();
    let chains: Vec<(&str, Protocol, usize)> = read
        .iter()
        .filter_map(|(name, outcome)| match outcome {
            Outcome::Chain(protocol, length) => Some((name.as_str(), *protocol, *length)),
            _ => None,
        })
        .collect();
    use Protocol as P;
    assert_eq!(
        chains,
        [
            ("sslv3-3des_0", P::Ssl3, 1),
            ("sslv3-rc4_0", P::Ssl3, 1),
            ("tls-1-0-aes-sha-1-rsa-1024-expired_0", P::Tls10, 1),
            ("tls-1-0-rc4_0", P::Tls10, 1),
            ("tls-1-1-3des_0", P::Tls11, 1),
            (
                "tls-1-2-a-chain-of-which-the-issuer-expired-first_0",
                P::Tls12,
                2
            ),
            ("tls-1-2-ecdsa_0", P::Tls12, 1),
            ("tls-1-2-generalizedtime-2055_0", P::Tls12, 1),
            ("tls-1-2-not-yet-valid_0", P::Tls12, 1),
            ("tls-1-2-rsa_0", P::Tls12, 1),
        ]
    );
    // The other connections: a refusal of today's suites, one of all but TLS 1.3, and TLS 1.3 itself,
    // where the certificate is encrypted.
    for (name, outcome) in &read {
        let expected = match name.rsplit_once('_').unwrap() {
            ("tls-1-3-only-rsa" | "tls-1-3-only-ecdsa", "0") => ReadError::Alert(70),
            ("tls-1-3-only-rsa" | "tls-1-3-only-ecdsa", "1") => ReadError::NoCertificate,
            (_, "1") => ReadError::Alert(40),
            _ => continue,
        };
        assert_eq!(*outcome, Outcome::Refused(expected), "{name}");
    }
    assert_eq!(read.len(), 18);
    let certificates = certificates();
    assert!(certificates.len() >= 16, "{}", certificates.len());
    assert!(certificates.iter().all(|der| certificate(der)));
}

/// Reads `count` answers and certificates that are made of real ones by `seed`.
fn changed(seed: u64, count: u64) {
    let (answers, certificates) = (answers().into_values().collect(), certificates());
    for der in &certificates {
        certificate(der);
    }
    let before = peak();
    let mut mutator = Mutator::new(seed, answers, certificates);
    let mut seen = [0_u64; 4];
    for number in 0..count {
        let made = mutator.next();
        let begun = Instant::now();
        let read = std::panic::catch_unwind(|| {
            let understood = certificate(&made.der);
            (understood, answer(&made.answer))
        });
        let took = begun.elapsed();
        let Ok((understood, outcome)) = read else {
            let (der, answer) = (kept(&made.der, "der"), kept(&made.answer, "answer"));
            panic!("seed {seed}, number {number}: see {der:?} and {answer:?}");
        };
        assert!(took < LONGEST, "seed {seed}, number {number}: {took:?}");
        seen[3] += u64::from(understood);
        seen[match outcome {
            Outcome::Hungry => 0,
            Outcome::Refused(_) => 1,
            Outcome::Chain(..) => 2,
        }] += 1;
    }
    let grown = peak() - before;
    println!(
        "seed {seed}: {count} answers: {} unfinished, {} refused, {} read; {} certificates understood; \
         {grown} KiB more memory",
        seen[0], seen[1], seen[2], seen[3]
    );
    assert!(grown <= GROWTH, "{grown} KiB");
    // It comes to each end often enough to say something about it.
    assert!(seen.iter().all(|seen| *seen > count / 100), "{seen:?}");
}

/// Leaves what made it fail where a person finds it.
fn kept(bytes: &[u8], kind: &str) -> PathBuf {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-cert.{kind}"));
    std::fs::write(&file, bytes).unwrap();
    file
}

/// The largest resident memory of this process so far, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let (_, rest) = status.split_once("VmHWM:").unwrap();
    let number = rest.split_ascii_whitespace().next().unwrap();
    number.parse().unwrap()
}

#[test]
fn changed_answers_are_read_or_refused_a4_f4() {
    changed(1, 3_000);
}

// A quarter of a million of them; led by coverage, millions in the same time.
#[test]
#[ignore = "takes minutes"]
fn many_more_changed_answers_are_read_or_refused_a4_f4() {
    for seed in 2..7 {
        changed(seed, 50_000);
    }
}

//! Servers so old that they refuse a hello that is newer than they are, in the ways in which they do.
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::read;
use super::relay::{holding, picky};
use super::servers::Server;

/// The version that a ClientHello asks for.
fn version(hello: &[u8]) -> u16 {
    u16::from_be_bytes([hello[9], hello[10]])
}

/// Whether something follows its compression methods: extensions.
fn is_extended(hello: &[u8]) -> bool {
    let session = 43;
    let suites = session + 1 + usize::from(hello[session]);
    let length = usize::from(u16::from_be_bytes([hello[suites], hello[suites + 1]]));
    let compression = suites + 2 + length;
    hello.len() > compression + 1 + usize::from(hello[compression])
}

/// A fatal alert of TLS 1.0.
fn alert(description: u8) -> Vec<u8> {
    vec![21, 3, 1, 0, 2, 2, description]
}

#[test]
fn a_server_that_knows_no_later_version_is_read_in_two_round_trips_a4() {
    let server = Server::openssl("rsa-1024-sha1", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    // It hangs up; handshake failure, illegal parameter, decode error, protocol version.
    for refusal in [Vec::new(), alert(40), alert(47), alert(50), alert(70)] {
        let answer = refusal.clone();
        let (name, counts) = picky(server.port, move |hello| {
            (version(hello) > 0x0301).then(|| answer.clone())
        });
        let found = read(&name, &[]);
        assert_eq!(found["protocol"], "TLS 1.0", "{refusal:?}: {found}");
        assert_eq!(found["date"], "2016-06-15T12:00:00Z", "{refusal:?}");
        let trips = counts.round_trips.load(Ordering::SeqCst);
        assert_eq!(trips, 2, "{refusal:?}");
    }
}

#[test]
fn a_server_that_knows_no_extensions_is_read() {
    let server = Server::old("3.0", "rc4");
    for refusal in [Vec::new(), alert(40), alert(70)] {
        let answer = refusal.clone();
        let (name, _) = picky(server.port, move |hello| {
            let refused = version(hello) > 0x0300 || is_extended(hello);
            refused.then(|| answer.clone())
        });
        let found = read(&name, &[]);
        assert_eq!(found["protocol"], "SSLv3", "{refusal:?}: {found}");
        assert_eq!(found["state"], "valid", "{refusal:?}");
    }
}

#[test]
fn a_server_that_says_nothing_to_what_is_newer_is_read_in_time_a4() {
    let server = Server::openssl("rsa-1024-sha1", &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]);
    let (name, _) = holding(server.port, |hello, _| version(hello) > 0x0301);
    let begun = Instant::now();
    let found = read(&name, &[]);
    assert_eq!(found["protocol"], "TLS 1.0", "{found}");
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn what_is_silent_when_asked_again_is_not_said_to_have_rc4_only() {
    let server = Server::old("3.1", "rc4");
    let (name, counts) = holding(server.port, |_, number| number > 0);
    let found = read(&name, &[]);
    assert!(counts.connections.load(Ordering::SeqCst) > 1, "{found}");
    assert!(!found.to_string().contains("rc4-only"), "{found}");
    // One that refuses is.
    let (name, _) = picky(server.port, {
        let asked = AtomicUsize::new(0);
        move |_| (asked.fetch_add(1, Ordering::SeqCst) > 0).then(|| alert(40))
    });
    let found = read(&name, &[]);
    assert!(found.to_string().contains("rc4-only"), "{found}");
}

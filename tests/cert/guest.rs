//! The whole way: a server's certificate is pinned, a guest starts, and openssl within that guest is the
//! judge of whether its date is a good one. A4.
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::servers::{Server, certificate};
use super::support::{Guest, World, allow};

/// Longest that anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(240);

/// A node whose VM 100 takes its time from this server.
fn world(server: &Server) -> World {
    let allowlist = allow(&format!("cert:{}", server.name())).replace(
        "stages = [\"rtc\"]\n",
        "stages = [\"rtc\", \"agent\"]\nhold = \"0s\"\n",
    );
    let world = World::with_vm("agent: 1\nmachine: q35\n", &allowlist);
    world.write(
        "/etc/time-shift/config.toml",
        "[paths]\nprogram = \"/usr/libexec/time-shift/time-shift\"\n",
    );
    world
}

/// Waits until the worker has set the guest's clock through its agent.
#[track_caller]
fn until_kept(world: &World) {
    let begun = Instant::now();
    loop {
        let keep = world.read("/run/time-shift/100.keep.json");
        let keep: serde_json::Value = serde_json::from_str(&keep).unwrap_or_default();
        if keep["stage"] == "kept" {
            return;
        }
        assert!(begun.elapsed() < LIMIT, "{keep}");
        sleep(Duration::from_millis(50));
    }
}

/// What openssl in the guest says about the server when it trusts the lab's root alone: whether it
/// accepts it, and its words.
#[track_caller]
fn judged(guest: &Guest<'_>, server: &Server) -> (bool, String) {
    let root = std::fs::read_to_string(certificate("ca")).unwrap();
    let mut agent = guest.agent();
    agent.run(&format!("echo '{root}' >/run/ca.pem"));
    let went = agent.shell(&format!("date -u; lab-client {} /run/ca.pem", server.port));
    let shown = std::fs::read_to_string(certificate("leaf")).unwrap();
    assert!(went.log.contains(shown.trim()), "{went:?}");
    (went.code == Some(0), went.log)
}

#[track_caller]
fn refused(guest: &Guest<'_>, server: &Server) {
    let (accepted, words) = judged(guest, server);
    assert!(!accepted, "{words}");
    for part in [
        ":certificate has expired",
        "Verify return code: 10 (certificate has expired)",
    ] {
        assert!(words.contains(part), "{words}");
    }
}

#[test]
fn a_client_in_the_guest_accepts_the_expired_certificate_once_it_is_pinned_a4() {
    let server = Server::openssl("chain", &["-tls1_2"]);
    let name = server.name();
    let world = world(&server);

    // Nobody has confirmed the certificate yet: the guest has the real time.
    let (guest, before, after) = world.start(100, &["--client"]);
    before.one_line(
        0,
        &[
            "CERTIFICATE_NOT_PINNED",
            &format!("time-shift cert pin {name}"),
        ],
    );
    after.silent();
    guest.booted();
    assert!(guest.ahead().abs() <= 2, "{}", guest.serial());
    refused(&guest, &server);
    guest.kill();
    assert_eq!(world.hook(100, "post-stop").code, Some(0));

    let pinned = world.cli(&["cert", "pin", &name, "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    let (guest, before, after) = world.start(100, &["--client"]);
    before.one_line(0, &["boot at 2016-06-15T12:00:00Z"]);
    after.one_line(0, &["RTC set to 2016-06-15T12:0"]);
    until_kept(&world);
    let (accepted, words) = judged(&guest, &server);
    assert!(accepted, "{words}");
    for part in ["Wed Jun 15 12:", "Verify return code: 0 (ok)"] {
        assert!(words.contains(part), "{words}");
    }
    assert!(!words.contains("expired"), "{words}");

    // With the real time back, it is no longer accepted.
    let restored = world.cli(&["restore", "100", "--yes"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    refused(&guest, &server);
}

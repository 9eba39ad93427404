//! By what a host is known, and what is done with one that is another.
use std::path::Path;

use super::server::{Server, node};
use super::servers::{certificate, fingerprint};
use crate::desk::{BY_TOKEN, Desk};
use crate::support::time_shift;

fn good() -> Server {
    Server::new("api", node)
}

/// What `cluster status` comes to with a host that is known by `trust`.
fn status(desk: &Desk, server: &Server, trust: &str) -> crate::support::Run {
    desk.hosts(&server.host(&format!("{trust}\n{BY_TOKEN}")));
    desk.run(&["cluster", "status"])
}

#[test]
fn a_host_is_known_by_authority_or_fingerprint_and_nothing_is_sent_to_another() {
    let desk = Desk::new("");
    let world = &desk.vault.world;
    world.write("/etc/ca.pem", std::fs::read(certificate("ca")).unwrap());
    // What the system trusts is somebody else.
    let system = "/etc/ssl/certs/ca-certificates.crt";
    world.write(system, std::fs::read(certificate("rsa")).unwrap());
    let right = fingerprint("api");
    let plain = right.replace(':', "").to_lowercase();
    let other = fingerprint("api-over");
    let ca = "ca-file = \"/etc/ca.pem\"".to_owned();
    let by = |print: &str| format!("fingerprint = \"{print}\"");
    for (name, trust, why) in [
        ("api", ca.clone(), None),
        ("api", by(&right), None),
        ("api", by(&plain), None),
        ("api", by(&other), Some("whose fingerprint config.toml has")),
        ("api", String::new(), Some("UnknownIssuer")),
        ("api-over", ca.clone(), Some("certificate expired")),
        ("api-other", ca.clone(), Some("not valid for name")),
        ("ec", ca.clone(), Some("UnknownIssuer")),
        // A pinned one is pinned whatever is wrong with it.
        ("api-over", by(&other), None),
    ] {
        let server = Server::new(name, node);
        let run = status(&desk, &server, &trust);
        match why {
            None => assert_eq!(run.code, Some(0), "{name} by {trust}: {run:?}"),
            Some(why) => {
                assert_eq!(run.code, Some(5), "{name} by {trust}: {run:?}");
                let shown = fingerprint(name);
                run.says(&["pve1: not sent: its certificate is refused", why, &shown]);
                assert_eq!(server.seen(), [""; 0]);
            }
        }
    }
    world.write(system, std::fs::read(certificate("ca")).unwrap());
    let run = status(&desk, &good(), "");
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn on_a_node_its_clusters_authority_counts_without_a_word() {
    let server = good();
    let desk = Desk::new("");
    let ca = std::fs::read(certificate("ca")).unwrap();
    desk.vault.world.write("/etc/pve/pve-root-ca.pem", ca);
    let run = status(&desk, &server, "");
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    // And no other.
    let foreign = Server::new("ec", node);
    let run = status(&desk, &foreign, "");
    assert_eq!(run.code, Some(5), "{run:?}");
}

/// Linked, it would cost each start of each VM.
#[test]
fn nothing_of_the_api_is_in_the_hook() {
    let program = time_shift();
    let has = |program: &Path, word: &str| {
        let bytes = std::fs::read(program).unwrap();
        bytes
            .windows(word.len())
            .any(|window| window == word.as_bytes())
    };
    let hook = program.with_file_name("time-shift-hook");
    for word in ["/api2/json", "PVEAPIToken=", "PVEAuthCookie="] {
        assert!(has(&program, word), "{word}");
        assert!(!has(&hook, word), "{word}");
    }
}

#[test]
fn a_pin_outlives_the_chain_above_it() {
    let desk = Desk::new("");
    let trust = format!("fingerprint = \"{}\"", fingerprint("api"));
    for chain in [&["api"][..], &["api", "ca"], &["api", "issuer"]] {
        let server = Server::sending("api", chain, node);
        let run = status(&desk, &server, &trust);
        assert_eq!(run.code, Some(0), "{chain:?}: {run:?}");
    }
}

#[test]
fn who_is_not_checked_is_warned_about_each_time_and_it_is_written_down() {
    let server = Server::new("api-over", node);
    let desk = Desk::new("");
    for times in 1..=2 {
        let run = status(&desk, &server, "verify = false");
        assert_eq!(run.code, Some(0), "{run:?}");
        run.says(&["warning: pve1: its certificate is not checked (verify = false)"]);
        let records = desk.vault.world.audit();
        let notes = records.iter().filter(|record| {
            let text = record["text"].as_str().unwrap_or_default();
            text.contains("its certificate is not checked")
        });
        assert_eq!(notes.count(), times);
    }
    // Nobody can be asked whether the password is to go there.
    desk.hosts(&server.host("verify = false\nuser = \"root@pam\""));
    let before = server.connections();
    let run = desk.typed("secret\n", &["login", "pve1"]);
    assert_eq!(run.code, Some(2), "{run:?}");
    assert_eq!(server.connections(), before);
    let run = desk.typed("secret\n", &["login", "pve1", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

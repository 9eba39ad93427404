//! Who is asked before a certificate is pinned, and who is not asked at a start.
use std::sync::atomic::Ordering;

use super::pins::{events, old, planned, replaced, world, world_of};
use super::relay::relay;
use super::servers::fingerprint;
use super::support::{Session, World};

/// The command line at a terminal, on which this is typed.
fn typed(world: &World, arguments: &[&str], answer: &str) -> Session {
    let mut command = world.command("/usr/libexec/time-shift/time-shift");
    command.args(arguments);
    Session::of(&command, answer)
}

#[test]
fn whoever_pins_sees_the_fingerprint_and_says_yes_to_it_a4() {
    let server = old();
    let (name, world) = (server.name(), world(&server));
    let sha256 = fingerprint("rsa-1024-sha1");
    let shown = [
        sha256.as_str(),
        "  subject     CN=rsa-1024-sha1, O=Lab\n",
        "  not after   2016-07-15T12:00:00Z\n",
        "  date        2016-06-15T12:00:00Z\n",
    ];
    let question = format!("Pin this certificate for cert:{name}? [y/N] ");
    for no in ["n\n", "\n", "x\n", ""] {
        let session = typed(&world, &["cert", "pin", &name], no);
        session.shows(2, &shown);
        session.shows(2, &[&question, "nothing was changed"]);
        assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED", "{no:?}");
        assert_eq!(events(&world, "cert-pinned").len(), 0, "{no:?}");
    }
    let session = typed(&world, &["cert", "pin", &name], "y\n");
    session.shows(0, &shown);
    session.shows(0, &[&question, "Pinned in "]);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let [record] = &events(&world, "cert-pinned")[..] else {
        panic!("{:?}", world.audit());
    };
    // Nobody has logged in to the lab.
    assert_eq!(record["actor"], "system", "{record}");
    assert_eq!(record["target"], format!("cert:{name}"), "{record}");

    // Another certificate: the pin is as it was until somebody agrees.
    let server = replaced(server, "rsa");
    let name = server.name();
    let changed = "it shows another certificate than was pinned on ";
    let session = typed(&world, &["cert", "refresh"], "n\n");
    session.shows(1, &[changed, &fingerprint("rsa"), "nothing was changed"]);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let session = typed(&world, &["cert", "refresh", &name], "y\n");
    session.shows(0, &[changed, &fingerprint("rsa"), "Pinned in "]);
    assert_eq!(planned(&world), "2034-12-02T00:00");
}

#[test]
fn a_start_connects_to_nobody_a4() {
    let server = old();
    let (name, counts) = relay(server.port);
    let world = world_of(&name);
    assert_eq!(world.cli(&["cert", "pin", &name, "--yes"]).code, Some(0));
    let connections = || counts.connections.load(Ordering::SeqCst);
    let before = connections();
    assert!(before > 0);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let start = world.hook(100, "pre-start");
    start.one_line(0, &["boot at 2016-06-15T12:00:00Z"]);
    assert_eq!(connections(), before);
    // Unlike these.
    assert_eq!(world.cli(&["cert", "refresh"]).code, Some(0));
    assert_eq!(world.cli(&["check"]).code, Some(0));
    assert!(connections() >= before + 2);
}

#[test]
fn a_certificate_further_away_than_the_rule_allows_is_denied_b2() {
    let server = old();
    let world = world(&server);
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    let narrow = allowlist.replace("max-shift = \"100y\"", "max-shift = \"5y\"");
    world.write("/etc/time-shift/allowlist.toml", narrow);
    assert_eq!(planned(&world), "SHIFT_TOO_LARGE");
    world
        .hook(100, "pre-start")
        .one_line(0, &["SHIFT_TOO_LARGE", "at most P5Y between them"]);
    assert_eq!(world.note(100), None);
}

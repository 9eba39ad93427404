//! Pins: made by a person, followed by starts without a network, never changed silently.
use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use super::servers::{Server, fingerprint};
use super::support::{World, allow};

pub(crate) const OWN: &str = "/var/lib/time-shift/certs";
pub(crate) const CLUSTER: &str = "/etc/pve/time-shift/certs";

/// A node whose VM 100 takes its time from this server.
pub(crate) fn world(server: &Server) -> World {
    world_of(&server.name())
}

/// The same for a server of this name.
pub(crate) fn world_of(name: &str) -> World {
    let world = World::with_vm(
        "machine: q35\nhookscript: local:snippets/time-shift\n",
        &allow(&format!("cert:{name}")),
    );
    assert_eq!(world.cli(&["install-hook"]).code, Some(0));
    world
}

pub(crate) fn old() -> Server {
    Server::openssl("rsa-1024-sha1", &["-tls1_2", "-cipher", "ALL:@SECLEVEL=0"])
}

/// Stops a server and starts another in its place.
pub(crate) fn replaced(server: Server, by: &str) -> Server {
    let at = server.name();
    drop(server);
    Server::openssl_at(&at, by, &["-tls1_2"])
}

pub(crate) fn file(folder: &str, server: &Server) -> String {
    format!("{folder}/127.0.0.1_{}.json", server.port)
}

/// What `plan 100` says about the guest's time, or why it is denied.
pub(crate) fn planned(world: &World) -> String {
    let run = world.cli(&["plan", "100", "--json"]);
    let plan: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    match plan["guest_time"].as_str() {
        Some(time) => time.get(..16).unwrap().to_owned(),
        None => plan["reason"].as_str().unwrap().to_owned(),
    }
}

pub(crate) fn events(world: &World, code: &str) -> Vec<Value> {
    world
        .audit()
        .into_iter()
        .filter(|record| record["event"] == code)
        .collect()
}

#[test]
fn a_start_follows_what_somebody_has_pinned_and_asks_nobody_a4() {
    let server = old();
    let name = server.name();
    let world = world(&server);
    assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED");
    // Nobody can be asked here, and nobody has said --yes.
    let asked = world.cli(&["cert", "pin", &name]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    asked.says(&["Nobody can be asked here", &fingerprint("rsa-1024-sha1")]);
    let other = world.cli(&["cert", "pin", &name, "--sha256", &fingerprint("rsa")]);
    other.one_line(
        1,
        &[
            &fingerprint("rsa-1024-sha1"),
            &fingerprint("rsa"),
            "nothing was pinned",
        ],
    );
    assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED");
    assert_eq!(events(&world, "cert-pinned").len(), 0);

    let pinned = world.cli(&[
        "cert",
        "pin",
        &name,
        "--sha256",
        &fingerprint("rsa-1024-sha1"),
    ]);
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    pinned.says(&[
        &fingerprint("rsa-1024-sha1"),
        "2016-06-15T12:00:00Z",
        &file(OWN, &server),
    ]);
    for (path, mode) in [(OWN.to_owned(), 0o700), (file(OWN, &server), 0o600)] {
        let found = std::fs::metadata(world.path(&path))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    let [record] = &events(&world, "cert-pinned")[..] else {
        panic!("{:?}", world.audit());
    };
    assert_eq!(record["target"], format!("cert:{name}"));
    let sha256 = fingerprint("rsa-1024-sha1").replace(':', "").to_lowercase();
    assert!(
        record["text"].as_str().unwrap().contains(&sha256),
        "{record}"
    );
    let told = |arguments: &[&str]| {
        let run = world.cli(&[&["cert"], arguments, &["--json"]].concat());
        serde_json::from_str::<Value>(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    };
    let as_pinned = told(&["pin", &name]);
    assert_eq!(as_pinned["state"], "as-pinned");
    assert_eq!(as_pinned["sha256"], sha256.as_str());
    assert_eq!(told(&["refresh"])[0], as_pinned);
    let another = told(&["pin", &name, "--sha256", &fingerprint("rsa")]);
    assert_eq!(another["state"], "another");
    let again = world.cli(&["cert", "pin", &name, "--yes"]);
    again.one_line(0, &["pinned already"]);

    // From here on there is no server.
    drop(server);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let start = world.hook(100, "pre-start");
    start.one_line(0, &["profile test", "boot at 2016-06-15T12:00:00Z"]);
    assert!(start.took.as_secs() < 5, "{start:?}");
    assert_eq!(
        world.note(100).unwrap()["grant"]["date"],
        "2016-06-15T12:00:00Z"
    );
    let unread = told(&["refresh"]);
    assert_eq!(unread[0]["state"], "unread");
    let gone = world.cli(&["cert", "refresh"]);
    gone.one_line(5, &[&name, "cannot be reached", "its pin stays as it is"]);
    let check = world.cli(&["check"]);
    assert_eq!(check.code, Some(0), "{check:?}");
    assert!(!check.log().contains("another certificate"), "{check:?}");
}

#[test]
fn another_certificate_is_reported_and_followed_only_when_somebody_says_so_a4() {
    let server = old();
    let world = world(&server);
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    assert_eq!(pinned.code, Some(0), "{pinned:?}");
    let same = world.cli(&["cert", "refresh"]);
    same.one_line(0, &["shows what was pinned on "]);
    let fine = world.cli(&["check"]);
    assert!(!fine.log().contains("certificate"), "{fine:?}");

    let server = replaced(server, "rsa");
    let name = server.name();
    let check = world.cli(&["check"]);
    check.says(&[
        &format!(
            "{}: warning: {name}: it shows another certificate",
            file(OWN, &server)
        ),
        &format!("time-shift cert refresh {name}"),
    ]);
    assert_eq!(check.code, Some(0), "{check:?}");
    let asked = world.cli(&["cert", "refresh"]);
    assert_eq!(asked.code, Some(1), "{asked:?}");
    asked.says(&[
        "it shows another certificate than was pinned on ",
        "Nobody can be asked here",
    ]);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let [changed] = &events(&world, "cert-mismatch")[..] else {
        panic!("{:?}", world.audit());
    };
    assert_eq!(changed["target"], format!("cert:{name}"));
    assert_eq!(events(&world, "cert-pinned").len(), 1);

    let followed = world.cli(&["cert", "refresh", "--yes", &name]);
    assert_eq!(followed.code, Some(0), "{followed:?}");
    assert_eq!(planned(&world), "2034-12-02T00:00");
    assert_eq!(events(&world, "cert-pinned").len(), 2);
    let unknown = world.cli(&["cert", "refresh", "--yes", "127.0.0.1:1"]);
    assert_eq!(unknown.code, Some(1), "{unknown:?}");
    unknown.says(&["is not pinned; run: time-shift cert pin 127.0.0.1:1"]);
}

#[test]
fn a_server_that_cannot_be_pinned_hides_no_other_ones_change_a4() {
    let (one, other) = (old(), Server::openssl("rsa", &["-tls1_2"]));
    // The first that is asked is the one that will be impossible.
    let (first, second) = match one.port < other.port {
        true => (one, other),
        false => (other, one),
    };
    let world = world(&first);
    for server in [&first, &second] {
        let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
        assert_eq!(pinned.code, Some(0), "{pinned:?}");
    }
    let (first_name, second_name) = (first.name(), second.name());
    drop(first);
    let issuer = super::servers::certificate("issuer");
    let chain = ["-tls1_2", "-cert_chain", issuer.to_str().unwrap()];
    let _first = Server::openssl_at(&first_name, "future", &chain);
    let _second = replaced(second, "ec");
    let refreshed = world.cli(&["cert", "refresh", "--yes"]);
    assert_eq!(refreshed.code, Some(1), "{refreshed:?}");
    refreshed.says(&[
        &format!("{first_name}: there is no date at which all certificates are valid"),
        &format!("{second_name}: it shows another certificate"),
        "Pinned in ",
    ]);
    assert_eq!(events(&world, "cert-mismatch").len(), 2);
    let told = world.cli(&["cert", "refresh", "--yes", "--json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(
        (&told[0]["state"], &told[1]["state"]),
        (&"another".into(), &"as-pinned".into())
    );
}

#[test]
fn a_chain_that_is_never_valid_is_not_pinned() {
    // Its issuer is over before it begins.
    let server = Server::openssl(
        "future",
        &[
            "-tls1_2",
            "-cert_chain",
            super::servers::certificate("issuer").to_str().unwrap(),
        ],
    );
    let world = world(&server);
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    assert_eq!(pinned.code, Some(1), "{pinned:?}");
    pinned.says(&["there is no date at which all certificates are valid"]);
    assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED");
}

#[test]
fn the_rules_bounds_hold_for_a_pinned_date_b2() {
    let server = Server::openssl("rsa", &["-tls1_2"]);
    let world = world(&server);
    assert_eq!(
        world.cli(&["cert", "pin", &server.name(), "--yes"]).code,
        Some(0)
    );
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    let with = |latest: &str, earliest: &str, margin: &str| {
        let text = allowlist
            .replace("2105-12-31", latest)
            .replace("1970-01-01", earliest)
            .replace("stages", &format!("{margin}\nstages"));
        world.write("/etc/time-shift/allowlist.toml", text);
        planned(&world)
    };
    assert_eq!(with("2105-12-31", "1970-01-01", ""), "2034-12-02T00:00");
    assert_eq!(
        with("2105-12-31", "1970-01-01", "margin = \"0s\""),
        "2035-01-01T00:00"
    );
    assert_eq!(with("2030-06-30", "1970-01-01", ""), "2030-05-31T23:59");
    assert_eq!(with("2024-12-31", "1970-01-01", ""), "TOO_LATE");
    assert_eq!(with("2105-12-31", "2036-01-01", ""), "TOO_EARLY");
    let run = world.hook(100, "pre-start");
    run.one_line(0, &["TOO_EARLY", "pinned for 127.0.0.1:", "2036-01-01"]);
}

#[test]
fn a_cluster_has_its_pins_beside_its_allowlist() {
    let server = old();
    let world = world(&server);
    assert_eq!(
        world.cli(&["cert", "pin", &server.name(), "--yes"]).code,
        Some(0)
    );
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    world.write("/etc/pve/time-shift/allowlist.toml", allowlist);
    // This node's counts until the cluster has one.
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let refreshed = world.cli(&["cert", "refresh"]);
    refreshed.says(&["is pinned on this node only, and the allowlist is the cluster's"]);
    // The other nodes need it even though nothing has changed.
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    pinned.says(&[&file(CLUSTER, &server)]);
    let again = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    again.one_line(0, &["shows what is pinned already"]);
    let server = replaced(server, "rsa");
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    pinned.says(&[&file(CLUSTER, &server)]);
    assert_eq!(planned(&world), "2034-12-02T00:00");
    std::fs::remove_file(world.path(&file(CLUSTER, &server))).unwrap();
    assert_eq!(planned(&world), "2016-06-15T12:00");
}

#[test]
fn a_pin_that_somebody_else_could_have_made_is_not_believed() {
    let server = old();
    let world = world(&server);
    assert_eq!(
        world.cli(&["cert", "pin", &server.name(), "--yes"]).code,
        Some(0)
    );
    let path = file(OWN, &server);
    let good = world.read(&path);
    let denied = |part: &str| {
        let run = world.hook(100, "pre-start");
        run.one_line(0, &["CERTIFICATE_NOT_PINNED", &path, part]);
        assert_eq!(world.note(100), None);
        let check = world.cli(&["check"]);
        assert_eq!(check.code, Some(1), "{check:?}");
        check.says(&[part]);
    };
    world.write(&path, "{}");
    denied("it is no pin");
    world.write(&path, good.replace(&server.name(), "10.0.0.1:443"));
    denied("it is for 10.0.0.1:443");
    world.write(&path, &good);
    let set = |mode| {
        std::fs::set_permissions(world.path(&path), std::fs::Permissions::from_mode(mode)).unwrap()
    };
    set(0o666);
    denied("must belong to root");
    set(0o600);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let file = world.path(&path);
    std::fs::rename(&file, file.with_extension("other")).unwrap();
    std::os::unix::fs::symlink(file.with_extension("other"), &file).unwrap();
    denied("symbolic link");
}

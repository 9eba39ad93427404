//! What `check` says about pins, and what happens where one cannot be kept.
use super::pins::{CLUSTER, OWN, events, file, old, planned, replaced, world};

#[test]
fn all_of_many_pinned_servers_are_asked_by_check_a4() {
    let server = old();
    let world = world(&server);
    let name = server.name();
    assert_eq!(world.cli(&["cert", "pin", &name, "--yes"]).code, Some(0));
    // Forty that are switched off come before it.
    let pin = world.read(&file(OWN, &server));
    for port in 1..=40 {
        let other = pin.replace(&name, &format!("127.0.0.1:{port}"));
        world.write(&format!("{OWN}/127.0.0.1_{port}.json"), other);
    }
    let before = world.cli(&["check"]);
    assert_eq!(before.code, Some(0), "{before:?}");
    assert!(!before.log().contains("another certificate"), "{before:?}");
    let server = replaced(server, "rsa");
    let changed = world.cli(&["check"]);
    changed.says(&[&format!("{name}: it shows another certificate")]);
    assert_eq!(
        changed.log().matches("another certificate").count(),
        1,
        "{changed:?}"
    );
    drop(server);
}

#[test]
fn a_cluster_is_told_of_another_certificate_and_may_follow_it_a4() {
    let server = old();
    let world = world(&server);
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    world.write("/etc/pve/time-shift/allowlist.toml", allowlist);
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    pinned.says(&[&file(CLUSTER, &server)]);
    let server = replaced(server, "rsa");
    let path = file(CLUSTER, &server);
    let check = world.cli(&["check"]);
    check.says(&[&format!(
        "{path}: warning: {}: it shows another",
        server.name()
    )]);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let followed = world.cli(&["cert", "refresh", "--yes"]);
    followed.says(&[&format!("Pinned in {path}\n")]);
    assert_eq!(planned(&world), "2034-12-02T00:00");
    assert_eq!(world.read(&file(OWN, &server)), "");
}

#[test]
fn check_says_what_a_vm_lacks_before_it_is_started() {
    let server = old();
    let world = world(&server);
    let check = world.cli(&["check"]);
    let command = format!("time-shift cert pin {}", server.name());
    check.says(&["100: ", "CERTIFICATE_NOT_PINNED", &command]);
}

#[test]
fn a_pin_that_cannot_be_kept_is_an_error_and_the_trail_says_so() {
    let server = old();
    let world = world(&server);
    // Where the folder belongs is something else.
    world.write(OWN, "");
    let pinned = world.cli(&["cert", "pin", &server.name(), "--yes"]);
    assert_eq!(pinned.code, Some(1), "{pinned:?}");
    assert!(!pinned.out.contains("Pinned in"), "{pinned:?}");
    assert!(
        pinned
            .err
            .contains(&format!("{OWN}: a part of the path is not a folder")),
        "{pinned:?}"
    );
    let told = |code: &str| events(&world, code).pop().unwrap()["text"].clone();
    assert!(
        told("cert-pinned")
            .as_str()
            .unwrap()
            .starts_with("SHA-256 ")
    );
    let note = format!("the pin was not kept: {OWN}: a part of the path is not a folder");
    assert_eq!(told("note"), note);
    let check = world.cli(&["check"]);
    assert_eq!(check.code, Some(1), "{check:?}");
    check.says(&[&format!(
        "\n{OWN}: a part of the path is not a folder (PIN_UNUSABLE)\n"
    )]);
    assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED");
}

#[test]
fn what_was_confirmed_is_taken_back_on_the_node_and_in_the_cluster() {
    let server = old();
    let (name, world) = (server.name(), world(&server));
    let unknown = world.cli(&["cert", "unpin", &name, "--yes"]);
    unknown.one_line(1, &[&format!("{name} is not pinned")]);
    assert_eq!(world.cli(&["cert", "pin", &name, "--yes"]).code, Some(0));
    let (own, cluster) = (file(OWN, &server), file(CLUSTER, &server));
    let allowlist = world.read("/etc/time-shift/allowlist.toml");
    world.write("/etc/pve/time-shift/allowlist.toml", allowlist);
    world.write(&cluster, world.read(&own));
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let asked = world.cli(&["cert", "unpin", &name]);
    assert_eq!(asked.code, Some(2), "{asked:?}");
    asked.says(&[&own, &cluster, "Nobody can be asked here"]);
    assert_eq!(planned(&world), "2016-06-15T12:00");
    let removed = world.cli(&["cert", "unpin", &name, "--yes"]);
    removed.one_line(0, &[&format!("{name} is no longer pinned")]);
    assert_eq!(planned(&world), "CERTIFICATE_NOT_PINNED");
    for path in [&own, &cluster] {
        assert!(!world.path(path).exists(), "{path}");
    }
    let [record] = &events(&world, "cert-unpinned")[..] else {
        panic!("{:?}", world.audit());
    };
    assert_eq!(record["target"], format!("cert:{name}"));
    assert_eq!(
        record["text"],
        format!("to be removed: {cluster} and {own}")
    );
}

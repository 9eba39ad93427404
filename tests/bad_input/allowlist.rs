//! Files that decide and must not: the allowlist and config.toml.
use super::*;

#[test]
fn a_missing_allowlist_is_a_denial_that_says_how_to_write_one() {
    let world = World::new();
    world.vm(100, "");
    let parts = [
        "there is no allowlist",
        "write one to /etc/time-shift/allowlist.toml",
    ];
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
    // That is how every node begins: nothing to block a start for.
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
    fs::remove_dir_all(world.path("/etc/time-shift")).unwrap();
    denied_and_recorded(&world, "ALLOWLIST_MISSING", &parts);
}

#[test]
fn an_allowlist_with_errors_is_denied_with_the_first_and_the_number_of_the_others() {
    let world = world();
    let good = allow(TARGET);
    world.write(LOCAL, good.replace("max-shift", "max-shfit"));
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &[
            "/etc/time-shift/allowlist.toml:5:1: ",
            "and 1 more: run time-shift check",
        ],
    );
    world.write(
        LOCAL,
        good.replace("earliest", "earlist")
            .replace("latest", "last"),
    );
    denied_and_recorded(&world, "ALLOWLIST_INVALID", &["and 3 more"]);
    world.write(LOCAL, good.replace("100y", "100 parsecs"));
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:11:13: `max-shift`"],
    );
    world.write(LOCAL, "");
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:1:1: `version` is missing"],
    );
    let mut not_text = good.clone().into_bytes();
    not_text.extend(b"# \xc3\x28\n");
    world.write(LOCAL, not_text);
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["allowlist.toml:12:3: ", "UTF-8"],
    );
    world.write(
        LOCAL,
        format!("version = 1\n\"\u{1b}[31m\\u001b\" = 1\n{}", &good[11..]),
    );
    denied_and_recorded(&world, "ALLOWLIST_INVALID", &["allowlist.toml:2:"]);
    world.write(LOCAL, good);
    permitted(&world);
}

#[test]
fn an_allowlist_that_others_may_have_written_is_denied_b6() {
    let world = world();
    let path = world.path(LOCAL);
    let good = allow(TARGET);
    let restore = || {
        let _ = fs::remove_dir_all(&path);
        let _ = fs::remove_file(&path);
        world.write(LOCAL, &good);
        permitted(&world);
    };
    let unreadable = |parts: &[&str]| denied_and_recorded(&world, "ALLOWLIST_UNREADABLE", parts);

    for mode in [0o664, 0o646, 0o666, 0o620] {
        chmod(&world, LOCAL, mode);
        unreadable(&[
            "belongs to user 0 with mode 0",
            "chmod go-w /etc/time-shift/allowlist.toml",
        ]);
    }
    restore();
    chown(&path, Some(1000), None).unwrap();
    unreadable(&["belongs to user 1000", "chown root"]);
    restore();
    fs::rename(&path, world.path("/etc/time-shift/real.toml")).unwrap();
    symlink("real.toml", &path).unwrap();
    unreadable(&["symbolic link"]);
    restore();
    world.write("/etc/elsewhere/allowlist.toml", &good);
    symlink("../elsewhere", world.path("/etc/pve/time-shift")).unwrap();
    unreadable(&["/etc/pve/time-shift/allowlist.toml", "symbolic link"]);
    fs::remove_file(world.path("/etc/pve/time-shift")).unwrap();
    restore();
    fs::remove_file(&path).unwrap();
    fifo(&world, LOCAL);
    unreadable(&["not a regular file"]);
    restore();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    unreadable(&["not a regular file"]);
    restore();
    world.write(LOCAL, format!("{good}#{}", "x".repeat(1024 * 1024)));
    unreadable(&["larger than 1048576 bytes"]);
    restore();
    for mode in [0o600, 0o400, 0o444, 0o640] {
        chmod(&world, LOCAL, mode);
        permitted(&world);
    }
}

#[test]
fn an_unreadable_allowlist_blocks_only_a_start_from_nothing() {
    let world = world();
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    world.write("/etc/pve/nodes/pve2/qemu-server/100.conf", "name: x\n");
    let hibernated = "lock: suspended\nvmstate: local:100/vm-100-state.raw\n";
    let broken = ["version = 2\n".to_owned(), "x".repeat(1024 * 1024 + 1)];
    for text in broken {
        world.write(LOCAL, text);
        world.vm(100, "");
        let run = world.hook(100, "pre-start");
        run.one_line(1, &["ALLOWLIST_", "kept from starting (\"block\")"]);
        let run = world.hook_with(&["100", "pre-start"], "pve2");
        run.one_line(0, &["ALLOWLIST_"]);
        world.vm(100, hibernated);
        world.hook(100, "pre-start").one_line(0, &["ALLOWLIST_"]);
        assert_eq!(world.note(100), None);
    }
    world.write(LOCAL, allow(TARGET));
    world.vm(100, "");
    permitted(&world);
}

#[test]
fn the_clusters_allowlist_counts_even_when_it_is_broken_b7() {
    let world = world();
    let other = allow("2017-01-01T00:00:00Z");
    world.write(CLUSTER, &other);
    let run = world.hook(100, "pre-start");
    run.says(&["is to boot at 2017-01-01T00:00:00Z"]);
    world.write(CLUSTER, "version = 1\n[[allow]]\n");
    denied_and_recorded(
        &world,
        "ALLOWLIST_INVALID",
        &["/etc/pve/time-shift/allowlist.toml:2:"],
    );
    // An empty set of rules is one: nothing is allowed, whatever the node's own says.
    world.write(CLUSTER, "version = 1\n");
    world.hook(100, "pre-start").silent();
    fs::remove_file(world.path(CLUSTER)).unwrap();
    fs::create_dir(world.path(CLUSTER)).unwrap();
    denied_and_recorded(
        &world,
        "ALLOWLIST_UNREADABLE",
        &["/etc/pve/time-shift/allowlist.toml"],
    );
    fs::remove_dir(world.path(CLUSTER)).unwrap();
    permitted(&world);
}

#[test]
fn pmxcfs_modes_are_accepted_with_and_without_quorum_b6() {
    let world = World::new();
    world.vm(100, "");
    world.write(CLUSTER, allow(TARGET));
    // root:www-data
    chown(world.path(CLUSTER), Some(0), Some(33)).unwrap();
    for mode in [0o640, 0o440] {
        chmod(&world, CLUSTER, mode);
        permitted(&world);
    }
    chmod(&world, CLUSTER, 0o660);
    denied_and_recorded(&world, "ALLOWLIST_UNREADABLE", &["mode 0660"]);
}

#[test]
fn a_config_toml_that_cannot_be_used_denies_and_never_blocks() {
    let world = world();
    let path = world.path(CONFIG);
    let broken = [
        "[hook",
        "[hook]\non-unreadble = \"start\"\n",
        "[hook]\non-unreadable = \"stop\"\n",
        "[hook]\npost-start-limit = \"1h\"\n",
        "[paths]\nstate = \"run/time-shift\"\n",
        "[paths]\nstate = \"/run/../tmp\"\n",
        "[syslog]\nfacility = 3\n",
        "verbose = true\n",
    ];
    for text in broken {
        world.write(CONFIG, text);
        denied(&world, "CONFIG_INVALID", &["/etc/time-shift/config.toml:"]);
    }
    world.write(CONFIG, "[hook]\non-unreadable = \"block\"\n");
    chmod(&world, CONFIG, 0o664);
    denied(&world, "CONFIG_INVALID", &["mode 0664"]);
    chown(&path, Some(1000), None).unwrap();
    chmod(&world, CONFIG, 0o644);
    denied(&world, "CONFIG_INVALID", &["belongs to user 1000"]);
    fs::remove_file(&path).unwrap();
    symlink("/etc/hostname", &path).unwrap();
    denied(&world, "CONFIG_INVALID", &["symbolic link"]);
    fs::remove_file(&path).unwrap();
    fifo(&world, CONFIG);
    denied(&world, "CONFIG_INVALID", &["not a regular file"]);
    fs::remove_file(&path).unwrap();
    world.write(CONFIG, format!("#{}", "x".repeat(64 * 1024)));
    denied(&world, "CONFIG_INVALID", &["larger than 65536 bytes"]);
    world.write(CONFIG, "");
    permitted(&world);
}

#[test]
fn a_start_denied_for_its_config_toml_finds_no_note_of_an_earlier_start() {
    let world = world();
    permitted(&world);
    world.write(CONFIG, "verbose = true\n");
    denied(&world, "CONFIG_INVALID", &[]);
}

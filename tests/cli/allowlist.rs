//! `time-shift allowlist`: shown, compared, edited, installed; one file for a cluster (B1, B7).
use super::*;

const CLUSTER: &str = "/etc/pve/time-shift/allowlist.toml";
const CLI: &str = "/usr/libexec/time-shift/time-shift";

/// A world with a second VM on a second node.
fn node() -> World {
    let world = world();
    world.write("/etc/pve/nodes/lab2/qemu-server/201.conf", "name: far\n");
    world
}

/// The allowlist of [`node`] with more VMs in its rule.
fn wider() -> String {
    allow(TARGET).replace("[100]", "[100, \"200-299\"]")
}

fn sha256(world: &World, file: &str) -> String {
    let run = Run::of(world.command("sha256sum").arg(file));
    run.out.split(' ').next().unwrap().to_owned()
}

/// An editor that is this shell script; `$1` is the file.
fn editor(world: &World, script: &str) {
    world.write("/tmp/editor", format!("#!/bin/sh\nset -eu\n{script}\n"));
    fs::set_permissions(world.path("/tmp/editor"), fs::Permissions::from_mode(0o755)).unwrap();
}

fn at_terminal(world: &World, arguments: &[&str], typed: &str) -> Session {
    let mut command = world.command(CLI);
    command.args(arguments).env("EDITOR", "/tmp/editor -x");
    Session::of(&command, typed)
}

fn records(world: &World, event: &str) -> Vec<Value> {
    let all = world.audit().into_iter();
    all.filter(|record| record["event"] == event).collect()
}

/// The copies that were left.
fn copies(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.path("/run/time-shift")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("edit-")).collect()
}

#[test]
fn show_says_which_file_counts_and_why_b7() {
    let world = node();
    let run = world.cli(&["allowlist", "show"]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), allow(TARGET).as_str())
    );
    let digest = sha256(&world, LOCAL);
    assert_eq!(
        run.err,
        format!("time-shift: {LOCAL}, SHA-256 {digest}: it counts: the cluster has none\n")
    );
    world.write(CLUSTER, "version = 1\n");
    let shown = json(&world.cli(&["allowlist", "show", "--json"]), 0);
    assert_eq!(shown["file"], CLUSTER);
    assert_eq!(shown["counts"], true);
    assert_eq!(shown["text"], "version = 1\n");
    let run = world.cli(&["allowlist", "show", "--local"]);
    run.says(&["it does not count: /etc/pve/time-shift/allowlist.toml does"]);
    // A broken one counts as well, and can be looked at.
    world.write(CLUSTER, "version = 2 # \u{1b}[2J\n");
    let run = world.cli(&["allowlist", "show"]);
    run.says(&[CLUSTER, ":1:15: ", "version = 2 # \\u{1b}[2J"]);
    assert_eq!(plan(&world, &["100"], 3)["reason"], "ALLOWLIST_INVALID");
    // So does one that cannot be read: the node's never takes its place.
    fs::remove_file(world.path(CLUSTER)).unwrap();
    for unreadable in ["a link", "a folder"] {
        match unreadable {
            "a link" => std::os::unix::fs::symlink(LOCAL, world.path(CLUSTER)).unwrap(),
            _ => fs::create_dir(world.path(CLUSTER)).unwrap(),
        }
        assert_eq!(plan(&world, &["100"], 3)["reason"], "ALLOWLIST_UNREADABLE");
        let run = world.cli(&["allowlist", "show"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        let _ = fs::remove_file(world.path(CLUSTER));
    }
}

#[test]
fn without_the_clusters_file_system_the_nodes_file_does_not_count_b7() {
    let world = node();
    // What is there before pmxcfs is mounted, or after it crashed: an empty folder. The config of a VM
    // cannot be read then either, but of one that migrates here it was read before.
    fs::rename(world.path("/etc/pve"), world.path("/etc/away")).unwrap();
    fs::create_dir(world.path("/etc/pve")).unwrap();
    let run = world.cli(&["check"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "/etc/pve/time-shift/allowlist.toml",
        "the cluster's file system is not up",
        "ALLOWLIST_UNREADABLE",
    ]);
    let run = world.cli(&["assign", "101", "test", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(world.read(LOCAL), allow(TARGET));
}

#[test]
fn diff_tells_the_effect_and_not_the_text() {
    let world = node();
    world.write(
        "/tmp/new.toml",
        format!("# only a comment\n{}", allow(TARGET)),
    );
    world
        .cli(&["allowlist", "diff", "/tmp/new.toml"])
        .one_line(0, &["Nothing changes in effect."]);
    world.write("/tmp/new.toml", wider());
    let run = world.cli(&["allowlist", "diff", "/tmp/new.toml"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.out,
        "Becomes different (+ more, - less, ~ other):\n  VM 200-299 (exist: 201 on lab2)\n    + profile test \
         (assigned): target 2016-06-15T12:00:00Z, stages rtc\n    + bounds: 1970-01-01T00:00:00Z to \
         2105-12-31T23:59:59Z, at most P100Y from the host's time; stages rtc, agent\n"
    );
    let diff = json(
        &world.cli(&["allowlist", "diff", "/tmp/new.toml", "--json"]),
        0,
    );
    assert_eq!(diff["old"], LOCAL);
    assert_eq!(diff["new"], "/tmp/new.toml");
    assert_eq!(diff["vms"][0]["vmids"], "200-299");
    assert_eq!(
        diff["vms"][0]["existing"],
        json!([{"vmid": 201, "node": "lab2"}])
    );
    assert_eq!(diff["vms"][0]["changes"][0]["kind"], "gains");
    // This node's against the cluster's.
    let run = world.cli(&["allowlist", "diff"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    world.write(CLUSTER, "version = 1\n");
    let run = world.cli(&["allowlist", "diff"]);
    run.says(&["  VM 100 (exist: 100 on lab1)\n    - profile test"]);
    // What would not count changes nothing.
    let run = world.cli(&["allowlist", "diff", "/tmp/new.toml", "--local"]);
    run.says(&["would not count", "Nothing changes in effect."]);
    world.write("/tmp/new.toml", "version = 1\nprofiles = 1\n");
    let run = world.cli(&["allowlist", "diff", "/tmp/new.toml"]);
    assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
    run.says(&["/tmp/new.toml:2:12: "]);
}

#[test]
fn install_shows_asks_and_replaces_the_file_whole_d2() {
    let world = node();
    assert_eq!(world.cli(&["sweep"]).code, Some(0));
    world.write("/tmp/new.toml", wider());
    let (old, new) = (sha256(&world, LOCAL), sha256(&world, "/tmp/new.toml"));
    let install = ["allowlist", "install", "/tmp/new.toml"];
    let run = world.cli(&install);
    assert_eq!(run.code, Some(2), "{run:?}");
    run.says(&[
        "VM 200-299 (exist: 201 on lab2)",
        "Nobody can be asked here",
    ]);
    at_terminal(&world, &install, "n\n").shows(2, &["for this node? [y/N]", "nothing was changed"]);
    assert_eq!(world.read(LOCAL), allow(TARGET));
    assert_eq!(records(&world, "allowlist-installed").len(), 0);

    // Whatever the umask, and whatever the file's mode was.
    fs::set_permissions(world.path(LOCAL), fs::Permissions::from_mode(0o600)).unwrap();
    let mut shell = world.command("/bin/sh");
    shell.args([
        "-c",
        &format!("umask 077; exec {CLI} {}", install.join(" ")),
    ]);
    Session::of(&shell, "y\n").shows(0, &[&format!("{LOCAL} is installed, SHA-256 {new}.")]);
    assert_eq!(world.read(LOCAL), wider());
    let facts = fs::metadata(world.path(LOCAL)).unwrap();
    assert_eq!((facts.uid(), facts.mode() & 0o7777), (0, 0o644));
    let installed = records(&world, "allowlist-installed");
    assert_eq!(installed.len(), 1, "{installed:#?}");
    assert_eq!(installed[0]["allowlist-sha256"], new);
    assert_eq!(installed[0]["actor"], "system");
    assert_eq!(
        installed[0]["text"],
        format!("{LOCAL} (allowlist install): SHA-256 was {old}, is to be {new}")
    );
    let left = fs::read_dir(world.path("/etc/time-shift")).unwrap().count();
    assert_eq!(left, 1);

    // The sweep knows who did it; what others did is not lost in it.
    world.cli(&["sweep"]);
    assert_eq!(records(&world, "config-changed").len(), 0);
    world.write(LOCAL, format!("{}\n# by hand\n", wider()));
    let by_hand = sha256(&world, LOCAL);
    assert_eq!(
        world.cli(&[&install[..], &["--yes"]].concat()).code,
        Some(0)
    );
    world.cli(&["sweep"]);
    let changed = records(&world, "config-changed");
    assert_eq!(changed.len(), 1, "{changed:#?}");
    assert!(changed[0]["text"].as_str().unwrap().contains(&by_hand));
    world
        .cli(&install)
        .one_line(0, &["is like this already: nothing was changed"]);
    assert_eq!(records(&world, "allowlist-installed").len(), 2);
    assert_eq!(world.cli(&["audit", "verify"]).code, Some(0));
}

#[test]
fn what_is_broken_or_unsafe_cannot_be_installed_b1() {
    let world = node();
    let large = format!("version = 1\n#{}\n", "x".repeat(1024 * 1024));
    for (content, said) in [
        (
            b"version = 1\nconfrim = true\n".as_slice(),
            ":2:1: unknown key",
        ),
        (b"version = 1\n\xff".as_slice(), ":2:1: this is not UTF-8"),
        (b"".as_slice(), "version"),
        (large.as_bytes(), "larger than 1048576 bytes"),
    ] {
        world.write("/tmp/new.toml", content);
        let run = world.cli(&["allowlist", "install", "/tmp/new.toml", "--yes"]);
        assert_eq!((run.code, run.out.as_str()), (Some(1), ""), "{run:?}");
        run.says(&["/tmp/new.toml", said]);
        assert_eq!(world.read(LOCAL), allow(TARGET));
    }
    let run = world.cli(&["allowlist", "install", "/tmp/none.toml", "--yes"]);
    run.one_line(1, &["/tmp/none.toml does not exist"]);
    // A folder that others could write to holds nothing that decides.
    world.write("/tmp/new.toml", wider());
    fs::set_permissions(
        world.path("/etc/time-shift"),
        fs::Permissions::from_mode(0o777),
    )
    .unwrap();
    let run = world.cli(&["allowlist", "install", "/tmp/new.toml", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["/etc/time-shift belongs to user 0 with mode 0777"]);
    assert_eq!(records(&world, "allowlist-installed").len(), 0);
    // Nor is anything installed that cannot be written down first.
    fs::set_permissions(
        world.path("/etc/time-shift"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    fs::remove_dir_all(world.path("/var/log/time-shift")).unwrap();
    world.write("/var/log/time-shift", "");
    let run = world.cli(&["allowlist", "install", "/tmp/new.toml", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    assert_eq!(world.read(LOCAL), allow(TARGET));
}

#[test]
fn edit_works_on_a_private_copy_until_it_is_valid_b1() {
    let world = node();
    editor(
        &world,
        "[ \"$1\" = -x ] && shift\n\
         stat -c '%a %u' \"$(dirname \"$1\")\" \"$1\" >>/tmp/seen\n\
         if [ -e /tmp/again ]; then sed -i s/confrim/confirm/ \"$1\"; \
         else touch /tmp/again; echo 'confrim = true' >>\"$1\"; fi",
    );
    at_terminal(&world, &["allowlist", "edit"], "y\ny\n").shows(
        0,
        &[
            "/etc/time-shift/allowlist.toml:12:1: unknown key `confrim`",
            "edit it again? [y/N]",
            "  VM 100 (exist: 100 on lab1)\n    - needs an approval (confirm)\n",
            "is installed, SHA-256",
        ],
    );
    assert_eq!(
        world.read(LOCAL),
        format!("{}confirm = true\n", allow(TARGET))
    );
    assert_eq!(world.read("/tmp/seen"), "700 0\n600 0\n".repeat(2));
    assert_eq!(copies(&world), [""; 0]);
    let installed = records(&world, "allowlist-installed");
    assert!(
        installed[0]["text"]
            .as_str()
            .unwrap()
            .contains("(allowlist edit)")
    );

    // Nothing is installed that nobody agreed to, that is not valid, or that is as it was.
    let before = world.read(LOCAL);
    editor(&world, "echo '# more' >>\"$2\"");
    let session = at_terminal(&world, &["allowlist", "edit"], "n\n");
    session.shows(2, &["Nothing changes in effect", "Your text is kept in"]);
    let kept = copies(&world).pop().unwrap();
    let kept = format!("/run/time-shift/{kept}/allowlist.toml");
    assert!(session.shown.contains(&kept));
    assert_eq!(world.read(&kept), format!("{before}# more\n"));
    editor(&world, "echo 'oops' >>\"$2\"");
    at_terminal(&world, &["allowlist", "edit"], "n\n").shows(
        1,
        &[
            "has these errors",
            "nothing was installed. Your text is kept",
        ],
    );
    editor(&world, "exit 3");
    at_terminal(&world, &["allowlist", "edit"], "").shows(1, &["ended with exit status: 3"]);
    editor(&world, "true");
    at_terminal(&world, &["allowlist", "edit"], "").shows(0, &["Nothing was changed."]);
    assert_eq!(world.read(LOCAL), before);
    assert_eq!(copies(&world).len(), 3);
    // A broken file can be opened, to be mended.
    world.write(LOCAL, format!("{before}oops\n"));
    editor(&world, "sed -i /oops/d \"$2\"");
    at_terminal(&world, &["allowlist", "edit"], "y\n").shows(
        0,
        &["Nothing is allowed now: ", "+ profile test (assigned)"],
    );
    assert_eq!(world.read(LOCAL), before);
    let run = world.cli(&["allowlist", "edit"]);
    run.one_line(2, &["there is no terminal to edit on"]);
}

#[test]
fn a_file_that_changed_meanwhile_is_not_overwritten() {
    let world = node();
    editor(
        &world,
        "echo 'confirm = true' >>\"$2\"; echo '# by another' >>/etc/time-shift/allowlist.toml",
    );
    at_terminal(&world, &["allowlist", "edit"], "y\n").shows(
        1,
        &[
            "was changed by somebody else meanwhile",
            "Your text is kept in",
        ],
    );
    assert_eq!(
        world.read(LOCAL),
        format!("{}# by another\n", allow(TARGET))
    );
    assert_eq!(records(&world, "allowlist-installed").len(), 0);
    // Two at once: one of them waits, and then finds the other's.
    for name in ["one", "two"] {
        world.write(
            &format!("/tmp/{name}.toml"),
            format!("{}# {name}\n", allow(TARGET)),
        );
    }
    let world = &world;
    let ends: Vec<Run> = std::thread::scope(|scope| {
        let runs: Vec<_> = ["/tmp/one.toml", "/tmp/two.toml"]
            .map(|file| scope.spawn(move || world.cli(&["allowlist", "install", file, "--yes"])))
            .into_iter()
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let installed = records(world, "allowlist-installed").len();
    let done = ends.iter().filter(|run| run.code == Some(0)).count();
    assert_eq!(installed, done, "{ends:#?}");
    assert!(done >= 1, "{ends:#?}");
    assert_eq!(world.cli(&["check"]).code, Some(0));
}

#[test]
fn one_file_serves_the_cluster_as_pmxcfs_takes_it_b7() {
    let world = node();
    editor(&world, "sed -i 's/\\[100\\]/[100, 201]/' \"$2\"");
    // The first one begins with what counts now.
    at_terminal(&world, &["allowlist", "edit", "--cluster"], "y\n").shows(
        0,
        &[
            "  VM 201 (exist: 201 on lab2)\n    + profile test",
            "counts on all nodes of the cluster",
            "install /etc/pve/time-shift/allowlist.toml for the whole cluster? [y/N]",
        ],
    );
    assert_eq!(
        world.read(CLUSTER),
        allow(TARGET).replace("[100]", "[100, 201]")
    );
    assert_eq!(world.read(LOCAL), allow(TARGET));
    assert!(
        !world
            .path("/etc/pve/priv/lock/file-time-shift_allowlist")
            .exists()
    );
    assert_eq!(plan(&world, &["100"], 0)["decision"], "permit");
    world.write("/tmp/new.toml", "version = 1\n");
    let run = world.cli(&["allowlist", "install", "/tmp/new.toml", "--local", "--yes"]);
    run.says(&["Nothing changes in effect: /etc/pve/time-shift/allowlist.toml counts"]);
    assert_eq!(plan(&world, &["100"], 0)["decision"], "permit");

    // pmxcfs refuses to change modes. There is none here: what would be asked of it is looked at.
    let mut traced = world.command("/usr/bin/strace");
    let calls = "trace=chmod,fchmod,fchmodat,chown,fchown,fchownat,fsync,fdatasync,rename,renameat,renameat2";
    traced.args(["-y", "-s", "200", "-o", "/run/lab/trace", "-e", calls, CLI]);
    traced.args([
        "allowlist",
        "install",
        "/tmp/new.toml",
        "--cluster",
        "--yes",
    ]);
    let run = Run::of(&mut traced);
    assert_eq!(run.code, Some(0), "{run:?}");
    let trace = world.read("/run/lab/trace");
    let of_pve: Vec<&str> = trace
        .lines()
        .filter(|line| line.contains("/etc/pve"))
        .collect();
    assert_eq!(of_pve.len(), 1, "{trace}");
    assert!(of_pve[0].contains("rename"), "{trace}");
    assert_eq!(world.read(CLUSTER), "version = 1\n");

    // Another node holds the lock.
    world.write("/tmp/new.toml", wider());
    fs::create_dir(world.path("/etc/pve/priv/lock/file-time-shift_allowlist")).unwrap();
    let run = world.cli(&["allowlist", "install", "/tmp/new.toml", "--yes"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["file-time-shift_allowlist is locked by another process"]);
    assert_eq!(world.read(CLUSTER), "version = 1\n");
}

#[test]
fn without_quorum_the_clusters_file_holds_and_cannot_be_changed_b7() {
    let world = node();
    world.write(CLUSTER, wider());
    world.write("/tmp/new.toml", allow(TARGET));
    // A stand-in for pmxcfs without quorum: a mount that can only be read.
    let read_only = |arguments: &[&str]| {
        let script =
            "mount --bind /etc/pve /etc/pve && mount -o remount,bind,ro /etc/pve && exec \"$@\"";
        let mut shell = world.command("/bin/sh");
        Run::of(shell.args(["-c", script, "sh", CLI]).args(arguments))
    };
    let run = read_only(&["plan", "100"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(read_only(&["allowlist", "show"]).out, wider());
    for arguments in [
        ["allowlist", "install", "/tmp/new.toml", "--yes"].as_slice(),
        &["unassign", "250", "--yes"],
    ] {
        let run = read_only(arguments);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.says(&[
            "the cluster has no quorum (pvecm status)",
            "Nothing was changed",
        ]);
    }
    // And another for its answer, which is EACCES.
    let mut traced = world.command("/usr/bin/strace");
    traced.args([
        "-o",
        "/run/lab/trace",
        "-e",
        "inject=mkdir,mkdirat:error=EACCES",
        CLI,
    ]);
    let run = Run::of(traced.args(["unassign", "250", "--yes"]));
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "the cluster has no quorum (pvecm status)",
        "Nothing was changed",
    ]);
    assert_eq!(world.read(CLUSTER), wider());
    assert_eq!(records(&world, "allowlist-installed").len(), 0);
}

#[test]
fn killed_at_any_rename_the_file_is_the_old_one_or_the_new_f3() {
    let world = node();
    world.write("/tmp/new.toml", wider());
    let mut ends = Vec::new();
    for when in 1..=6 {
        world.write(LOCAL, allow(TARGET));
        let mut traced = world.command("/usr/bin/strace");
        let inject = format!("inject=renameat,rename,renameat2:signal=KILL:when={when}");
        traced.args(["-o", "/run/lab/trace", "-e", &inject, CLI]);
        traced.args(["allowlist", "install", "/tmp/new.toml", "--yes"]);
        let run = Run::of(&mut traced);
        let is = world.read(LOCAL);
        assert!(is == allow(TARGET) || is == wider(), "{when}: {is}");
        ends.push((run.code == Some(0), is == wider()));
    }
    assert!(
        ends.contains(&(true, true)) && ends.contains(&(false, false)),
        "{ends:?}"
    );
}

#[test]
fn the_allowlist_is_roots_and_admins_to_change_b5() {
    let world = World::with_vm(
        HOOKSCRIPT,
        &format!(
            "{}[[role]]\nname = \"helpers\"\nusers = [\"alice\"]\nverbs = [\"view\", \"assign\"]\n\
             [[role]]\nname = \"owners\"\nusers = [\"carol\"]\nverbs = [\"admin\"]\n",
            allow(TARGET)
        ),
    );
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\ncarol:x:1002:1002::/tmp:/bin/sh\n",
    );
    world.write("/.loginuid", "1000");
    editor(&world, "touch /tmp/ran");
    assert_eq!(world.cli(&["allowlist", "show"]).code, Some(0));
    at_terminal(&world, &["allowlist", "edit"], "").shows(3, &["NO_ROLE"]);
    assert!(!world.path("/tmp/ran").exists());
    for arguments in [
        ["allowlist", "install", "/etc/shadow"].as_slice(),
        &["allowlist", "diff", "/etc/shadow"],
        &[
            "assign",
            "101",
            "test",
            "--yes",
            "--earliest",
            "1970-01-01",
            "--latest",
            "2100-01-01",
            "--max-shift",
            "100y",
        ],
    ] {
        let run = world.cli(arguments);
        assert_eq!((run.code, run.out.as_str()), (Some(3), ""), "{run:?}");
        run.says(&["NO_ROLE"]);
    }
    let run = world.cli(&["assign", "101", "test", "--yes"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let assigned = records(&world, "assigned");
    assert_eq!(assigned[0]["actor"], "login:1000");
    assert_eq!(assigned[0]["vmid"], 101);
    assert_eq!(assigned[0]["profile"], "test");
    world.write("/.loginuid", "1002");
    at_terminal(&world, &["allowlist", "edit"], "").shows(0, &["Nothing was changed."]);
    assert!(world.path("/tmp/ran").exists());
}

//! `time-shift audit show` for a person at a terminal, a real one (script(1) makes it): colours and a
//! pager. D2.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::node::Node;
use crate::support::{Run, Session, World, allow};

const ESCAPE: char = '\u{1b}';

/// A pager that leaves behind what it was given, in a folder.
fn pager(folder: &Path) -> String {
    let path = folder.join("pager");
    let text = format!(
        "#!/bin/sh\nprintf '%s\\n' \"$@\" >{0}/arguments\ntr '\\0' '\\n' </proc/self/environ >{0}/environment\n\
         cat >{0}/text\necho paged\n",
        folder.display()
    );
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path.display().to_string()
}

/// `time-shift audit show`, ended after some time.
fn at_most(seconds: u32, node: &Node, arguments: &[&str]) -> Command {
    let show = node.command(&["show"]);
    let mut command = Command::new("/usr/bin/timeout");
    command
        .args(["--foreground", &seconds.to_string()])
        .arg(show.get_program())
        .args(show.get_args())
        .args(arguments);
    command
}

/// Shows records on a terminal, with `PAGER` and what is typed.
fn show(node: &Node, arguments: &[&str], pager: &str, typed: &str) -> Session {
    let mut command = at_most(40, node, arguments);
    command
        .env("PATH", "/usr/bin:/bin")
        .env("TERM", "xterm")
        .env("PAGER", pager)
        .env("LESSOPEN", "|/bin/false %s")
        .env("SECRET_OF_ROOT", "1");
    Session::of(&command, typed)
}

#[test]
fn on_a_terminal_a_pager_gets_the_records_in_colours_and_nothing_of_the_environment() {
    let node = Node::with_history();
    let pager = pager(&node.path(""));
    let session = show(&node, &["--denied"], &format!("{pager} -a  $HOME"), "");
    session.shows(0, &["paged\n"]);
    assert_eq!(session.shown, "paged\n", "all went to the pager");
    let left = |name: &str| fs::read_to_string(node.path(name)).unwrap();
    assert_eq!(left("arguments"), "-a\n$HOME\n");
    let mut environment: Vec<String> = left("environment").lines().map(str::to_owned).collect();
    environment.sort();
    assert_eq!(
        environment,
        [
            "LANG=C",
            "LC_ALL=C.UTF-8",
            "LESS=FRX",
            "LESSCHARSET=utf-8",
            "LESSHISTFILE=-",
            "LESSSECURE=1",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "TERM=xterm",
        ]
    );
    let text = left("text");
    assert!(text.starts_with("\u{1b}[1mTIME"), "{text}");
    assert_eq!(text.matches("\u{1b}[33m20").count(), 24, "{text}");
    assert!(!text.replace("\u{1b}[", "").contains(ESCAPE), "{text}");

    // No colours where they are not wanted; what else is said comes after the pager.
    fs::write(node.path("log/audit.log"), "rubbish\n").unwrap();
    let session = show(&node, &["--color", "never"], &pager, "");
    assert!(!left("text").contains(ESCAPE));
    assert_eq!(
        session.shown,
        "paged\ntime-shift: audit.log: 1 lines are no records; see time-shift audit verify\n"
    );
}

#[test]
fn there_is_no_pager_where_nobody_reads_page_by_page() {
    let node = Node::with_history();
    let pager = pager(&node.path(""));
    let not_started = |shown: &str| {
        assert!(shown.contains("day 2, record 7"), "{shown}");
        assert!(!node.path("text").exists());
    };
    not_started(&show(&node, &["--no-pager"], &pager, "").shown);
    not_started(&Run::of(node.command(&["show"]).env("PAGER", &pager)).out);
    // What is followed has no end, and a hangup ends it.
    let mut followed = at_most(2, &node, &["--follow"]);
    followed.env("PAGER", &pager).env("TERM", "xterm");
    not_started(&Session::of(&followed, "").shown);
    // One that cannot be started.
    let session = show(&node, &[], "/nowhere/pager", "");
    assert_eq!(session.code, Some(0), "{session:?}");
    not_started(&session.shown);
    assert!(
        session
            .shown
            .starts_with("time-shift: the pager /nowhere/pager: No such file"),
        "{session:?}"
    );
}

#[test]
fn whoever_reads_through_sudo_without_being_admin_gets_no_pager() {
    let roles = "[[role]]\nname = \"auditors\"\nusers = [\"alice\"]\nverbs = [\"audit\"]\n\
                 [[role]]\nname = \"owners\"\nusers = [\"carol\"]\nverbs = [\"admin\"]\n";
    let world = World::with_vm("", &format!("{}{roles}", allow("2016-06-15T12:00:00Z")));
    world.write(
        "/etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/tmp:/bin/sh\ncarol:x:1002:1002::/tmp:/bin/sh\n",
    );
    world.hook(100, "pre-start").one_line(0, &["profile test"]);
    world.write("/root/pager", "#!/bin/sh\ncat >/dev/null\necho paged\n");
    let pager = world.path("/root/pager");
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o755)).unwrap();
    for (uid, paged) in [("1000", false), ("1002", true), ("0", true)] {
        let mut command = world.command("/usr/libexec/time-shift/time-shift");
        command
            .args(["audit", "show"])
            .env("TERM", "xterm")
            .env("PAGER", "/root/pager")
            .env("SUDO_UID", uid);
        let session = Session::of(&command, "");
        assert_eq!(session.code, Some(0), "{uid}: {session:?}");
        assert_eq!(session.shown == "paged\n", paged, "{uid}: {session:?}");
        assert_eq!(
            session.shown.contains("intent"),
            !paged,
            "{uid}: {session:?}"
        );
    }
}

#[test]
fn who_has_seen_enough_in_less_is_no_failure_and_less_runs_nothing() {
    let node = Node::with_history();
    // Far more than a pipe holds.
    for number in 0..40 {
        node.write(100, &format!("{number} {}", "word ".repeat(700)));
    }
    let touched = node.path("touched");
    // Where `!` is refused, the rest are commands of its own, `h` and `/` among them.
    let keys = format!("!touch {}\n\nqqqq", touched.display());
    let session = show(&node, &[], "/usr/bin/less", &keys);
    assert_eq!(session.code, Some(0), "{session:?}");
    assert!(session.shown.contains("TIME"), "{session:?}");
    assert!(!session.shown.contains("time-shift:"), "{session:?}");
    assert!(!session.shown.contains("39 word"), "{session:?}");
    assert!(!touched.exists());
    // One that reads nothing at all, and a reader of a pipe that has seen enough, which ends even what
    // is followed.
    let session = show(&node, &[], "/bin/true", "");
    assert_eq!((session.code, session.shown.as_str()), (Some(0), ""));
    let mut head = Command::new("bash");
    let show = at_most(20, &node, &["--follow"]);
    head.args(["-c", "set -o pipefail; \"$@\" | head -n 1", "bash"]);
    head.arg(show.get_program()).args(show.get_args());
    let run = Run::of(&mut head);
    assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    assert!(run.out.starts_with("TIME"), "{run:?}");
}

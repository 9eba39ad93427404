//! Programs on the host: what is run is what was checked, with nothing but its arguments, and it ends.
// All of this is a test: a panic is how it fails.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use time_shift::allowlist;
use time_shift::audit::Trail;
use time_shift::exec::{ExecError, Output, run};
use time_shift::model::DenyReason;
use time_shift::policy::{HostValues, authorize_host_command};

/// A folder that is root's alone, with all the folders on the way to it: /tmp is everybody's.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Place {
        let path = PathBuf::from(format!(
            "/run/time-shift-test-{}-{name}",
            std::process::id()
        ));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        mode(&path, 0o755);
        for folder in ["log", "data"] {
            fs::create_dir(path.join(folder)).unwrap();
            mode(&path.join(folder), 0o700);
        }
        Place(path)
    }

    fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }

    fn script(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        mode(path.as_ref(), 0o755);
        path
    }

    /// Runs a command of an allowlist with this path and these further lines.
    fn run(&self, path: &str, more: &str) -> Result<Output, ExecError> {
        let text =
            format!("version = 1\n[[host-command]]\nname = \"c\"\npath = \"{path}\"\n{more}\n");
        let list = allowlist::parse(&text).unwrap();
        let permit = authorize_host_command(&list, "c", HostValues::default(), false).unwrap();
        let trail = Trail::new(&self.0.join("log"), &self.0.join("data")).unwrap();
        run(&permit, &trail)
    }

    /// Runs a shell script to its end.
    fn shell(&self, lines: &str, more: &str) -> Output {
        let path = self.script("probe", &format!("#!/bin/sh\n{lines}\n"));
        self.run(&path, more).unwrap()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_program_gets_its_arguments_as_they_are_and_nothing_else_b3() {
    let place = Place::new("arguments");
    let output = place.shell(
        "printf '<%s>' \"$@\"; echo; env | sort; pwd; cat; ps -o pgid= -p $$ | tr -d ' '; echo $$; echo e >&2",
        "args = [\"a b\", \"*\", \"$HOME\", \"vm 100\", \"\\\"x\"]",
    );
    assert!(output.is_good(), "{output:?}");
    let lines: Vec<&str> = text(&output.out).lines().collect();
    assert_eq!(lines[0], "<a b><*><$HOME><vm 100><\"x>");
    assert_eq!(
        lines[1..5],
        [
            "LANG=C",
            "LC_ALL=C",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
            "PWD=/"
        ]
    );
    assert_eq!(lines[5], "/");
    assert_eq!(lines[6], lines[7], "it leads a group of its own");
    assert_eq!(text(&output.err), "e\n");

    let output = place.run("/usr/bin/true", "").unwrap();
    assert!(output.is_good());
    let output = place.run("/bin/false", "").unwrap();
    assert_eq!(
        (output.code, output.to_string().as_str()),
        (Some(1), "ended with 1")
    );
}

#[test]
fn what_is_not_on_record_is_not_run_b3_d2() {
    let place = Place::new("record");
    let done = place.path("done");
    let output = place.shell(&format!("echo x >{done}"), "args = [\"a b\"]");
    assert!(output.is_good());
    let log = fs::read_to_string(place.path("log/command-audit.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines.len(), 2, "{log}");
    let path = place.path("probe");
    assert!(
        lines[0].contains(&format!("host command c is going to be run: {path} ")),
        "{log}"
    );
    assert!(lines[1].contains("host command c ended with 0"), "{log}");

    // A trail that breaks while it runs does not make it one that was not run.
    let log = place.path("log/command-audit.log");
    let error = place
        .run(
            &place.script(
                "breaks",
                &format!("#!/bin/sh\nmv {log} {log}.away\nmkdir {log}\n"),
            ),
            "",
        )
        .unwrap_err();
    assert!(
        matches!(error, ExecError::OutcomeNotOnRecord { .. }),
        "{error}"
    );
    assert!(
        error.to_string().contains("it was run and ended with 0"),
        "{error}"
    );
    fs::remove_dir(&log).unwrap();

    fs::remove_file(&done).unwrap();
    fs::create_dir(place.path("log/command-audit.log")).unwrap();
    let error = place.run(&path, "").unwrap_err();
    assert!(matches!(error, ExecError::NotOnRecord(_)), "{error}");
    assert!(!Path::new(&done).exists());
}

#[test]
fn at_the_end_of_its_time_all_of_it_is_killed_b3() {
    let place = Place::new("time");
    let begun = Instant::now();
    let output = place.shell("echo a; sleep 300 & sleep 300", "timeout = \"300ms\"");
    assert!(output.timed_out && !output.is_good());
    assert_eq!((output.code, output.signal), (None, Some(9)));
    assert_eq!(text(&output.out), "a\n");
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(output.to_string().contains("its time was over"));

    // One that it has left behind and that keeps its outputs open.
    let pid = place.path("pid");
    let begun = Instant::now();
    let output = place.shell(
        &format!("sleep 300 & echo $! >{pid}; exit 3"),
        "timeout = \"5m\"",
    );
    assert_eq!((output.code, output.timed_out), (Some(3), false));
    assert!(begun.elapsed() < Duration::from_secs(60));
    let pid = fs::read_to_string(pid).unwrap();
    let lives = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
        !stat.is_empty() && !stat.contains(") Z ")
    };
    while lives() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{pid}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_output_without_end_is_cut_and_does_not_hold_it_up_b3() {
    let place = Place::new("output");
    let output = place.shell(
        "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo done >&2",
        "output-limit = 1000\ntimeout = \"1m\"",
    );
    assert_eq!((output.out.len(), output.err.len()), (1_000, 1_000));
    assert!(output.truncated && !output.is_good());
    assert_eq!((output.code, output.timed_out), (Some(0), false));
    let output = place.shell("echo abc", "output-limit = 4");
    assert!(output.is_good());
    let output = place.shell("cat /dev/zero", "output-limit = 0\ntimeout = \"200ms\"");
    assert!(output.timed_out && output.out.is_empty());
}

#[test]
fn only_what_root_alone_could_have_put_there_is_run_b3() {
    let place = Place::new("roots");
    let program = place.script("program", "#!/bin/sh\necho ran\n");
    let refused = |path: &str, why: &str| {
        let error = place.run(path, "").unwrap_err();
        assert!(matches!(error, ExecError::Refused(_)), "{path}: {error}");
        assert!(error.to_string().contains(why), "{path}: {error}");
    };
    assert!(place.run(&program, "").unwrap().is_good());

    mode(program.as_ref(), 0o775);
    refused(&program, "chmod go-w");
    mode(program.as_ref(), 0o644);
    refused(&program, "is no program");
    mode(program.as_ref(), 0o4755);
    refused(&program, "set-user-ID");
    mode(program.as_ref(), 0o755);
    chown(&program, Some(1000), None).unwrap();
    refused(&program, "belongs to user 1000");
    chown(&program, Some(0), None).unwrap();

    // The folder decides as well, and every one on the way.
    fs::create_dir_all(place.path("a/b")).unwrap();
    place.script("a/b/program", "#!/bin/sh\n");
    mode(place.path("a").as_ref(), 0o777);
    refused(&place.path("a/b/program"), &place.path("a"));
    mode(place.path("a").as_ref(), 0o1777);
    refused(&place.path("a/b/program"), &place.path("a"));
    mode(place.path("a").as_ref(), 0o755);
    assert!(place.run(&place.path("a/b/program"), "").unwrap().is_good());

    // A link is as good as its folder and what it leads to.
    symlink("../program", place.path("a/link")).unwrap();
    assert_eq!(
        text(&place.run(&place.path("a/link"), "").unwrap().out),
        "ran\n"
    );
    // But not another program: neither the name of the link nor one on the way to it hides a shell.
    for (link, to) in [("a/clock", "/bin/bash"), ("a/again", "clock")] {
        symlink(to, place.path(link)).unwrap();
        let error = place.run(&place.path(link), "").unwrap_err();
        assert!(matches!(error, ExecError::Denied { .. }), "{error}");
        assert!(
            error.to_string().contains("it leads to `/usr/bin/bash`: "),
            "{error}"
        );
    }
    let own = place.run(&place.path("a/link"), "[deny]\nprograms = [\"program\"]");
    assert!(matches!(own, Err(ExecError::Denied { .. })), "{own:?}");
    symlink("/tmp", place.path("a/everybodys")).unwrap();
    let tmp = format!("/tmp/time-shift-test-{}", std::process::id());
    fs::copy("/usr/bin/true", &tmp).unwrap();
    let through = place.path(&format!(
        "a/everybodys/time-shift-test-{}",
        std::process::id()
    ));
    refused(&through, "/tmp belongs to");
    refused(&tmp, "/tmp belongs to");
    fs::remove_file(&tmp).unwrap();
    symlink("loop", place.path("a/loop")).unwrap();
    refused(&place.path("a/loop"), "symbolic link");
    symlink("/no/such", place.path("a/nowhere")).unwrap();
    refused(&place.path("a/nowhere"), "does not exist");

    // And so is the interpreter of a script.
    let mine = place.path("a/mine");
    fs::copy("/bin/sh", &mine).unwrap();
    let script = place.script("a/probe", &format!("#!{mine}\necho ran\n"));
    mode(mine.as_ref(), 0o755);
    assert_eq!(text(&place.run(&script, "").unwrap().out), "ran\n");
    chown(&mine, Some(1000), None).unwrap();
    refused(&script, "belongs to user 1000");
    refused(&place.script("a/relative", "#!sh\n"), "is no program");
    refused(&place.script("a/nested", &format!("#!{script}\n")), "is");
}

#[test]
fn what_stands_there_later_is_not_what_was_checked_b3() {
    let place = Place::new("later");
    // The script replaces itself before its interpreter is told to read on.
    let path = place.path("probe");
    let other = place.script("other", "#!/bin/sh\necho other\n");
    let output = place.shell(&format!("mv {other} {path}\necho first"), "");
    assert_eq!(text(&output.out), "first\n");
    assert_eq!(text(&place.run(&path, "").unwrap().out), "other\n");
}

#[test]
fn a_real_perl_script_is_run_like_pvesh_b3() {
    let place = Place::new("perl");
    let script = place.script(
        "pvesh",
        "#!/usr/bin/perl -T\nuse strict;\nprint join('|', @ARGV), \"\\n\";\nexit 7;\n",
    );
    let output = place
        .run(&script, "args = [\"set\", \"/nodes/x\", \"a b\"]")
        .unwrap();
    assert_eq!(
        (output.code, text(&output.out)),
        (Some(7), "set|/nodes/x|a b\n")
    );
}

#[test]
fn a_command_is_permitted_as_it_is_listed_or_not_at_all_b3() {
    let text = r#"version = 1
[[host-command]]
name = "pve-set"
path = "/usr/bin/pvesh"
args = ["set", "{path}", "{parameters}", "--output-format=json"]
[[host-command]]
name = "fixed"
path = "/usr/bin/pvesh"
args = ["set", "/nodes/lab1/qemu/100/config"]
[[host-command]]
name = "asks"
path = "/usr/bin/true"
args = ["{path}", "{parameters}"]
confirm = true
"#;
    let list = allowlist::parse(text).unwrap();
    let parameters = [
        "--hookscript=local:snippets/time-shift".to_owned(),
        "--tags=a,ts-b".to_owned(),
    ];
    let full = HostValues {
        path: Some("/nodes/lab1/qemu/100/config"),
        parameters: &parameters,
    };
    let permit = authorize_host_command(&list, "pve-set", full, false).unwrap();
    assert_eq!(
        permit.invocation().args,
        [
            "set",
            "/nodes/lab1/qemu/100/config",
            &parameters[0],
            &parameters[1],
            "--output-format=json"
        ]
    );
    let why = |text: &str, values: HostValues<'_>, agreed| {
        authorize_host_command(&list, text, values, agreed).unwrap_err()
    };
    let deny = why("pve-set", HostValues::default(), true);
    assert_eq!(deny.reason, DenyReason::CommandNotAllowed);
    assert!(deny.text.contains("{path}"), "{deny}");
    // What it would do is not what is asked for.
    let deny = why("fixed", full, true);
    assert!(deny.text.contains("has no argument \"{path}\""), "{deny}");
    // What is not of its form is not handed on, whoever has made it.
    for path in ["nodes", "/nodes/../x", "/nodes/a b", "/nodes\n", "-x"] {
        let values = HostValues {
            path: Some(path),
            ..full
        };
        let deny = why("pve-set", values, true);
        assert!(deny.text.contains("no path of the API"), "{deny}");
    }
    for parameter in [
        "-x=1",
        "--=1",
        "--x",
        "x=1",
        "---x=1",
        "--a b=1",
        "--x=$(id)",
        "--x=a;b",
    ] {
        let parameters = [parameter.to_owned()];
        let values = HostValues {
            path: Some("/nodes"),
            parameters: &parameters,
        };
        let deny = why("pve-set", values, true);
        assert_eq!(deny.reason, DenyReason::CommandNotAllowed, "{parameter}");
    }
    assert_eq!(
        why("another", full, true).reason,
        DenyReason::CommandNotAllowed
    );
    assert_eq!(
        why("asks", full, false).reason,
        DenyReason::ConfirmationMissing
    );
    assert!(authorize_host_command(&list, "asks", full, true).is_ok());
}

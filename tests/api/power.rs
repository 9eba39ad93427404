//! `start`, `stop`, `shutdown`, `reboot`: the task to its end, many at once, and what is not done.
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use super::server::{Server, answer, node};
use crate::desk::{Cluster, Desk, ROOT};
use crate::support::{Run, Session};

/// What the hook says in the log of each start.
const HOOK: &str = "
plain = pve.task
async def task(node, kind, vmid, *rest, **named):
    if kind == 'qmstart': named['log'] = ['time-shift: VM %s gets 2016-06-15\\x1b[31m' % vmid, 'other line']
    return await plain(node, kind, vmid, *rest, **named)
pve.task = task
";

/// Three VMs: 100 and 102 start, 101 cannot.
fn three() -> (Cluster, Desk) {
    let mut cluster = Cluster::new(1);
    cluster.run("for n in (100, 101, 102): pve.add_vm(n, f'v{n}')");
    cluster.run("pve.vm(101).start_error = 'no such disk'");
    cluster.run(HOOK);
    let desk = Desk::at(&cluster);
    (cluster, desk)
}

#[test]
fn a_start_is_followed_to_its_end_and_shows_what_the_hook_said() {
    let (mut cluster, desk) = three();
    cluster.run("pve.time_scale = 1.0; pve.vm(100).start_secs = 0.5");
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.out,
        "VM 100: start done\n    time-shift: VM 100 gets 2016-06-15\\u{1b}[31m\n"
    );
    assert_eq!(cluster.run("result = pve.vm(100).status"), json!("running"));
    let trail = desk.trail();
    let events: Vec<&Value> = trail.iter().map(|record| &record["event"]).collect();
    assert_eq!(events, [&json!("api-intent"), &json!("api-outcome")]);
    assert_eq!(trail[0]["intent"], trail[1]["intent"]);
    let text = trail[0]["text"].as_str().unwrap();
    assert!(
        text.starts_with("POST https://127.0.0.1:")
            && text.ends_with("/nodes/pve1/qemu/100/status/start as root@pam (password)")
    );
    assert!(
        trail[1]["text"].as_str().unwrap().starts_with("start done"),
        "{trail:?}"
    );
}

#[test]
fn a_task_whose_log_may_not_be_read_is_not_told_as_one_without_a_hook() {
    let server = Server::new("api", |request, stream| {
        let path = request.split(' ').nth(1).unwrap();
        let data = match path {
            path if path.contains("/log?") => {
                return answer(stream, "403 Permission check failed", r#"{"data":null}"#);
            }
            path if path.ends_with("/status/start") => {
                r#""UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:""#
            }
            path if path.contains("/tasks/") => r#"{"status":"stopped","exitstatus":"OK"}"#,
            _ => return node(request, stream),
        };
        answer(stream, "200 OK", &format!("{{\"data\":{data}}}"))
    });
    let desk = Desk::new(&server.pinned(ROOT));
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let said = "VM 100: start done\n    (what the hook said cannot be read: pve1: refused (403)";
    assert!(run.out.starts_with(said), "{run:?}");
}

#[test]
fn of_many_each_is_told_in_the_order_in_which_it_was_named() {
    let (_cluster, desk) = three();
    let (code, rows) = desk.json(&["start", "102", "100-101", "999"]);
    assert_eq!(code, Some(1));
    let told: Vec<(u64, &str)> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["vmid"].as_u64().unwrap(),
                row["result"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (102, "done"),
            (100, "done"),
            (101, "failed"),
            (999, "failed")
        ]
    );
    assert!(
        rows[2]["text"]
            .as_str()
            .unwrap()
            .starts_with("start failed: no such disk"),
        "{rows}"
    );
    let run = desk.run(&["start", "100-102"]);
    assert_eq!(run.code, Some(1));
    run.says(&[
        "VM 100: start failed: VM 100 already running",
        "0 done, 3 failed, 0 not begun",
    ]);
}

#[test]
fn after_a_failure_fail_fast_begins_with_no_other() {
    let mut cluster = Cluster::new(1);
    cluster.run("for n in range(40): pve.add_vm(100 + n, 'v').start_error = 'broken'");
    let desk = Desk::at(&cluster);
    let (code, rows) = desk.json(&["start", "--all", "--fail-fast"]);
    assert_eq!(code, Some(1));
    let count = |result: &str| {
        let rows = rows.as_array().unwrap().iter();
        rows.filter(|row| row["result"] == *result).count()
    };
    // Five are under way at once.
    assert!((1..=9).contains(&count("failed")), "{rows}");
    assert_eq!(count("failed") + count("not-begun"), 40);
    assert_eq!(cluster.writes().len(), count("failed"));
}

#[test]
fn what_takes_power_away_is_asked_about_and_a_dry_run_asks_for_nothing() {
    let (mut cluster, desk) = three();
    cluster.run("pve.vm(100).status = pve.vm(100).qmpstatus = 'running'");
    for verb in ["stop", "shutdown", "reboot"] {
        let run = desk.run(&[verb, "100"]);
        assert_eq!(run.code, Some(2), "{run:?}");
        run.says(&[&format!(
            "{verb} VM 100? Nobody can be asked here; say --yes"
        )]);
        let run = desk.run(&[verb, "100", "--dry-run"]);
        assert_eq!(run.code, Some(0), "{run:?}");
        let port = cluster.ports[0];
        let url = format!("https://127.0.0.1:{port}/api2/json/nodes/pve1/qemu/100/status/{verb}");
        assert_eq!(run.out, format!("VM 100: POST {url}\n"));
    }
    assert_eq!(cluster.writes(), [""; 0]);
    assert_eq!(desk.trail(), [Value::Null; 0]);
    for (verb, state) in [("reboot", "running"), ("shutdown", "stopped")] {
        let run = desk.run(&[verb, "100", "--yes"]);
        assert_eq!(
            (run.code, run.out),
            (Some(0), format!("VM 100: {verb} done\n"))
        );
        assert_eq!(cluster.run("result = pve.vm(100).status"), json!(state));
    }
}

#[test]
fn proxmoxs_own_words_say_why_not() {
    let (mut cluster, desk) = three();
    cluster.run("pve.snapshot_lock(100, 'backup')");
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(1));
    run.says(&["VM 100: start failed: VM is locked (backup)"]);
    cluster
        .run("pve.unlock(100); pve.vm(100).status = 'running'; pve.snapshot_lock(100, 'migrate')");
    let run = desk.run(&["stop", "100", "--yes"]);
    run.says(&["VM 100: pve1: refused (500): VM is locked (migrate)"]);
    cluster.run(
        "pve.add_node('pve2'); pve.add_vm(200, 'x', node='pve2'); pve.set_node_offline('pve2')",
    );
    let run = desk.run(&["start", "200", "102"]);
    assert_eq!(run.code, Some(1));
    run.says(&[
        "VM 200: pve1: refused (595): No route to host (that node does not answer)",
        "VM 102: start done",
    ]);
    cluster.run("pve.lose_quorum()");
    let run = desk.run(&["start", "100"]);
    run.says(&["cluster not ready - no quorum?"]);
}

#[test]
fn the_errors_of_fields_are_shown() {
    let server = Server::new("api", |request, stream| {
        match request.starts_with("POST ") && !request.contains("ticket") {
            true => answer(
                stream,
                "400 Parameter verification failed.",
                r#"{"data":null,"errors":{"vmid":"no such VM\n","timeout\u001b":"too long"}}"#,
            ),
            false => node(request, stream),
        }
    });
    let desk = Desk::new(&server.pinned(ROOT));
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(1));
    run.says(&[
        "refused (400): Parameter verification failed.",
        "vmid: no such VM",
        "timeout\\u{1b}: too long",
    ]);
}

#[test]
fn a_change_whose_answer_is_lost_is_not_made_again() {
    let server = Server::new("api", |request, stream| {
        !request.contains("/status/start") && node(request, stream)
    });
    let desk = Desk::new(&server.pinned(ROOT));
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "VM 100: pve1: no answer that says what became of it",
        "look before you repeat it",
    ]);
    assert_eq!(server.count("/status/start"), 1);
    let outcome = &desk.trail()[1]["text"];
    assert!(
        outcome
            .as_str()
            .unwrap()
            .contains("no answer that says what became of it"),
        "{outcome}"
    );
}

#[test]
fn a_change_that_a_proxy_gave_up_is_not_told_as_refused() {
    for status in ["504 Gateway Time-out", "596 Broken pipe"] {
        let server = Server::new("api", move |request, stream| {
            match request.contains("/status/start") {
                true => answer(stream, status, "<html>"),
                false => node(request, stream),
            }
        });
        let desk = Desk::new(&server.pinned(ROOT));
        let run = desk.run(&["start", "100"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.says(&[
            "no answer that says what became of it",
            "look before you repeat it",
        ]);
        assert_eq!(server.count("/status/start"), 1);
    }
}

#[test]
fn what_ha_is_asked_for_is_not_told_as_done() {
    let server = Server::new("api", |request, stream| {
        let path = request.split(' ').nth(1).unwrap();
        let data = match path {
            path if path.contains("/log?") => r#"[{"n":1,"t":"Requesting HA start for VM 100"}]"#,
            path if path.ends_with("/status/start") => {
                r#""UPID:pve1:0000C3F1:002B9D3E:65A1B2C3:hastart:100:root@pam:""#
            }
            path if path.contains("/tasks/") => r#"{"status":"stopped","exitstatus":"OK"}"#,
            _ => return node(request, stream),
        };
        answer(stream, "200 OK", &format!("{{\"data\":{data}}}"))
    });
    let run = Desk::new(&server.pinned(ROOT)).run(&["start", "100"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["VM 100: start asked of HA, which does it when it can"]);
}

#[test]
fn nothing_of_an_answer_gets_into_a_path_unless_it_is_what_it_should_be() {
    for task in [
        "UPID:pve1/../x:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:",
        "UPID:..:0000C3F1:002B9D3E:65A1B2C3:qmstart:100:root@pam:",
        "../../access/users",
    ] {
        let server = Server::new("api", move |request, stream| {
            if request.contains("/status/start") {
                return answer(stream, "200 OK", &format!("{{\"data\":\"{task}\"}}"));
            }
            node(request, stream)
        });
        let desk = Desk::new(&server.pinned(ROOT));
        let run = desk.run(&["start", "100", "--wait", "1s"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        for request in server.seen() {
            let path = request.split(' ').nth(1).unwrap();
            assert!(!path.contains("..") && !path.contains("/x"), "{path}");
        }
    }
}

#[test]
fn ctrl_c_ends_it_cleanly_and_says_what_was_done() {
    let mut cluster = Cluster::new(1);
    cluster.run("for n in range(30): pve.add_vm(100 + n, 'v').start_secs = 0 if n < 5 else 60");
    cluster.run("pve.time_scale = 1.0");
    let desk = Desk::at(&cluster);
    let begun = Instant::now();
    let child = desk
        .command(&["start", "--all"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while cluster.writes().len() < 10 {
        assert!(begun.elapsed() < Duration::from_secs(20), "never begun");
        std::thread::sleep(Duration::from_millis(20));
    }
    // As from a terminal.
    kill(
        Pid::from_raw(i32::try_from(child.id()).unwrap()),
        Signal::SIGINT,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert_eq!(out.matches("start done").count(), 5, "{out}");
    assert_eq!(
        err.matches("goes on; it is no longer followed").count(),
        5,
        "{err}"
    );
    assert!(
        err.contains("ended by a signal") && err.contains("5 done, 5 failed, 20 not begun"),
        "{err}"
    );
    assert_eq!(cluster.writes().len(), 10);
    // Each has its end in the trail.
    assert_eq!(desk.trail().len(), 20);
}

#[test]
fn a_terminal_shows_how_far_it_is_and_a_log_does_not() {
    let (_cluster, desk) = three();
    let shown = Session::of(&desk.command(&["start", "100", "102"]), "");
    shown.shows(
        0,
        &[
            "] 1/2",
            "##############################] 2/2",
            "VM 100: start done",
        ],
    );
    let run: Run = desk.run(&["start", "100", "102"]);
    assert!(!run.err.contains("##"), "{run:?}");
}

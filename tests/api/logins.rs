//! Logins: what is sent how often, where a ticket is, who is locked out.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::server::{Server, answer, node};
use crate::desk::{Cluster, Desk, ROOT, host};
use crate::support::Run;
use crate::typing::Terminal;
use crate::vault::PROGRAM;

const TYPED: &str = "user = \"root@pam\"";
/// RFC 6238's seed.
const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn events(desk: &Desk) -> Vec<String> {
    let records = desk.vault.world.audit();
    let events = records
        .iter()
        .map(|record| record["event"].as_str().unwrap());
    let events = events.filter(|event| event.starts_with("log") || *event == "locked-out");
    events.map(str::to_owned).collect()
}

#[test]
fn a_password_that_may_have_been_sent_is_not_sent_again() {
    // Each closes the connection at another point of a login.
    for said in ["", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"] {
        let server = Server::new("api", move |request, stream| {
            if request.contains("/access/ticket") {
                use std::io::Write;
                let _ = stream.write_all(said.as_bytes());
                return false;
            }
            node(request, stream)
        });
        let desk = Desk::new(&server.pinned(ROOT));
        let run = desk.run(&["cluster", "status"]);
        assert_eq!(run.code, Some(1), "{run:?}");
        run.says(&["pve1: it closed the connection"]);
        assert_eq!(server.count("password=secret"), 1, "{:?}", server.seen());
        assert_eq!(server.seen().len(), 1);
    }
}

#[test]
fn a_login_is_kept_in_the_keyring_until_the_logout() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.add_vm(100, 'a', status='stopped')");
    let desk = Desk::new(&host("pve1", &cluster, 0, TYPED));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1));
    run.says(&["root@pam is not logged in there", "time-shift login pve1"]);
    let run = desk.typed("wrong\n", &["login", "pve1"]);
    assert_eq!(run.code, Some(1));
    run.says(&["the login was refused"]);
    let run = desk.typed("secret\n", &["login", "pve1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["for an hour at most (the ticket is in the kernel's keyring)"]);
    assert_eq!(events(&desk), ["login-failed", "login"]);
    let (code, report) = desk.json(&["cluster", "status"]);
    assert_eq!(
        (code, &report["hosts"][0]["identity"]),
        (Some(0), &json!("root@pam (logged in)"))
    );
    let logins = "result = len([1 for m, p, b in pve.requests if p.endswith('/access/ticket')])";
    assert_eq!(cluster.run(logins), json!(2));
    assert_eq!(
        desk.vault.with_text("PVE:root@pam"),
        [""; 0],
        "a ticket is in a file"
    );
    let run = desk.typed("", &["logout", "pve1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = desk.run(&["cluster", "status"]);
    run.says(&["root@pam is not logged in there"]);
}

#[test]
fn without_a_keyring_a_login_is_in_a_file_of_roots_alone() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.add_vm(100, 'a', status='stopped')");
    let desk = Desk::new(&host("pve1", &cluster, 0, TYPED));
    let bare = |input: &str, arguments: &[&str]| -> Run {
        let inject = "inject=keyctl,add_key,request_key:error=ENOSYS";
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject];
        Run::of(&mut desk.wrapped(&strace, input, arguments))
    };
    let run = bare("secret\n", &["login", "pve1", "--json"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let said: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(
        (&said["kept_in"], &said["seconds"]),
        (&json!("file"), &json!(3600))
    );
    let folder = desk.vault.world.path("/run/time-shift/session");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap())
        .collect();
    assert_eq!(files.len(), 1);
    assert_eq!(
        files[0].metadata().unwrap().permissions().mode() & 0o777,
        0o600
    );
    let run = bare("", &["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    // One that is over is not used, and goes.
    let content = fs::read(files[0].path()).unwrap();
    fs::write(files[0].path(), [&[0; 8], &content[8..]].concat()).unwrap();
    bare("", &["cluster", "status"]).says(&["is not logged in there"]);
    assert!(!files[0].path().exists());
    let run = bare("secret\n", &["login", "pve1"]);
    run.says(&["in a file that root alone can read"]);
    assert_eq!(bare("", &["logout", "pve1"]).code, Some(0));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[test]
fn three_refused_logins_lock_out_for_a_while() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.password = 'another'; pve.add_vm(100, 'a')");
    // The password of the store is wrong, and so is what is typed.
    let desk = Desk::at(&cluster);
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    for _ in 0..2 {
        let run = desk.typed("wrong\n", &["login", "pve1"]);
        assert_eq!(run.code, Some(1), "{run:?}");
    }
    let logins = "result = len([1 for m, p, b in pve.requests if p.endswith('/access/ticket')])";
    assert_eq!(cluster.run(logins), json!(3));
    for run in [
        desk.typed("another\n", &["login", "pve1"]),
        desk.run(&["cluster", "status"]),
    ] {
        assert_eq!(run.code, Some(6), "{run:?}");
        run.says(&["locked"]);
    }
    assert_eq!(cluster.run(logins), json!(3));
    let failed = ["login-failed"; 3].into_iter();
    let all: Vec<&str> = failed.chain(["locked-out"; 2]).collect();
    assert_eq!(events(&desk), all);
    let run = desk.vault.world.cli(&["audit", "anomalies"]);
    run.says(&[" failed-logins: 3 failed logins, 3 or more within 10 minutes\n    audit.log:"]);
}

#[test]
fn a_host_that_is_not_reached_locks_nobody_out() {
    let desk = Desk::new(
        "[[api.host]]\nname = \"pve1\"\naddress = \"127.0.0.1\"\nport = 1\nverify = false\nuser = \"root@pam\"\n",
    );
    for _ in 0..4 {
        let run = desk.typed("secret\n", &["login", "pve1", "--yes"]);
        assert_eq!(run.code, Some(5), "{run:?}");
        run.says(&["pve1: not sent: "]);
    }
    let run = desk.vault.world.cli(&["audit", "anomalies"]);
    assert_eq!(run.out, "nothing unusual\n");
}

const NEEDS_MORE: &str =
    r#"{"data":{"NeedTFA":1,"ticket":"PVE:!tfa!a:b","CSRFPreventionToken":"x"}}"#;

/// A node that wants the second factor, and takes today's code of [`SEED`] by openssl's account.
fn with_second_factor() -> Server {
    Server::new("api", |request, stream| {
        if !request.contains("/access/ticket") {
            return node(request, stream);
        }
        let field = |name: &str| {
            let body = request.split_once("\r\n\r\n").unwrap().1;
            let mut fields = body.split('&');
            fields.find_map(|field| {
                field
                    .strip_prefix(name)?
                    .strip_prefix('=')
                    .map(str::to_owned)
            })
        };
        let password = field("password").unwrap();
        match (field("tfa-challenge"), password.as_str()) {
            (None, "secret") => answer(stream, "200 OK", NEEDS_MORE),
            (Some(challenge), code) => {
                let now = jiff::Timestamp::now().as_second();
                let codes = [now - 30, now].map(|second| format!("totp%3A{}", code_at(second)));
                let right =
                    challenge == "PVE%3A%21tfa%21a%3Ab" && codes.iter().any(|one| one == code);
                match right {
                    true => node(request, stream),
                    false => answer(stream, "401 authentication failure", "{\"data\":null}"),
                }
            }
            _ => answer(stream, "401 authentication failure", "{\"data\":null}"),
        }
    })
}

/// RFC 6238 with openssl's HMAC.
fn code_at(second: i64) -> String {
    let script = format!(
        "printf '%016x' {} | sed 's/../\\\\x&/g' | xargs -0 printf '%b' | \
         openssl dgst -sha1 -mac HMAC -macopt key:12345678901234567890 | sed 's/.*= //'",
        second.div_euclid(30)
    );
    let run = Run::of(Command::new("bash").args(["-c", &script]));
    let hex = run.out.trim();
    let offset = usize::from_str_radix(&hex[39..], 16).unwrap() * 2;
    let number = u32::from_str_radix(&hex[offset..offset + 8], 16).unwrap() & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[test]
fn the_second_factor_comes_from_the_store_or_the_terminal() {
    let server = with_second_factor();
    let desk = Desk::new(&server.pinned(ROOT));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["a second factor is wanted"]);
    let run = desk.vault.open(&["add", "seed", "--kind", "totp"], SEED);
    assert_eq!(run.code, Some(0), "{run:?}");
    desk.hosts(&server.pinned(&format!("{ROOT}\ntotp = \"seed\"")));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    desk.hosts(&server.pinned(TYPED));
    let login = |code: &str, exit: i32| -> String {
        let mut terminal = Terminal::run(&desk.vault, &format!("{PROGRAM} login pve1"));
        terminal.answer("Password of root@pam at pve1: ", "secret\r");
        terminal.answer("Code of the second factor: ", &format!("{code}\r"));
        terminal.end(exit)
    };
    let shown = login("000000", 1);
    assert!(shown.contains("the login was refused"), "{shown}");
    let shown = login(&code_at(jiff::Timestamp::now().as_second()), 0);
    assert!(shown.contains("is logged in at pve1"), "{shown}");
    let run = desk.typed("", &["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
}

#[test]
fn a_code_of_the_second_factor_is_for_one_login_at_all_hosts() {
    // As Proxmox VE: a code that was used is refused.
    let used = Mutex::new(Vec::new());
    let server = Server::new("api", move |request, stream| {
        let code = request
            .split("&password=")
            .nth(1)
            .filter(|_| request.contains("tfa-challenge="));
        let Some(code) = code.or_else(|| request.split("password=totp").nth(1)) else {
            return match request.contains("/access/ticket") {
                true => answer(stream, "200 OK", NEEDS_MORE),
                false => node(request, stream),
            };
        };
        let code = code.split('&').next().unwrap().to_owned();
        let mut used = used.lock().unwrap();
        if used.contains(&code) {
            return answer(stream, "401 authentication failure", "{\"data\":null}");
        }
        used.push(code);
        node(request, stream)
    });
    let login = format!("{ROOT}\ntotp = \"seed\"");
    let (one, other) = (
        server.pinned(&login),
        server.pinned(&login).replace("pve1", "pve2"),
    );
    let desk = Desk::new(&[one, other].concat());
    let run = desk.vault.open(&["add", "seed", "--kind", "totp"], SEED);
    assert_eq!(run.code, Some(0), "{run:?}");
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["waits for the next code of seed: each is good for one login"]);
    assert!(!run.log().contains("refused"), "{run:?}");
}

#[test]
fn a_kept_ticket_that_is_not_taken_any_more_is_forgotten() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.add_vm(100, 'a')");
    let desk = Desk::new(&host("pve1", &cluster, 0, TYPED));
    let run = desk.typed("secret\n", &["login", "pve1"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    // As after a change of its key.
    cluster.run("pve.tickets.clear()");
    let run = desk.typed("", &["cluster", "status"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["the ticket is forgotten: do it again"]);
    desk.typed("", &["cluster", "status"])
        .says(&["is not logged in there"]);
}

#[test]
fn fakepve_wants_a_second_factor_too() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.tfa = True");
    let run = Desk::at(&cluster).run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["a second factor is wanted, and none is known"]);
}

#[test]
fn a_ticket_that_runs_out_in_the_middle_is_renewed_once_for_all() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
for n in range(60): pve.add_vm(100 + n, f'v{n}', status='running', config={'agent': '1'}).agent = {}
pve.time_scale = 1.0
pve.slow_network(0.1)
pve.ticket_ttl = 1.0
",
    );
    let desk = Desk::at(&cluster);
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(0), "{rows}");
    assert_eq!(rows.as_array().unwrap().len(), 60);
    let logins = cluster
        .run("result = len([1 for m, p, b in pve.requests if p.endswith('/access/ticket')])");
    // 60 requests of 0.1 s by five: more than a second.
    assert!((2..=4).contains(&logins.as_u64().unwrap()), "{logins}");
}

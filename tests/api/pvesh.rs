//! The commands on a node, as root, through pvesh. It is a stand-in here, which hands each call to fakepve's
//! API and prints what pvesh prints; the real one needs a Proxmox VE node.
use std::fs;
use std::process::Command;

use serde_json::json;

use crate::desk::{Cluster, Desk};
use crate::support::{Run, Session};

/// The stand-in: arguments and output as in pvesh(1).
const PVESH: &str = r#"#!/usr/bin/python3
import json, ssl, sys, urllib.error, urllib.parse, urllib.request
verb, path, *rest = sys.argv[1:]
assert rest.pop() == '--output-format=json', sys.argv
form = dict(argument[2:].split('=', 1) for argument in rest)
open('/run/lab/pvesh.calls', 'a').write(' '.join(sys.argv[1:]) + '\n')
base = open('/run/lab/pvesh.base').read()
context = ssl._create_unverified_context()
def ask(method, path, form, headers):
    data = urllib.parse.urlencode(form)
    url = base + urllib.parse.quote(path, safe='/!')
    if method == 'GET' and data:
        url, data = url + '?' + data, ''
    request = urllib.request.Request(url, data.encode() or None, headers, method=method)
    return json.load(urllib.request.urlopen(request, context=context))['data']
try:
    ticket = ask('POST', '/access/ticket', {'username': 'root@pam', 'password': 'secret'}, {})
    headers = {'Cookie': 'PVEAuthCookie=' + ticket['ticket'], 'CSRFPreventionToken': ticket['CSRFPreventionToken']}
    data = ask({'get': 'GET', 'create': 'POST', 'set': 'PUT'}[verb], path, form, headers)
except urllib.error.HTTPError as error:
    print(json.load(error).get('message') or error.reason, file=sys.stderr)
    sys.exit(2)
said = [] if data is None else [json.dumps(data)]
if isinstance(data, str) and data.startswith('UPID:'):
    said.insert(0, 'generating cloud-init ISO')
if path.startswith('/nodes/') and not path.startswith('/nodes/lab1/'):
    # Its own output on another node, the lines joined.
    try:
        said = [json.dumps(json.loads(''.join(said)))]
    except ValueError:
        sys.exit('malformed JSON string, neither tag, array, object, number, string or atom, at character offset 0 (before "(end of string)") at /usr/share/perl5/PVE/CLI/pvesh.pm line 125.')
print('\n'.join(said))
"#;

/// The commands for pvesh, as the shipped allowlist has them.
fn commands() -> String {
    let shipped = include_str!("../../etc/allowlist.toml");
    let start = shipped.find("\n[[host-command]]").unwrap();
    let end = shipped.find("\n# Deny list").unwrap();
    let lines = shipped[start..end]
        .lines()
        .filter(|line| !line.starts_with('#'));
    format!("version = 1\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

/// A desk on a node: its config.toml names nobody, and /usr/bin has pvesh.
fn node(cluster: &Cluster) -> Desk {
    let desk = Desk::new("");
    let world = &desk.vault.world;
    let base = format!("https://127.0.0.1:{}/api2/json", cluster.ports[0]);
    world.write("/run/lab/pvesh.base", base);
    world.write("/run/lab/upper/pvesh", PVESH);
    desk
}

/// The command line with pvesh in /usr/bin.
fn run(desk: &Desk, arguments: &[&str]) -> Run {
    Run::of(&mut with_pvesh(desk, arguments))
}

fn with_pvesh(desk: &Desk, arguments: &[&str]) -> Command {
    let script = "chmod 755 /run/lab/upper/pvesh && \
                  mount -t overlay -o lowerdir=/run/lab/upper:/usr/bin overlay /usr/bin && exec \"$@\"";
    let mut command: Command = desk.vault.world.command("bash");
    command
        .args(["-c", script, "bash", crate::vault::PROGRAM])
        .args(arguments);
    command
}

#[test]
fn on_a_node_root_asks_through_pvesh_without_any_login() {
    let mut cluster = Cluster::new(1);
    cluster.run("
pve.nodes['lab1'] = pve.nodes.pop('pve1')
pve.storages['local']['content'] += ',snippets'
pve.store_file('local', 'time-shift', 500, content='snippets')
pve.add_vm(100, 'a', node='lab1', status='running', config={'agent': '1'}).agent = {'get-time': 1465992000 * 10**9}
pve.add_vm(101, 'b', node='lab1')
");
    let desk = node(&cluster);
    desk.vault
        .world
        .write("/etc/time-shift/allowlist.toml", commands());
    let status = run(&desk, &["cluster", "status", "--verbose"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    status.says(&["asks pvesh as root of this node", "2016-06-15T12:00:00Z"]);
    let drift = run(&desk, &["cluster", "drift"]);
    assert_eq!(drift.code, Some(4), "{drift:?}");
    // What is not listed is not run, and nothing is as long as that is not known.
    let allowlist = "/etc/time-shift/allowlist.toml";
    for (text, says) in [
        ("version = 2\n".to_owned(), "version 1"),
        ("version = 1\n".to_owned(), "no [[host-command]] pve-get"),
        (
            format!("{}\n[deny]\nprograms = [\"pvesh\"]\n", commands()),
            "has `pvesh` among its",
        ),
        (
            commands()
                .replacen("[\"get\"", "[\"ls\", \"-x\"", 1)
                .replacen("\"{path}\", ", "", 1),
            "has no argument \"{path}\"",
        ),
        (
            format!(
                "{}confirm = true\n",
                commands()
                    .split("\n[[host-command]]\nname = \"pve-set")
                    .next()
                    .unwrap()
            ),
            "wants somebody to agree",
        ),
    ] {
        desk.vault.world.write(allowlist, text);
        let denied = run(&desk, &["cluster", "status"]);
        assert_eq!(denied.code, Some(3), "{denied:?}");
        denied.says(&["pvesh is not run: ", says]);
    }
    // Reading may be all that is permitted: then nothing is changed, and a dry run says why.
    let reading = commands();
    let reading = reading
        .split("\n[[host-command]]\nname = \"pve-set")
        .next()
        .unwrap();
    desk.vault.world.write(allowlist, reading);
    let status = run(&desk, &["cluster", "status"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let dry = run(&desk, &["attach", "101", "--dry-run"]);
    dry.says(&["VM 101: COMMAND_NOT_ALLOWED", "no [[host-command]] pve-set"]);
    for (command, missing) in [("attach", "pve-set"), ("start", "pve-create")] {
        let denied = run(&desk, &[command, "101"]);
        assert_eq!(denied.code, Some(3), "{denied:?}");
        denied.says(&[&format!("no [[host-command]] {missing}")]);
    }
    let profile = format!("{}[profiles.p]\ntarget = \"now\"\n", commands());
    desk.vault.world.write(allowlist, profile);
    let dry = run(&desk, &["attach", "101", "--dry-run", "--json"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    dry.says(&[
        "the snippet would be put into local of this node",
        "\"dry-run\"",
        "pvesh set /nodes/lab1",
    ]);
    assert!(
        !desk
            .vault
            .world
            .path("/var/lib/vz/snippets/time-shift")
            .exists()
    );
    // Nothing there yet: the snippet of this node is installed.
    let attach = run(&desk, &["attach", "101", "--profile", "p"]);
    assert_eq!(attach.code, Some(0), "{attach:?}");
    attach.says(&[
        "the snippet is now in local of this node",
        "VM 101: set hookscript local:snippets/time-shift, tag ts-p",
    ]);
    assert!(
        desk.vault
            .world
            .path("/var/lib/vz/snippets/time-shift")
            .exists()
    );
    let start = run(&desk, &["start", "101"]);
    assert_eq!(
        (start.code, start.out.as_str()),
        (Some(0), "VM 101: start done\n"),
        "{start:?}"
    );
    let again = run(&desk, &["start", "101", "--json"]);
    assert_eq!(again.code, Some(1));
    again.says(&["VM 101 already running"]);
    let dry = run(&desk, &["stop", "101", "--dry-run"]);
    assert_eq!(
        dry.out,
        "VM 101: /usr/bin/pvesh create /nodes/lab1/qemu/101/status/stop --output-format=json\n"
    );
    let calls = desk.vault.world.read("/run/lab/pvesh.calls");
    assert!(calls.contains("set /nodes/lab1/qemu/101/config --hookscript=local:snippets/time-shift --tags=ts-p --digest="), "{calls}");
    assert!(
        calls.contains("get /nodes/lab1/tasks/UPID:lab1:"),
        "{calls}"
    );
    let intents = desk
        .trail()
        .iter()
        .filter(|record| record["event"] == json!("api-intent"))
        .count();
    assert_eq!(intents, 3);
    // What changes something is on record as what was run, too; reading is not.
    let runs = desk.vault.world.audit();
    let runs: Vec<&str> = runs
        .iter()
        .filter(|record| record["event"] == json!("command"))
        .filter_map(|record| record["text"].as_str())
        .collect();
    assert_eq!(runs.len(), 6, "{runs:?}");
    assert!(runs[0].starts_with(
        "host command pve-set is going to be run: /usr/bin/pvesh set /nodes/lab1/qemu/101/config"
    ));
    assert_eq!(runs[1], "host command pve-set ended with 0");
}

#[test]
fn what_pvesh_does_on_another_node_is_told_as_done() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
pve.nodes['lab1'] = pve.nodes.pop('pve1')
pve.storages['local']['content'] += ',snippets'
pve.store_file('local', 'time-shift', 500, content='snippets')
pve.add_vm(200, 'far', node='pve2')
pve.add_vm(201, 'broken', node='pve2').start_error = 'no such disk'
",
    );
    let desk = node(&cluster);
    let world = &desk.vault.world;
    world.write("/etc/time-shift/allowlist.toml", commands());
    // A dry run makes no folder either.
    fs::remove_dir(world.path("/var/lib/vz/snippets")).unwrap();
    let dry = run(&desk, &["attach", "200", "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(!world.path("/var/lib/vz/snippets").exists());
    let typo = run(&desk, &["attach", "200", "--profile", "idrac"]);
    assert_eq!(typo.code, Some(1), "{typo:?}");
    typo.says(&["the allowlist has no profile idrac; it has none"]);
    let attach = run(&desk, &["attach", "200"]);
    assert_eq!(attach.code, Some(0), "{attach:?}");
    attach.says(&["VM 200: set hookscript local:snippets/time-shift"]);
    let hook = cluster.run("result = pve.vm(200).config['hookscript']");
    assert_eq!(hook, json!("local:snippets/time-shift"));
    let start = run(&desk, &["start", "200", "201"]);
    assert_eq!(start.code, Some(1), "{start:?}");
    start.says(&[
        "VM 200: start done",
        "VM 201: start failed: ",
        "no such disk",
    ]);
}

#[test]
fn what_wants_somebody_to_agree_is_agreed_to_at_the_terminal_each_for_itself() {
    let mut cluster = Cluster::new(1);
    cluster.run("pve.nodes['lab1'] = pve.nodes.pop('pve1'); pve.add_vm(101, 'b', node='lab1')");
    let desk = node(&cluster);
    let path = "path = \"/usr/bin/pvesh\"\n";
    let asks = commands().replace(path, &format!("{path}confirm = true\n"));
    desk.vault
        .world
        .write("/etc/time-shift/allowlist.toml", asks);
    let mut typed = |answers: &str| {
        let mut command = with_pvesh(&desk, &["start", "101"]);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        let session = Session::of(&command, answers);
        (session, cluster.run("result = pve.vm(101).status"))
    };
    for (answers, asked, not_asked) in [
        ("n\n", "pve-get", "pve-create"),
        ("y\nn\n", "pve-create", "x"),
    ] {
        let (session, status) = typed(answers);
        session.shows(3, &[&format!("the host command {asked} "), "agree? [y/N]"]);
        assert!(
            !session.shown.contains(&format!("command {not_asked}")),
            "{session:?}"
        );
        assert_eq!(status, json!("stopped"));
    }
    let (session, status) = typed("y\ny\n");
    session.shows(
        0,
        &[
            "command pve-get ",
            "command pve-create ",
            "VM 101: start done",
        ],
    );
    assert_eq!(status, json!("running"));
}

//! `attach` and `detach`.
use serde_json::{Value, json};

use crate::desk::{BY_TOKEN, Cluster, Desk, ROOT, TOKEN, host};

/// The snippet in the storage `local` of all nodes.
const SNIPPET: &str = "
pve.storages['local']['content'] += ',snippets'
pve.store_file('local', 'time-shift', 500, content='snippets')
";

fn cluster(python: &str) -> (Cluster, Desk) {
    let mut cluster = Cluster::new(1);
    cluster.run(SNIPPET);
    cluster.run(python);
    let desk = Desk::at(&cluster);
    (cluster, desk)
}

#[test]
fn attach_sets_hook_and_tag_and_detach_takes_both_off() {
    let (mut cluster, desk) = cluster(
        "
pve.add_vm(100, 'a', config={'tags': 'web;ts-old'})
pve.add_vm(101, 'b', status='running')
",
    );
    let run = desk.run(&["attach", "100-101", "--profile", "idrac-2016"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.out,
        "VM 100: set hookscript local:snippets/time-shift, tag ts-idrac-2016 instead of ts-old\n\
         VM 101: set hookscript local:snippets/time-shift, tag ts-idrac-2016\n"
    );
    let config = "result = [pve.vm(n).config for n in (100, 101)]";
    let configs = cluster.run(config);
    assert_eq!(configs[0]["tags"], json!("web,ts-idrac-2016"));
    assert_eq!(configs[1]["hookscript"], json!("local:snippets/time-shift"));
    let trail = desk.trail();
    assert_eq!(trail.len(), 4);
    assert!(
        trail[0]["text"]
            .as_str()
            .unwrap()
            .contains("hookscript=local%3Asnippets%2Ftime-shift&tags="),
        "{trail:?}"
    );
    // Once is enough.
    let run = desk.run(&["attach", "100-101", "--profile", "idrac-2016"]);
    assert_eq!(
        (run.code, run.out.matches("attached already").count()),
        (Some(0), 2),
        "{run:?}"
    );
    assert_eq!(cluster.writes().len(), 2);
    let run = desk.run(&["detach", "100-101"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    assert_eq!(
        run.out,
        "VM 100: removed hookscript local:snippets/time-shift, tag ts-idrac-2016\n\
         VM 101: removed hookscript local:snippets/time-shift, tag ts-idrac-2016\n"
    );
    let configs = cluster.run(config);
    assert_eq!(
        (&configs[0]["tags"], &configs[0]["hookscript"]),
        (&json!("web"), &Value::Null)
    );
    assert_eq!(
        (&configs[1]["tags"], &configs[1]["hookscript"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_hookscript_of_somebody_else_stays_unless_it_is_to_be_replaced() {
    let (mut cluster, desk) =
        cluster("pve.add_vm(100, 'a', config={'hookscript': 'local:snippets/other'})");
    let run = desk.run(&["attach", "100"]);
    assert_eq!(run.code, Some(1));
    run.says(&[
        "VM 100: it has another hookscript, local:snippets/other; --replace takes its place",
    ]);
    let run = desk.run(&["detach", "100"]);
    run.says(&["the hookscript local:snippets/other is not ours and stays"]);
    assert_eq!(cluster.writes(), [""; 0]);
    let run = desk.run(&["attach", "100", "--replace"]);
    assert_eq!(run.code, Some(0), "{run:?}");
    run.says(&["set hookscript local:snippets/time-shift instead of local:snippets/other"]);
}

#[test]
fn a_vm_is_not_attached_where_a_node_that_it_could_come_to_lacks_the_snippet() {
    let (mut cluster, desk) = cluster(
        "
pve.add_vm(100, 'a')
pve.add_vm(101, 'b').ha_state = 'started'
pve.add_vm(102, 'c', node='pve2')
plain = pve._content_list
async def content(v, user): return [] if v['node'] == 'pve2' else await plain(v, user)
pve._content_list = content
import fakepve.server
",
    );
    // The route was made with the plain one.
    cluster.run(
        "pve.fail('GET', '/nodes/pve2/storage/local/content', 500, 'storage is not available')",
    );
    let run = desk.run(&["attach", "100-102"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "node pve2: whether storage local has the snippet there is not known",
        "on that node: time-shift install-hook --storage local",
        "VM 100: it could migrate to a node without the snippet, where it would not start: pve2; --force",
        "VM 101: it is managed by HA and could be moved to a node without the snippet",
        "VM 102: its node pve2 lacks the snippet",
    ]);
    assert_eq!(cluster.writes(), [""; 0]);
    let run = desk.run(&["attach", "100-102", "--force"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "VM 100: set hookscript",
        "VM 101: set hookscript",
        "VM 102: its node pve2 lacks the snippet",
    ]);
}

#[test]
fn without_the_snippet_in_the_storage_nothing_is_attached() {
    let (mut cluster, desk) =
        cluster("pve.storages['local']['volumes'].clear(); pve.add_vm(100, 'a')");
    let run = desk.run(&["attach", "100", "--force"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&[
        "node pve1: storage local lacks the snippet there",
        "VM 100: its node pve1 lacks the snippet, and with the hook it would not start there",
    ]);
    assert_eq!(cluster.writes(), [""; 0]);
}

#[test]
fn who_may_not_set_a_hookscript_is_told_before_anything_is_asked() {
    let (mut cluster, desk) = cluster("pve.add_vm(100, 'a'); pve.users['ops@pve'] = 'secret'");
    cluster.run(&format!(
        "pve.apitokens['{}'] = '{}'",
        TOKEN.split('=').next().unwrap(),
        TOKEN.split('=').nth(1).unwrap()
    ));
    for login in [BY_TOKEN, "user = \"ops@pve\"\npassword = \"pw\""] {
        desk.hosts(&host("pve1", &cluster, 0, login));
        for verb in ["attach", "detach"] {
            let run = desk.run(&[verb, "100"]);
            assert_eq!(run.code, Some(3), "{run:?}");
            run.says(&[
                "only root@pam set or remove a hookscript: with a ticket, not with an API token",
            ]);
        }
    }
    assert_eq!(cluster.run("result = made['all']"), json!(0));
}

#[test]
fn a_dry_run_prints_the_exact_requests() {
    let (mut cluster, desk) = cluster("pve.add_vm(100, 'a', config={'tags': 'x'})");
    let digest = cluster.run("result = pve.vm(100).digest()");
    let (port, digest) = (cluster.ports[0], digest.as_str().unwrap());
    let url = format!("https://127.0.0.1:{port}/api2/json/nodes/pve1/qemu/100/config");
    let run = desk.run(&["attach", "100", "--profile", "p", "--dry-run"]);
    let form = format!("hookscript=local%3Asnippets%2Ftime-shift&tags=x%2Cts-p&digest={digest}");
    assert_eq!(
        (run.code, run.out),
        (Some(0), format!("VM 100: PUT {url} {form}\n"))
    );
    assert_eq!(cluster.writes(), [""; 0]);
    // What is asked for is just that.
    desk.run(&["attach", "100", "--profile", "p"]);
    assert_eq!(
        cluster.writes(),
        [format!("PUT /api2/json/nodes/pve1/qemu/100/config {form}")]
    );
    let run = desk.run(&["detach", "100", "--dry-run"]);
    assert!(run.out.contains("delete=hookscript"), "{run:?}");
}

#[test]
fn a_change_in_between_is_not_overwritten() {
    let (mut cluster, desk) = cluster("pve.add_vm(100, 'a')");
    cluster.run(
        "
plain = pve.find
def find(node, vmid):
    vm = plain(node, vmid)
    vm.config['description'] = str(time.time_ns())
    return vm
pve.find = find
",
    );
    let run = desk.run(&["attach", "100"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["refused (500): checksum mismatch (file change by other user?)"]);
    let _ = ROOT;
}

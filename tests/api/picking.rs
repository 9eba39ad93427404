//! Which VMs, hosts and clusters are meant, and what a caller may not see.
use serde_json::{Value, json};

use super::server::{Server, answer, node};
use crate::desk::{BY_TOKEN, Cluster, Desk, ROOT, host};

/// What this node did to the clock of its own VM 100.
const HANDOVER: &str = r#"{"version":1,"vmid":100,"node":"lab1","written":"2026-01-01T00:00:00Z",
"profile":"old","offset-ns":-315360000000000000,"restore-by":null,"undo":[]}"#;

const RULE: &str = "version = 1
[profiles.old]
target = \"-10y\"
[[allow]]
vmids = [100]
profiles = [\"old\"]
assign = \"old\"
earliest = \"2010-01-01\"
latest = \"2037-12-31\"
max-shift = \"20y\"
";

fn vmids(rows: &Value) -> Vec<u64> {
    let rows = rows.as_array().unwrap();
    rows.iter()
        .map(|row| row["vmid"].as_u64().unwrap())
        .collect()
}

#[test]
fn tags_ranges_and_numbers_choose_and_a_template_that_is_named_is_no_silence() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
for n, tags in ((100, 'lab'), (101, 'web'), (102, 'LAB;x'), (103, '')):
    pve.add_vm(n, f'v{n}', config={'tags': tags})
pve.add_vm(104, 'golden', config={'tags': 'lab'}, template=True)
",
    );
    let desk = Desk::at(&cluster);
    let (code, rows) = desk.json(&["start", "--tag", "lab", "--dry-run"]);
    assert_eq!((code, vmids(&rows)), (Some(0), vec![100, 102]), "{rows}");
    let (code, rows) = desk.json(&["start", "100-110", "--dry-run"]);
    assert_eq!((code, vmids(&rows)), (Some(0), vec![100, 101, 102, 103]));
    let (code, rows) = desk.json(&["start", "103", "999", "104", "100", "--dry-run"]);
    assert_eq!((code, vmids(&rows)), (Some(1), vec![103, 999, 104, 100]));
    assert_eq!(
        rows[1]["text"],
        json!("there is no such VM, or it may not be seen")
    );
    assert_eq!(
        rows[2]["text"],
        json!("it is a template, which has no clock")
    );
    let run = desk.run(&["cluster", "drift", "104"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["VM 104: it is a template"]);
    let run = desk.run(&["cluster", "status", "--node", "pve9"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["there is no node pve9 in what was asked"]);
}

#[test]
fn a_number_that_two_clusters_have_is_not_guessed() {
    let (mut one, mut other) = (Cluster::new(1), Cluster::new(1));
    one.run("pve.add_vm(100, 'mine')");
    other.run("pve.nodes['pve7'] = pve.nodes.pop('pve1'); pve.add_vm(100, 'theirs', node='pve7')");
    let hosts = [host("a", &one, 0, ROOT), host("b", &other, 0, ROOT)].concat();
    let desk = Desk::new(&hosts);
    let run = desk.run(&["start", "100"]);
    assert_eq!(run.code, Some(1), "{run:?}");
    run.says(&["VM 100: 2 of the hosts that are asked have one; say which with --host"]);
    assert_eq!(one.writes().len() + other.writes().len(), 0);
    let run = desk.run(&["start", "100", "--host", "b"]);
    assert_eq!(
        (run.code, run.out.as_str()),
        (Some(0), "VM 100: start done\n")
    );
    assert_eq!((one.writes().len(), other.writes().len()), (0, 1));
}

#[test]
fn what_this_node_knows_is_about_no_vm_of_another_cluster() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
pve.nodes['lab1'] = pve.nodes.pop('pve1')
pve.add_vm(100, 'a', node='lab1', status='running', config={'agent': '1'}).agent = {}
",
    );
    let desk = Desk::new(&host("pve1", &cluster, 0, ROOT));
    let world = &desk.vault.world;
    world.write("/var/lib/time-shift/guests/100.json", HANDOVER);
    world.write("/etc/time-shift/allowlist.toml", RULE);
    // A node of the same name is none of this cluster.
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(0), "{rows}");
    assert_eq!(
        (&rows[0]["profile"], &rows[0]["intended_ns"]),
        (&Value::Null, &json!(0))
    );
    let (_, report) = desk.json(&["cluster", "status"]);
    assert_eq!(report["vms"][0]["last_action"], Value::Null, "{report}");
    let name = cluster.run("result = pve.cluster_name");
    let totem = format!("totem {{\n  cluster_name: {}\n}}\n", name.as_str().unwrap());
    world.write("/etc/pve/corosync.conf", totem);
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(4), "{rows}");
    assert_eq!(rows[0]["profile"], json!("old"));
}

#[test]
fn who_may_not_see_the_cluster_sees_his_vms() {
    let server = Server::new("api", |request, stream| {
        let path = request.split(' ').nth(1).unwrap();
        match path.trim_start_matches("/api2/json") {
            "/cluster/status" => answer(
                stream,
                "403 Permission check failed (/, Sys.Audit)",
                r#"{"data":null}"#,
            ),
            "/nodes" => answer(
                stream,
                "200 OK",
                r#"{"data":[{"node":"pve1","status":"online"}]}"#,
            ),
            _ => node(request, stream),
        }
    });
    let desk = Desk::new(&server.pinned(BY_TOKEN));
    let (code, report) = desk.json(&["cluster", "status"]);
    assert_eq!(code, Some(0), "{report}");
    assert_eq!(vmids(&report["vms"]), [100]);
}

//! `cluster status` and `cluster drift`.
use serde_json::{Value, json};

use crate::desk::{BY_TOKEN, Cluster, Desk, ROOT, TOKEN, host};
use crate::fake::MANY;

/// The clocks of three guests are off by ten seconds, an hour and a year.
const OFF: &str = "
class Off(dict):
    def __init__(self, secs): self.secs = secs
    def __contains__(self, key): return key == 'get-time'
    def __getitem__(self, key): return time.time_ns() + self.secs * 10**9
    def get(self, key, other=None): return other
for n, secs in ((3, 10), (50, -3600), (199, 31536000)): pve.vms[n].agent = Off(secs)
";

#[test]
fn the_clocks_of_200_guests_on_5_nodes_are_measured_within_the_pool() {
    let mut cluster = Cluster::new(5);
    cluster.run(MANY);
    cluster.run(OFF);
    let hosts: String = (0..5)
        .map(|at| host(&format!("n{}", at + 1), &cluster, at, ROOT))
        .collect();
    let desk = Desk::new(&hosts);
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!(code, Some(4), "{rows}");
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 200);
    let outside: Vec<&Value> = rows
        .iter()
        .filter(|row| row["outside"] == json!(true))
        .collect();
    let vmids: Vec<&Value> = outside.iter().map(|row| &row["vmid"]).collect();
    assert_eq!(
        vmids,
        [&json!(299), &json!(150), &json!(103)],
        "the worst first"
    );
    let error = outside[1]["error_ns"].as_i64().unwrap();
    assert!((error + 3_600_000_000_000).abs() < 2_000_000_000, "{error}");
    // Each node was asked itself, by two connections of the ten.
    let peak = cluster.run("result = dict(peak)");
    for port in cluster.ports.clone() {
        let most = peak[port.to_string()].as_u64().unwrap();
        assert!((1..=2).contains(&most), "{peak}");
    }
    assert!(peak["all"].as_u64().unwrap() <= 10, "{peak}");
    // One host alone has five.
    desk.hosts(&host("n1", &cluster, 0, ROOT));
    cluster.run("peak.clear(); made.clear()");
    let (_, rows) = desk.json(&[
        "cluster",
        "drift",
        "100-199",
        "--node",
        "n2",
        "--tolerance",
        "1h",
    ]);
    assert_eq!(rows.as_array().unwrap().len(), 20);
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!((code, rows.as_array().unwrap().len()), (Some(4), 200));
    let counted = cluster.run("result = [peak['all'], made['all']]");
    assert!(counted[0].as_u64().unwrap() <= 5, "{counted}");
    assert!(counted[1].as_u64().unwrap() <= 10, "kept open: {counted}");
}

#[test]
fn more_hosts_than_connections_share_ten_of_them() {
    let mut cluster = Cluster::new(12);
    cluster.run(MANY);
    cluster.run("pve.time_scale = 1.0; pve.slow_network(0.02)");
    let hosts: String = (0..12)
        .map(|at| host(&format!("n{}", at + 1), &cluster, at, ROOT))
        .collect();
    let desk = Desk::new(&hosts);
    let (code, rows) = desk.json(&["cluster", "drift"]);
    assert_eq!((code, rows.as_array().unwrap().len()), (Some(0), 200));
    let peak = cluster.run("result = peak['all']");
    assert!(peak.as_u64().unwrap() <= 10, "{peak}");
}

#[test]
fn status_shows_each_vm_and_what_is_wrong_with_one() {
    let mut cluster = Cluster::new(1);
    cluster.run(
        "
a = pve.add_vm(100, 'a', status='running', config={'agent': '1', 'hookscript': 'local:snippets/time-shift', 'tags': 'x;ts-old'})
a.agent = {'get-time': 1465992000 * 10**9}
pve.add_vm(101, 'b\\x1b[31m', status='stopped')
c = pve.add_vm(102, 'c', status='running', config={'agent': '1'})
d = pve.add_vm(103, 'd', node='pve2')
pve.add_vm(104, 'template', template=True)
pve.nodes['pve2']['online'] = False
",
    );
    let desk = Desk::at(&cluster);
    let (code, report) = desk.json(&["cluster", "status"]);
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(
        report["hosts"],
        json!([{"name": "pve1", "identity": "root@pam (password)"}])
    );
    let rows = report["vms"].as_array().unwrap();
    assert_eq!(rows.len(), 4, "{report}");
    assert_eq!(rows[0]["hook"], json!(true));
    assert_eq!(rows[0]["profile"], json!("old"));
    assert_eq!(rows[0]["guest_time"], json!("2016-06-15T12:00:00Z"));
    assert!(rows[0]["offset_ns"].as_i64().unwrap() < 0);
    assert_eq!(
        (&rows[1]["hook"], &rows[1]["guest_time"]),
        (&json!(false), &Value::Null)
    );
    assert!(
        rows[2]["remark"]
            .as_str()
            .unwrap()
            .contains("agent is not running"),
        "{}",
        rows[2]
    );
    assert!(
        rows[3]["remark"]
            .as_str()
            .unwrap()
            .contains("does not answer"),
        "{}",
        rows[3]
    );
    let text = desk.run(&["cluster", "status", "101", "100"]);
    assert_eq!(text.code, Some(0), "{text:?}");
    text.says(&[
        "pve1: root@pam (password)",
        "b\\u{1b}[31m",
        "2016-06-15T12:00:00Z",
    ]);
    assert!(text.out.find("101").unwrap() < text.out.find("100").unwrap());
    let missing = desk.run(&["cluster", "status", "999"]);
    assert_eq!(missing.code, Some(1));
    missing.says(&["VM 999: there is no such VM"]);
}

#[test]
fn a_token_sees_what_it_may_and_a_refusal_is_shown() {
    let mut cluster = Cluster::new(1);
    let (id, secret) = TOKEN.split_once('=').unwrap();
    cluster.run(&format!(
        "
pve.apitokens['{id}'] = '{secret}'
for n in (100, 101): pve.add_vm(n, 'v', status='running', config={{'agent': '1'}}).agent = {{}}
pve.grant('{id}', '/vms/100', 'VM.Audit', 'VM.Monitor', 'VM.GuestAgent.Audit')
"
    ));
    let desk = Desk::new(&host("pve1", &cluster, 0, BY_TOKEN));
    let (_, report) = desk.json(&["cluster", "status"]);
    assert_eq!(report["hosts"][0]["identity"], json!("ops@pve!ts (token)"));
    assert_eq!(report["vms"].as_array().unwrap().len(), 1, "{report}");
    let refused = desk.run(&["start", "100"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    refused.says(&["refused (403)", "VM.PowerMgmt", "a right is missing"]);
    let records = desk.vault.world.audit();
    let used = records
        .iter()
        .filter(|record| record["event"] == "secret-used");
    assert_eq!(used.count(), 2);
    // The token is in no file, log or trail, and neither is a part of it.
    let (_, uuid) = TOKEN.split_once('=').unwrap();
    assert_eq!(desk.vault.with_text(uuid), [""; 0]);
    assert!(!refused.log().contains(uuid));
}

#[test]
fn what_is_wrong_is_said_before_any_connection() {
    let mut cluster = Cluster::new(1);
    let desk = Desk::at(&cluster);
    for (arguments, code, says) in [
        (
            &["cluster", "status", "--host", "other"][..],
            1,
            "there are: pve1",
        ),
        (&["cluster", "status", "100-10100"], 2, "at most 10000"),
        (&["start"], 2, "say which VMs"),
        (&["attach", "99"], 2, "from 100"),
    ] {
        let run = desk.run(arguments);
        assert_eq!(run.code, Some(code), "{run:?}");
        run.says(&[says]);
    }
    desk.hosts("[[api.host]]\nname = \"a\"\naddress = \"https://a/b\"\ntoken = \"ts\"\n");
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1));
    run.says(&["no https://"]);
    desk.hosts(&host("pve1", &cluster, 0, "token = \"pw\""));
    let run = desk.run(&["cluster", "status"]);
    assert_eq!(run.code, Some(1));
    run.says(&["it is no Proxmox VE API token"]);
    assert!(!run.log().contains("secret\n"));
    assert_eq!(cluster.run("result = made['all']"), json!(0));
    desk.hosts("");
    let run = desk.run(&["cluster", "status"]);
    run.says(&["no pvesh here"]);
}

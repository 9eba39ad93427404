//! The clocks of 200 guests on 5 nodes, each answer 20 ms away: by `time-shift cluster drift`, one after the
//! other, and by a Python program with a pool of threads, in turn. The server is fakepve, which counts the
//! connections.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use time_shift::api::{Client, Credentials, HostGuest, guest_time};
use time_shift::config;
use time_shift::token::Secret;

use crate::fake::{Cluster, MANY};
use crate::summary::Samples;
use crate::traced;

const ROUNDS: usize = 10;
const TOKEN: &str = "ops@pve!bench=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";
/// Connections at once, as many as time-shift makes.
const THREADS: &str = "10";

/// A folder with a config.toml that names the nodes, and a login at each.
struct Desk {
    program: PathBuf,
    folder: PathBuf,
    config: String,
}

/// What one way of doing it took.
#[derive(Default)]
struct Taken {
    times: Vec<Duration>,
    /// The most connections to a host, and to all.
    most: (u64, u64),
    memory: Option<u64>,
}

impl Desk {
    fn new(cluster: &Cluster, release: &Path) -> Desk {
        let made = Command::new("mktemp")
            .args(["-d", "/tmp/time-shift-bench.XXXXXX"])
            .output();
        let folder = String::from_utf8(made.unwrap().stdout).unwrap();
        let folder = PathBuf::from(folder.trim());
        let mut text = "[paths]\n".to_owned();
        for path in [
            "allowlist",
            "cluster-allowlist",
            "pve",
            "qemu-server",
            "state",
            "data",
            "log",
            "syslog",
        ] {
            let place = folder.join(path);
            text.push_str(&format!("{path} = \"{}\"\n", place.display()));
        }
        for (number, port) in (1..).zip(&cluster.ports) {
            text.push_str(&format!(
                "[[api.host]]\nname = \"n{number}\"\naddress = \"127.0.0.1\"\nport = {port}\n\
                 user = \"root@pam\"\nfingerprint = \"{}\"\n",
                cluster.fingerprint
            ));
        }
        fs::write(folder.join("config.toml"), &text).unwrap();
        let desk = Desk {
            program: release.join("time-shift"),
            folder,
            config: text,
        };
        for number in 1..=cluster.ports.len() {
            let mut login = desk.command(&[]);
            login
                .args(["login", &format!("n{number}")])
                .stdout(Stdio::null());
            let mut child = login.stdin(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(b"secret\n").unwrap();
            assert!(child.wait().unwrap().success());
        }
        desk
    }

    fn command(&self, before: &[&str]) -> Command {
        let config = self.folder.join("config.toml");
        let program = self.program.to_str().unwrap();
        let words = [before, &[program, "--config", config.to_str().unwrap()]].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).stdin(Stdio::null());
        command
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        for number in 1..=5 {
            let mut logout = self.command(&[]);
            let _ = logout
                .args(["logout", &format!("n{number}")])
                .stdout(Stdio::null())
                .status();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn measure(release: &Path) -> String {
    let mut cluster = Cluster::new(5);
    cluster.run(MANY);
    cluster.run("pve.time_scale = 1.0; pve.slow_network(0.02)");
    let (id, secret) = TOKEN.split_once('=').unwrap();
    cluster.run(&format!("pve.apitokens['{id}'] = '{secret}'"));
    let desk = Desk::new(&cluster, release);
    let (mut ours, mut serial, mut python) = (Taken::default(), Taken::default(), Taken::default());
    let mut asking = Vec::new();
    for _ in 0..ROUNDS {
        ours.round(&mut cluster, || drift(&desk));
        python.round(&mut cluster, || asking.push(pool(&cluster_ports(&desk))));
    }
    for _ in 0..3 {
        serial.round(&mut cluster, || one_after_another(&desk));
    }
    ours.memory = peak(&desk);
    let (ours_all, serial_all, python_all) = (ours.samples(), serial.samples(), python.samples());
    let mut text = "\
| 200 guest clocks, 5 nodes, 20 ms away | Median | 5 % to 95 % | Connections to a node | To all | Memory | Of |\n\
|---|---:|---:|---:|---:|---:|---:|\n"
        .to_owned();
    text.push_str(&ours.row("`time-shift cluster drift`", &ours_all));
    text.push_str(&python.row("Python, proxmoxer, 10 threads", &python_all));
    let asking = Samples::new(&asking);
    text.push_str(&python.row("the same, without the start of Python", &asking));
    text.push_str(&serial.row("time-shift\'s client, one after the other", &serial_all));
    let (mine, serial, python) = (ours_all.median(), serial_all.median(), python_all.median());
    text.push_str(&format!(
        "\n{:.1} times as fast as one after the other, {:.2} times as fast as Python, {:.2} without its start.\n",
        serial / mine,
        python / mine,
        asking.median() / mine
    ));
    text
}

fn cluster_ports(desk: &Desk) -> Vec<String> {
    let hosts = config::parse(&desk.config).unwrap().api;
    hosts
        .iter()
        .map(|host| format!("{}={}", host.name, host.port))
        .collect()
}

fn drift(desk: &Desk) {
    let output = desk
        .command(&[])
        .args(["cluster", "drift", "--json"])
        .output()
        .unwrap();
    let rows: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let rows = rows.as_array().unwrap();
    assert!(
        rows.len() == 200 && rows.iter().all(|row| row["offset_ns"].is_i64()),
        "{output:?}"
    );
}

fn pool(nodes: &[String]) -> Duration {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(project.join("target/lab/fakepve/bin/python3"))
        .arg(project.join("tests/bench/clocks.py"))
        .args([TOKEN, THREADS])
        .args(nodes)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let seconds = said
        .trim()
        .strip_prefix("200 ")
        .and_then(|rest| rest.parse().ok());
    Duration::from_secs_f64(seconds.unwrap_or_else(|| panic!("{output:?}")))
}

fn one_after_another(desk: &Desk) {
    let hosts = config::parse(&desk.config).unwrap().api;
    let clients: Vec<(String, Client)> = hosts
        .iter()
        .map(|host| {
            let token = Credentials::Token(Secret::copy_of(TOKEN).ok().unwrap());
            let client = Client::new(host, token, Path::new("/nonexistent"), hosts.len());
            (host.name.to_string(), client.unwrap())
        })
        .collect();
    for guest in HostGuest::list(&clients[0].1).unwrap() {
        let node = guest.node.as_str();
        let (_, client) = clients.iter().find(|(name, _)| name == node).unwrap();
        guest_time(client, &guest.node, guest.vmid).unwrap();
    }
}

fn peak(desk: &Desk) -> Option<u64> {
    let mut command = desk.command(&traced::STOPPED);
    let child = command
        .args(["cluster", "drift"])
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    traced::run(&child)?.1
}

impl Taken {
    fn round(&mut self, cluster: &mut Cluster, work: impl FnOnce()) {
        cluster.run("peak.clear()");
        let begun = Instant::now();
        work();
        self.times.push(begun.elapsed());
        let most =
            cluster.run("all = peak.pop('all', 0); result = [max(peak.values(), default=0), all]");
        let of = |at: usize| most[at].as_u64().unwrap();
        self.most = (self.most.0.max(of(0)), self.most.1.max(of(1)));
    }

    fn samples(&self) -> Samples {
        Samples::new(&self.times)
    }

    fn row(&self, what: &str, samples: &Samples) -> String {
        #[allow(clippy::cast_precision_loss)]
        let memory = self
            .memory
            .map(|kib| format!("{:.1} MB", kib as f64 * 1.024e-3));
        format!(
            "| {what} | {:.0} ms | {:.0} to {:.0} | {} | {} | {} | {} |\n",
            samples.median(),
            samples.quantile(0.05),
            samples.quantile(0.95),
            self.most.0,
            self.most.1,
            memory.unwrap_or_else(|| "-".to_owned()),
            samples.count(),
        )
    }
}

//! fakepve in a process of its own, for the tests and the bench.
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// 200 VMs on 5 nodes, whose guests have this host's time.
pub(crate) const MANY: &str = "
for n in range(200):
    vm = pve.add_vm(100 + n, f'vm{n}', node=f'n{n % 5 + 1}', status='running', config={'agent': '1'})
    vm.agent = {}
pve.nodes.pop('pve1', None)
";

/// The fake.
pub(crate) struct Cluster {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    pub(crate) ports: Vec<u16>,
    pub(crate) fingerprint: String,
    folder: PathBuf,
}

impl Cluster {
    pub(crate) fn new(addresses: usize) -> Cluster {
        let project = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = project.join("target/lab/fakepve/bin/python3");
        assert!(
            python.exists(),
            "{} is missing: tests/setup test",
            python.display()
        );
        let folder = Command::new("mktemp")
            .args(["-d", "/tmp/time-shift-api.XXXXXX"])
            .output()
            .unwrap();
        let folder = PathBuf::from(String::from_utf8(folder.stdout).unwrap().trim());
        let mut process = Command::new(python)
            .arg(project.join("tests/api/serve.py"))
            .arg(&folder)
            .arg(addresses.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        let ports = said["ports"].as_array().unwrap().iter();
        Cluster {
            ports: ports
                .map(|port| port.as_u64().unwrap().try_into().unwrap())
                .collect(),
            fingerprint: said["fingerprint"].as_str().unwrap().to_owned(),
            input: process.stdin.take().unwrap(),
            process,
            output,
            folder,
        }
    }

    /// Runs Python in the fake; what it leaves in `result` comes back.
    #[track_caller]
    pub(crate) fn run(&mut self, python: &str) -> Value {
        let line = serde_json::to_string(python).unwrap();
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {python}"))
    }

    /// The requests so far that changed something or were to, as `METHOD PATH BODY`.
    pub(crate) fn writes(&mut self) -> Vec<String> {
        let all = self.run(
            "result = [f'{m} {p} {b.decode()}' for m, p, b in pve.requests if m != 'GET' and 'ticket' not in p]",
        );
        serde_json::from_value(all).unwrap()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

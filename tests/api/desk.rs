//! A host with config.toml and secrets, and a fake of Proxmox VE's API that it asks.
use std::process::Command;

use serde_json::Value;

pub(crate) use crate::fake::Cluster;
use crate::support::Run;
use crate::vault::{PASSPHRASE, PROGRAM, Vault};

pub(crate) const TOKEN: &str = "ops@pve!ts=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";

/// The host.
pub(crate) struct Desk {
    pub(crate) vault: Vault,
}

impl Desk {
    /// A host that knows the root's password and a token, and these hosts.
    pub(crate) fn new(hosts: &str) -> Desk {
        let vault = Vault::new();
        for (name, kind, secret) in [("pw", "password", "secret"), ("ts", "api-token", TOKEN)] {
            let run = vault.open(&["add", name, "--kind", kind], secret);
            assert_eq!(run.code, Some(0), "{run:?}");
        }
        vault.world.write("/etc/time-shift/config.toml", hosts);
        Desk { vault }
    }

    /// A desk at a cluster of one address, with root's password.
    pub(crate) fn at(cluster: &Cluster) -> Desk {
        Desk::new(&host("pve1", cluster, 0, ROOT))
    }

    pub(crate) fn hosts(&self, hosts: &str) {
        self.vault.world.write("/etc/time-shift/config.toml", hosts);
    }

    /// The command line, with the passphrase of the secrets.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    /// The same, to be run.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.wrapped(&[], "", arguments);
        command.args(["--passphrase-fd", "3"]);
        command
    }

    /// The command line with something on standard input, and nobody to ask for a passphrase.
    pub(crate) fn typed(&self, input: &str, arguments: &[&str]) -> Run {
        Run::of(&mut self.wrapped(&[], input, arguments))
    }

    /// The same in a wrapper, with the passphrase on descriptor 3.
    pub(crate) fn wrapped(&self, wrapper: &[&str], input: &str, arguments: &[&str]) -> Command {
        self.vault.inputs(input, PASSPHRASE);
        let mut command = self.vault.command("bash");
        let script = "exec \"$@\" </run/lab/input 3</run/lab/third";
        command.args(["-c", script, "bash"]);
        command.args(wrapper).arg(PROGRAM).args(arguments);
        command
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let run = self.run(&[arguments, &["--json"]].concat());
        let value =
            serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run.code, value)
    }

    /// The records of the trail about the API.
    pub(crate) fn trail(&self) -> Vec<Value> {
        let mut records = self.vault.world.audit();
        records.retain(|record| record["event"].as_str().unwrap().starts_with("api-"));
        records
    }
}

pub(crate) const ROOT: &str = "user = \"root@pam\"\npassword = \"pw\"";
pub(crate) const BY_TOKEN: &str = "token = \"ts\"";

/// A host of config.toml: a cluster's address, known by its fingerprint.
pub(crate) fn host(name: &str, cluster: &Cluster, address: usize, login: &str) -> String {
    let (port, fingerprint) = (cluster.ports[address], &cluster.fingerprint);
    format!(
        "[[api.host]]\nname = \"{name}\"\naddress = \"127.0.0.1\"\nport = {port}\n{login}\n\
         fingerprint = \"{fingerprint}\"\n"
    )
}

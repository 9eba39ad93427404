//! A node whose root has a keyring of his own: keyrings of users belong to user namespaces, so nothing
//! gets into that of the machine's root.
use std::ffi::OsStr;
use std::fs;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Run, World, wait_until};

pub(crate) const PROGRAM: &str = "/usr/libexec/time-shift/time-shift";
pub(crate) const SECRETS: &str = "/var/lib/time-shift/secrets";
pub(crate) const PASSPHRASE: &str = "correct horse";
pub(crate) const API_TOKEN: &str = "root@pam!ts=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";
pub(crate) const GITHUB: &str = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";

/// What the program is told on standard input and on descriptor 3. Neither file is the node's.
const INPUT: &str = "/run/lab/input";
const THIRD: &str = "/run/lab/third";

pub(crate) struct Vault {
    pub(crate) world: World,
    namespace: Child,
}

impl Vault {
    pub(crate) fn new() -> Vault {
        let namespace = Command::new("unshare")
            .args(["--user", "--map-root-user", "sleep", "1000"])
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let vault = Vault {
            world: World::new(),
            namespace,
        };
        let name = format!("/proc/{}/comm", vault.namespace.id());
        wait_until("the namespace", || {
            fs::read_to_string(&name).is_ok_and(|name| name == "sleep\n")
        });
        vault
    }

    /// A program in the node, with the node's keyring.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.world.command("nsenter");
        command.arg(format!("--user=/proc/{}/ns/user", self.namespace.id()));
        command.arg("--preserve-credentials").arg("--").arg(program);
        command
    }

    /// `wrapper` with the program, whose arguments are to follow, and these inputs.
    pub(crate) fn wrapped(
        &self,
        wrapper: &[&str],
        input: impl AsRef<[u8]>,
        third: impl AsRef<[u8]>,
    ) -> Command {
        self.inputs(input, third);
        self.prepared(wrapper)
    }

    /// What the program is told on standard input and on descriptor 3.
    pub(crate) fn inputs(&self, input: impl AsRef<[u8]>, third: impl AsRef<[u8]>) {
        self.world.write(INPUT, input);
        self.world.write(THIRD, third);
    }

    /// `wrapper` with the program, whose arguments are to follow, and the inputs that are there.
    pub(crate) fn prepared(&self, wrapper: &[&str]) -> Command {
        let mut command = self.command("bash");
        let script = format!("exec \"$@\" <{INPUT} 3<{THIRD}");
        command.args(["-c", &script, "bash"]);
        command.args(wrapper).args([PROGRAM, "token"]);
        command
    }

    /// `time-shift token` with something on standard input and nobody to ask.
    pub(crate) fn token(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
        Run::of(self.wrapped(&[], input, "").args(arguments))
    }

    /// The same with the passphrase.
    pub(crate) fn open(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Run {
        self.open_with(arguments, input, PASSPHRASE)
    }

    pub(crate) fn open_with(
        &self,
        arguments: &[&str],
        input: impl AsRef<[u8]>,
        passphrase: &str,
    ) -> Run {
        let mut command = self.wrapped(&[], input, passphrase);
        Run::of(command.args(arguments).args(["--passphrase-fd", "3"]))
    }

    #[track_caller]
    pub(crate) fn add(&self, name: &str, secret: &str) {
        let run = self.open(&["add", name], secret);
        assert_eq!((run.code, run.err.as_str()), (Some(0), ""), "{run:?}");
    }

    /// What the sealed file holds: the keyring is locked first.
    pub(crate) fn sealed(&self, name: &str) -> Option<String> {
        self.token(&["lock"], "");
        let run = self.open(&["show", name, "--reveal", "--yes"], "");
        (run.code == Some(0)).then(|| run.out.trim_end().to_owned())
    }

    /// What comes with nobody to ask, so from the keyring.
    pub(crate) fn unlocked(&self, name: &str) -> Option<String> {
        let run = self.token(&["show", name, "--reveal", "--yes"], "");
        (run.code == Some(0)).then(|| run.out.trim_end().to_owned())
    }

    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let run = self.token(&[arguments, &["--json"]].concat(), "");
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"))
    }

    /// The names in the folder of secrets, those of helper files included.
    pub(crate) fn files(&self) -> Vec<String> {
        let Ok(folder) = fs::read_dir(self.world.path(SECRETS)) else {
            return Vec::new();
        };
        let mut names: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.world.path(&format!("{SECRETS}/{name}"))).unwrap()
    }

    /// The files of the node, but for those that are the test's, that have this text in them.
    pub(crate) fn with_text(&self, text: &str) -> Vec<String> {
        let mut command = Command::new("grep");
        command.args(["-rlaF", "-e", text]);
        for folder in [
            "etc",
            "run/time-shift",
            "run/qemu-server",
            "var/lib",
            "var/log",
            "tmp",
            "root",
            "dev/shm",
        ] {
            command.arg(self.world.path(folder));
        }
        let root = self.world.path("").display().to_string();
        let found = Run::of(&mut command).out;
        let mut found: Vec<String> = found
            .lines()
            .map(|line| line.strip_prefix(&root).unwrap().to_owned())
            .collect();
        found.sort();
        found
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        let _ = self.namespace.kill();
        let _ = self.namespace.wait();
    }
}

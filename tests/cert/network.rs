//! A network of its own, and what names mean in it.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::servers::{Server, certificate, key};
use super::support::Run;
use super::time_shift;

/// A network namespace in which lo has the addresses 127.0.0.0/8, ::1, fe80::77 and 10.9.9.1, and what
/// is sent to [`DEAD`] gets no answer; programs in it have an /etc of their own.
#[derive(Debug)]
pub(crate) struct Network {
    holder: Child,
    etc: PathBuf,
}

/// An address at which nobody is.
pub(crate) const DEAD: &str = "10.9.9.9";

const SET_UP: &str = "mount --bind \"$1\" /etc
ip link set lo up
ip address add 10.9.9.1/32 dev lo
ip route add 10.9.9.0/24 dev lo src 10.9.9.1
ip address add fe80::77/64 dev lo nodad || echo no IPv6
echo ready
read -r _";

impl Network {
    /// One with these lines in /etc/hosts.
    pub(crate) fn new(hosts: &str) -> Network {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let etc = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("etc-{number}"));
        std::fs::create_dir_all(&etc).unwrap();
        let resolver = format!("nameserver {DEAD}\noptions timeout:30 attempts:1\n");
        for (name, text) in [
            ("hosts", hosts),
            ("nsswitch.conf", "hosts: files dns\n"),
            // All lines with a name count.
            ("host.conf", "multi on\n"),
            ("resolv.conf", &resolver),
            // The dead one comes first.
            (
                "gai.conf",
                &format!("precedence ::/0 10\nprecedence ::ffff:{DEAD}/128 100\n"),
            ),
        ] {
            std::fs::write(etc.join(name), text).unwrap();
        }
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "sh", "-ec", SET_UP, "sh"])
            .arg(&etc)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
        let ready = lines.find(|line| line.as_ref().is_ok_and(|line| line == "ready"));
        let network = Network { holder, etc };
        assert!(ready.is_some(), "no network (the tests need root)");
        network
    }

    fn command(&self, kinds: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        for kind in kinds {
            let namespace = kind.replace("mount", "mnt");
            command.arg(format!(
                "--{kind}=/proc/{}/ns/{namespace}",
                self.holder.id()
            ));
        }
        command
    }

    /// `openssl s_server` at an address of it.
    pub(crate) fn server(&self, address: &str) -> Server {
        let mut command = self.command(&["net"]);
        command
            .args([
                "openssl", "s_server", "-tls1_2", "-accept", address, "-cert",
            ])
            .arg(certificate("rsa"))
            .arg("-key")
            .arg(key("rsa"));
        Server::start(command, address)
    }

    /// The command line, in it.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let program = time_shift(arguments);
        let mut command = self.command(&["net", "mount"]);
        command
            .arg(std::env::current_dir().unwrap().join(program.get_program()))
            .args(program.get_args());
        Run::of(&mut command)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
        let _ = std::fs::remove_dir_all(&self.etc);
    }
}

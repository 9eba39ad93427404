//! Real TLS servers: OpenSSL's for TLS 1.0 and later, tlslite-ng's for what it no longer has.
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use super::support::Run;

/// A server. It ends with this.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    /// `openssl s_server` with a certificate of [`certificates`] and these options.
    pub(crate) fn openssl(name: &str, options: &[&str]) -> Server {
        Server::openssl_at("127.0.0.1:0", name, options)
    }

    /// The same at an address.
    pub(crate) fn openssl_at(address: &str, name: &str, options: &[&str]) -> Server {
        let mut command = Command::new("openssl");
        command
            .args(["s_server", "-accept", address, "-naccept", "1000", "-cert"])
            .arg(certificate(name))
            .arg("-key")
            .arg(key(name))
            .args(options);
        if name == "chain" {
            command.arg("-cert_chain").arg(certificate("issuer"));
        }
        Server::start(command, address)
    }

    /// `tests/tls/page-server` with the certificate `rsa`: it answers each request with this status.
    pub(crate) fn page(status: u64) -> Server {
        let mut command = Command::new(project().join("tests/tls/page-server"));
        command.arg(certificate("rsa")).arg(key("rsa"));
        command.arg(status.to_string());
        Server::start(command, "")
    }

    /// `tests/tls/old-server` with the certificate `rsa`.
    pub(crate) fn old(version: &str, cipher: &str) -> Server {
        let python = project().join("target/lab/tls/bin/python");
        assert!(
            python.exists(),
            "tlslite-ng is not here: run tests/setup test"
        );
        let mut command = Command::new(python);
        command
            .arg(project().join("tests/tls/old-server"))
            .arg(certificate("rsa"))
            .arg(key("rsa"))
            .args([version, cipher]);
        Server::start(command, "")
    }

    /// Where the port was given, s_server does not name it again.
    pub(crate) fn start(mut command: Command, address: &str) -> Server {
        let spawned = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut child = spawned.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines
            .by_ref()
            .map_while(Result::ok)
            .find(|line| line.starts_with("ACCEPT"))
            .and_then(|line| {
                let named = line.strip_prefix("ACCEPT ").unwrap_or(address);
                named.rsplit_once(':')?.1.parse().ok()
            });
        // Whatever it goes on to print is not to stop it.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let port = port.unwrap_or_else(|| panic!("no port from {command:?}"));
        Server { child, port }
    }

    /// Lets an `openssl s_server` say zeros without end to whoever has shaken hands with it.
    pub(crate) fn says_zeros(&mut self) {
        let mut input = self.child.stdin.take().unwrap();
        std::thread::spawn(move || while input.write_all(&[0; 4096]).is_ok() {});
    }

    pub(crate) fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A folder with what `tests/tls/certificates` makes, once for all tests.
pub(crate) fn certificates() -> &'static Path {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("certificates");
        let _ = std::fs::remove_dir_all(&folder);
        let made = Run::of(Command::new(project().join("tests/tls/certificates")).arg(&folder));
        assert_eq!(made.code, Some(0), "{made:?}");
        folder
    })
}

pub(crate) fn certificate(name: &str) -> PathBuf {
    certificates().join(format!("{name}.pem"))
}

pub(crate) fn key(name: &str) -> PathBuf {
    certificates().join(format!("{name}.key"))
}

/// The SHA-256 of a certificate by openssl's account, as it writes it.
pub(crate) fn fingerprint(name: &str) -> String {
    let mut command = Command::new("openssl");
    command
        .args(["x509", "-noout", "-fingerprint", "-sha256", "-in"])
        .arg(certificate(name));
    let run = Run::of(&mut command);
    run.out.trim().rsplit_once('=').unwrap().1.to_owned()
}

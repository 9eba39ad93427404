//! The Debian releases whose QEMU and firmware the matrix is about.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::Run;

/// A release as it is on this machine.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Debian {
    /// Like `12`.
    pub(super) version: String,
    /// The folder that has its files, for `World::based_on`.
    pub(super) base: PathBuf,
    /// QEMU's version, like `7.2`.
    pub(super) qemu: String,
    /// The packages that were measured, with their full versions.
    pub(super) packages: String,
}

impl Debian {
    /// Both that Proxmox VE is built on; the one that this machine is not in a root of its own,
    /// which is made if it is not there.
    pub(super) fn all() -> Vec<Debian> {
        ["bookworm", "trixie"].map(made).into()
    }

    /// This machine's.
    pub(super) fn own() -> Debian {
        Debian::at(Path::new("/"))
    }

    fn at(base: &Path) -> Debian {
        let release = std::fs::read_to_string(base.join("etc/os-release")).unwrap_or_default();
        let version = release.lines().find_map(|line| {
            let value = line.strip_prefix("VERSION_ID=")?;
            Some(value.trim_matches('"').to_owned())
        });
        let listed = Run::of(
            Command::new("dpkg-query")
                .arg("--admindir")
                .arg(base.join("var/lib/dpkg"))
                .args(["-W", "-f", "${Package} ${Version}, "])
                .args(["qemu-system-x86", "seabios", "ovmf"]),
        );
        let packages = listed.out.trim_end_matches(", ").to_owned();
        // 1:7.2+dfsg-7+deb12u16, 1:10.0.13+ds-0+deb13u1
        let qemu = packages.split_once("qemu-system-x86 1:").map(|(_, rest)| {
            let numbers: Vec<&str> = rest.split(['.', '+', '-']).take(2).collect();
            numbers.join(".")
        });
        Debian {
            version: version.unwrap_or_else(|| "?".to_owned()),
            base: base.to_owned(),
            qemu: qemu.unwrap_or_else(|| "?".to_owned()),
            packages,
        }
    }
}

/// The release that `tests/lab/root` gives.
fn made(suite: &str) -> Debian {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/root");
    // Not `Run::of`, which allows a minute.
    let output = Command::new(script)
        .arg(suite)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success(), "no root of {suite}");
    Debian::at(Path::new(String::from_utf8(output.stdout).unwrap().trim()))
}

//! VM 100 as Proxmox VE starts it, and the programs that set its clock.
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::truth::Second;
use crate::files::HOOK;

/// The command line, and the worker.
pub(super) const PROGRAM: &str = "/usr/libexec/time-shift/time-shift";
/// The agent that is tested, and that on the second port.
pub(super) const AGENT: &str = "/run/qemu-server/100.qga";
const SECOND: &str = "/run/lab/100.second";
/// What the tested agent has ever said.
pub(super) const SAID: &str = "/run/lab/100.said";
const KEEP: &str = "/run/time-shift/100.keep.json";

/// Longest that anything may take on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(240);

/// Runs a program as Proxmox VE runs a hookscript, both streams read to their ends. How long that takes.
pub(super) fn timed(program: &str, arguments: &[&str]) -> (Duration, Output) {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().stdin(Stdio::null());
    command.env("PATH", "/usr/sbin:/usr/bin");
    command.env("PVE_MIGRATED_FROM", "");
    let begun = Instant::now();
    let output = command.output().unwrap();
    let took = begun.elapsed();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    (took, output)
}

/// One phase of a start or a stop.
pub(super) fn hook(phase: &str) -> Duration {
    timed(HOOK.1, &["100", phase]).0
}

/// Launches QEMU with both ports. What was there of an earlier launch is gone.
pub(super) fn launch() {
    for old in [AGENT, SECOND, SAID, "/run/lab/100.serial"] {
        let _ = fs::remove_file(old);
    }
    let agent = format!("socket,id=qga0,path={AGENT},server=on,wait=off,logfile={SAID}");
    let second = format!("socket,id=second,path={SECOND},server=on,wait=off");
    timed(
        "/opt/lab/qemu",
        &[
            "100",
            "--append",
            "lab.second",
            "--",
            "-chardev",
            &agent,
            "-chardev",
            &second,
            "-device",
            "virtio-serial,id=qga0",
            "-device",
            "virtserialport,chardev=qga0,name=org.qemu.guest_agent.0",
            "-device",
            "virtserialport,chardev=second,name=lab.second",
        ],
    );
}

/// The second agent, once it answers.
pub(super) fn second() -> Second {
    Second::connect(Path::new(SECOND))
}

/// Ends it as Proxmox VE sees an end.
pub(super) fn end() {
    timed("/opt/lab/kill-all", &["/", "100"]);
    hook("post-stop");
}

/// What the program knows about keeping its clock.
pub(super) fn keep() -> Option<Value> {
    serde_json::from_slice(&fs::read(KEEP).ok()?).ok()
}

/// Forgets it.
pub(super) fn forget() {
    let _ = fs::remove_file(KEEP);
}

//! The fake monitor in a world, in the place of a VM's QEMU.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::proxmox::Run;
use super::world::World;

/// Where the fake is in a world.
const PROGRAM: &str = "/usr/libexec/time-shift/fake-monitor";

/// A running fake. It ends with this.
#[derive(Debug)]
pub struct Fake<'w> {
    world: &'w World,
    vmid: u32,
    child: Child,
}

/// The built fake, from the same target folder and profile as the programs. `cargo test --test NAME`
/// builds no examples, so this does; `make test` runs them all, which does, and perhaps as another
/// user, who should not build anything.
fn fake_monitor() -> &'static Path {
    static FAKE: OnceLock<PathBuf> = OnceLock::new();
    FAKE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_BIN_EXE_time-shift-hook"))
            .parent()
            .unwrap();
        if std::env::var_os("TIME_SHIFT_PROGRAMS").is_none() {
            let mut cargo = Command::new(env!("CARGO"));
            cargo
                .args([
                    "build",
                    "--quiet",
                    "--example",
                    "fake-monitor",
                    "--target-dir",
                ])
                .arg(folder.parent().unwrap())
                .current_dir(env!("CARGO_MANIFEST_DIR"));
            if folder.ends_with("release") {
                cargo.arg("--release");
            }
            let built = Run::of(&mut cargo);
            assert_eq!(built.code, Some(0), "{built:?}");
        }
        folder.join("examples/fake-monitor")
    })
}

impl World {
    /// Launches the fake monitor (`tests/lab/fake_monitor.rs` lists its arguments) as the QEMU of a VM,
    /// and returns when it is ready.
    #[track_caller]
    pub fn fake(&self, vmid: u32, arguments: &[&str]) -> Fake<'_> {
        let program = self.path(PROGRAM);
        if !program.exists() {
            // By another process, as in `World::new`.
            let copied = Run::of(Command::new("cp").arg(fake_monitor()).arg(&program));
            assert_eq!(copied.code, Some(0), "{copied:?}");
        }
        let pidfile = self.path(&format!("/run/qemu-server/{vmid}.pid"));
        let _ = fs::remove_file(&pidfile);
        let _ = fs::remove_file(self.path(&format!("/run/qemu-server/{vmid}.qmp")));
        let _ = fs::remove_file(self.path(&record(vmid)));
        let child = self
            .command(PROGRAM)
            .args(["-id", &vmid.to_string(), "-pidfile"])
            .arg(format!("/var/run/qemu-server/{vmid}.pid"))
            .arg(format!("socket=/run/qemu-server/{vmid}.qmp"))
            .arg(format!("record={}", record(vmid)))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let fake = Fake {
            world: self,
            vmid,
            child,
        };
        wait_until("the fake monitor is ready", || pidfile.exists());
        fake
    }
}

fn record(vmid: u32) -> String {
    format!("/run/lab/{vmid}.commands")
}

/// Waits for something that must be so within some seconds.
#[track_caller]
pub fn wait_until(what: &str, so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

impl Fake<'_> {
    /// The commands it got so far, and `EOF` for each client that is gone.
    pub fn commands(&self) -> Vec<String> {
        let text = self.world.read(&record(self.vmid));
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until `command` is among the commands that it got.
    #[track_caller]
    pub fn wait_for(&self, command: &str) {
        wait_until(command, || self.commands().iter().any(|got| got == command));
    }

    /// How often it got a command.
    pub fn count(&self, command: &str) -> usize {
        self.commands().iter().filter(|got| *got == command).count()
    }

    /// The process as a state note names it.
    pub fn generation(&self) -> serde_json::Value {
        let pid = self.child.id();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        // proc_pid_stat(5): field 22, and field 3 is the first after the command's parenthesis.
        let rest = stat.rsplit_once(") ").unwrap().1;
        let ticks: u64 = rest.split(' ').nth(22 - 3).unwrap().parse().unwrap();
        serde_json::json!({"pid": pid, "start_ticks": ticks})
    }
}

impl Drop for Fake<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

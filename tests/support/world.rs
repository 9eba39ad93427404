//! A Proxmox VE node's file system in a folder of its own, with the real paths.
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::guest::Guest;
use super::proxmox::Run;

/// A node. Everything in it ends with it.
#[derive(Debug)]
pub struct World {
    root: PathBuf,
}

/// An allowlist with one profile, assigned to VM 100 within wide bounds.
pub fn allow(target: &str) -> String {
    format!(
        r#"version = 1
[profiles.test]
target = "{target}"
stages = ["rtc"]
[[allow]]
vmids = [100]
profiles = ["test"]
assign = "test"
earliest = "1970-01-01"
latest = "2105-12-31"
max-shift = "100y"
"#
    )
}

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The built programs: those that `make build` leaves where TIME_SHIFT_PROGRAMS says so, else the
/// ones that cargo built for the tests.
fn program(name: &str, built_by_cargo: &str) -> PathBuf {
    match std::env::var_os("TIME_SHIFT_PROGRAMS") {
        Some(folder) => project().join(folder).join(name),
        None => PathBuf::from(built_by_cargo),
    }
}

/// The command line program, for what needs no node.
pub fn time_shift() -> PathBuf {
    program("time-shift", env!("CARGO_BIN_EXE_time-shift"))
}

/// Where the guests are.
pub(super) fn lab() -> PathBuf {
    project().join("target/lab")
}

/// Builds the guest that these options start, once.
fn build_guest(options: &[&str]) {
    static MINI: OnceLock<()> = OnceLock::new();
    static DEBIAN: OnceLock<()> = OnceLock::new();
    static CLIENT: OnceLock<()> = OnceLock::new();
    let (once, build) = if options.contains(&"--debian") {
        (&DEBIAN, "build-debian")
    } else if options.contains(&"--client") {
        (&CLIENT, "build-client")
    } else {
        (&MINI, "build")
    };
    once.get_or_init(|| {
        // Unlike Run::of, as long as it takes: Debian is downloaded and unpacked.
        let built = script(build).arg(lab()).output().unwrap();
        assert!(
            built.status.success(),
            "the lab's guest cannot be built: {built:?}"
        );
    });
}

impl World {
    /// A node without VMs and without an allowlist.
    pub fn new() -> World {
        World::based_on(Path::new("/"))
    }

    /// The same with the programs of the Debian in the folder `base`, QEMU among them. The hook is
    /// the same one; where it is not linked statically, that Debian must be no older than this.
    pub fn based_on(base: &Path) -> World {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("time-shift-{}-{number}", std::process::id()));
        let made = Run::of(
            script("world")
                .env("LAB_OUT", lab())
                .env("LAB_BASE", base)
                .arg("new")
                .arg(&root),
        );
        assert_eq!(
            made.code,
            Some(0),
            "{made:?} (the tests need root: make test takes sudo)"
        );
        let world = World { root };
        let libexec = world.path("/usr/libexec/time-shift");
        for (name, built) in [
            ("time-shift-hook", env!("CARGO_BIN_EXE_time-shift-hook")),
            ("time-shift", env!("CARGO_BIN_EXE_time-shift")),
        ] {
            // By another process: a file that this one had open for writing could be handed on to
            // a child of another thread, and is then too busy to be run.
            let copied = Run::of(Command::new("cp").arg(program(name, built)).arg(&libexec));
            assert_eq!(copied.code, Some(0), "{copied:?}");
        }
        world
    }

    /// A node with VM 100 (an empty config but for its name, then `config`) and this allowlist.
    pub fn with_vm(config: &str, allowlist: &str) -> World {
        let world = World::new();
        world.vm(100, config);
        world.write("/etc/time-shift/allowlist.toml", allowlist);
        world
    }

    /// Where a path of the node is on this machine.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside.trim_start_matches('/'))
    }

    /// Writes a file of the node, with mode 0644.
    pub fn write(&self, inside: &str, content: impl AsRef<[u8]>) {
        let path = self.path(inside);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    /// The text of a file of the node; empty if it is not there.
    pub fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_default()
    }

    /// Makes a VM.
    pub fn vm(&self, vmid: u32, config: &str) {
        let text = format!("name: vm{vmid}\n{config}");
        self.write(
            &format!("/etc/pve/nodes/lab1/qemu-server/{vmid}.conf"),
            text,
        );
    }

    /// The state note of a VM.
    pub fn note(&self, vmid: u32) -> Option<serde_json::Value> {
        let text = self.read(&format!("/run/time-shift/{vmid}.json"));
        (!text.is_empty()).then(|| serde_json::from_str(&text).expect("the note is JSON"))
    }

    /// The records of the trail, of all its files, in the order in which they were written.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let mut records = Vec::new();
        for name in ["audit.log", "command-audit.log", "time-shift.log"] {
            let text = self.read(&format!("/var/log/time-shift/{name}"));
            let lines = text.lines();
            records.extend(lines.map(|line| -> serde_json::Value {
                serde_json::from_str(line).expect("each line is JSON")
            }));
        }
        records.sort_by_key(|record| record["boot-ns"].as_u64());
        records
    }

    /// A command to be run in the node, with the environment of a Proxmox VE task.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = script("world");
        command.arg("run").arg(&self.root).arg(program);
        command
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin")
            .env("PVE_MIGRATED_FROM", "");
        command
    }

    /// Calls the hook as Proxmox VE does.
    pub fn hook(&self, vmid: u32, phase: &str) -> Run {
        self.hook_with(&[vmid.to_string(), phase.to_owned()], "")
    }

    /// Calls the hook with any arguments and any source node of a migration.
    pub fn hook_with(&self, arguments: &[impl AsRef<OsStr>], migrated_from: &str) -> Run {
        let mut command = self.command("/usr/libexec/time-shift/time-shift-hook");
        Run::of(
            command
                .args(arguments)
                .env("PVE_MIGRATED_FROM", migrated_from),
        )
    }

    /// Calls the command line.
    pub fn cli(&self, arguments: &[&str]) -> Run {
        Run::of(
            self.command("/usr/libexec/time-shift/time-shift")
                .args(arguments),
        )
    }

    /// Launches the QEMU of a VM with options of `tests/lab/qemu`, as Proxmox VE does between
    /// pre-start and post-start. `--debian` boots the Debian guest with its agent, from a disk that
    /// each VM has to itself and keeps from one launch to the next; `Guest::serve_ntp` is its NTP
    /// server. `--client` boots the mini guest with a TLS client and a network. Otherwise it is the
    /// mini guest as it is, which has no disk and no network.
    pub fn launch(&self, vmid: u32, options: &[&str]) -> Guest<'_> {
        build_guest(options);
        let mut command = self.command("/opt/lab/qemu");
        let launched = Run::of(command.arg(vmid.to_string()).args(options));
        assert_eq!(launched.code, Some(0), "{launched:?}");
        Guest::new(self, vmid)
    }

    /// An ordinary start: pre-start, QEMU, post-start. What the two phases said comes back.
    pub fn start(&self, vmid: u32, options: &[&str]) -> (Guest<'_>, Run, Run) {
        // Not between the two phases: to see that nothing is to be done takes seconds too.
        build_guest(options);
        let before = self.hook(vmid, "pre-start");
        assert_eq!(before.code, Some(0), "{before:?}");
        let guest = self.launch(vmid, options);
        let after = self.hook(vmid, "post-start");
        assert_eq!(after.code, Some(0), "{after:?}");
        (guest, before, after)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        Run::of(script("kill-all").arg(&self.root));
        let _ = fs::remove_dir_all(&self.root);
    }
}

fn script(name: &str) -> Command {
    Command::new(project().join("tests/lab").join(name))
}

//! The folders of a trail, written to by the library and read by the built command line.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use time_shift::audit::{Event, Record, Trail};
use time_shift::model::{Printable, VmId};

use crate::support::Run;

/// Prints a number that a run is to show, whether its test fails or not.
pub(crate) fn seen(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A trail's folders. They go with it.
pub(crate) struct Node {
    root: PathBuf,
}

impl Node {
    /// A node without any record.
    pub(crate) fn new() -> Node {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("time-shift-trail-{}-{number}", std::process::id());
        let root = std::env::temp_dir().join(name);
        fs::create_dir_all(&root).unwrap();
        let config = format!(
            "[paths]\nlog = \"{0}/log\"\ndata = \"{0}/data\"\nstate = \"{0}/run\"\npve = \"{0}/pve\"\n\
             syslog = \"{0}/dev-log\"\n",
            root.display()
        );
        fs::write(root.join("config.toml"), config).unwrap();
        Node { root }
    }

    /// A node with some records in all three files, rotated twice; the oldest files are packed.
    pub(crate) fn with_history() -> Node {
        let node = Node::new();
        for day in 0..3 {
            for number in 0..8 {
                node.write(100 + day, &format!("day {day}, record {number}"));
            }
            if day < 2 {
                node.rotate();
            }
        }
        node
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    pub(crate) fn trail(&self) -> Trail {
        Trail::new(&self.path("log"), &self.path("data")).unwrap()
    }

    /// A record in each of the files.
    pub(crate) fn write(&self, vmid: u32, text: &str) {
        let trail = self.trail();
        for event in [Event::Denied, Event::Rescue, Event::Ended] {
            trail.record(&record(event, vmid, text)).unwrap();
        }
    }

    /// Moves the files on by one, and packs those that were moved before, as logrotate does.
    pub(crate) fn rotate(&self) {
        for log in ["audit.log", "command-audit.log", "time-shift.log"] {
            for number in (1..5).rev() {
                let from = self.path(&format!("log/{log}.{number}"));
                let packed = self.path(&format!("log/{log}.{number}.gz"));
                if packed.exists() {
                    let to = self.path(&format!("log/{log}.{}.gz", number + 1));
                    fs::rename(packed, to).unwrap();
                }
                if from.exists() {
                    let to = self.path(&format!("log/{log}.{}.gz", number + 1));
                    pack(&fs::read(&from).unwrap(), &to);
                    fs::remove_file(from).unwrap();
                }
            }
            let current = self.path(&format!("log/{log}"));
            if current.exists() {
                fs::rename(current, self.path(&format!("log/{log}.1"))).unwrap();
            }
        }
    }

    /// The same folders once more.
    pub(crate) fn copy(&self) -> Node {
        let node = Node::new();
        for folder in ["log", "data"] {
            let mut cp = Command::new("cp");
            cp.arg("-a").arg(self.path(folder)).arg(&node.root);
            assert_eq!(Run::of(&mut cp).code, Some(0));
        }
        node
    }

    /// Calls `time-shift audit ...`.
    pub(crate) fn audit(&self, arguments: &[&str]) -> Run {
        Run::of(&mut self.command(arguments))
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("time-shift", env!("CARGO_BIN_EXE_time-shift")));
        command.arg("--config").arg(self.path("config.toml"));
        command.arg("audit").args(arguments);
        command
    }

    /// What `audit verify --json` finds: FILE:LINE KIND, in order.
    pub(crate) fn faults(&self) -> Vec<String> {
        let run = self.audit(&["verify", "--json"]);
        let answer: Value = serde_json::from_str(&run.out).unwrap_or_else(|_| panic!("{run:?}"));
        let chains = answer["chains"].as_array().unwrap();
        let faults = chains
            .iter()
            .flat_map(|chain| chain["faults"].as_array().unwrap());
        let found: Vec<String> = faults
            .map(|fault| {
                let file = fault["file"].as_str().unwrap();
                format!(
                    "{file}:{} {}",
                    fault["line"],
                    fault["kind"].as_str().unwrap()
                )
            })
            .collect();
        assert_eq!(run.code, Some(i32::from(!found.is_empty())), "{run:?}");
        found
    }

    pub(crate) fn lines(&self, file: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(&format!("log/{file}"))).unwrap_or_default();
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

pub(crate) fn record<'a>(event: Event, vmid: u32, text: &str) -> Record<'a> {
    Record {
        text: Some(Printable::sentence(text)),
        ..Record::new(event, VmId::try_from(vmid).unwrap())
    }
}

/// Writes `content` packed.
pub(crate) fn pack(content: &[u8], path: &Path) {
    let file = fs::File::create(path).unwrap();
    let mut packer = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    packer.write_all(content).unwrap();
    packer.finish().unwrap();
}

/// The built program.
pub(crate) fn program(name: &str, built_by_cargo: &str) -> PathBuf {
    match std::env::var_os("TIME_SHIFT_PROGRAMS") {
        Some(folder) => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(folder)
            .join(name),
        None => PathBuf::from(built_by_cargo),
    }
}

//! Finding the QEMU process of a VM, and making sure that it is the one.
use std::fmt;
use std::path::{Path, PathBuf};

use super::launch::{Launch, pidfile_name};
use crate::model::VmId;
use crate::system::{self, FileError, Generation, Trust};

/// A VM's running QEMU.
#[derive(Clone, Debug)]
pub struct Qemu {
    /// Which VM.
    pub vmid: VmId,
    /// Which process, in which of its lives.
    pub generation: Generation,
    /// How it was started.
    pub launch: Launch,
    /// Its monitor socket.
    pub monitor: PathBuf,
    /// Its guest agent's socket, which is there only if its config has `agent: 1`.
    pub agent: PathBuf,
}

/// Why there is no QEMU to talk to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum QemuError {
    /// The PID file is missing or cannot be read.
    NoPidFile(FileError),
    /// The PID file holds no process number.
    BadPidFile(PathBuf),
    /// The process cannot be looked at; most likely it ended.
    NoProcess(FileError),
    /// The number belongs to another process now.
    OtherProcess {
        /// The PID file.
        path: PathBuf,
        /// The number in it.
        pid: i32,
    },
}

impl fmt::Display for QemuError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QemuError::NoPidFile(error) => write!(f, "QEMU does not run: {error}"),
            QemuError::BadPidFile(path) => {
                write!(
                    f,
                    "{} holds no process number; is the VM running?",
                    path.display()
                )
            }
            QemuError::NoProcess(error) => write!(f, "QEMU has ended: {error}"),
            QemuError::OtherProcess { path, pid } => write!(
                f,
                "{} names process {pid}, which is not this VM's QEMU (process numbers are reused); is \
                 the VM running?",
                path.display()
            ),
        }
    }
}

impl std::error::Error for QemuError {}

impl Qemu {
    /// Finds the QEMU of `vmid` by its PID file in `run` (`/run/qemu-server`), checked against the
    /// process's own command line.
    ///
    /// # Errors
    /// [`QemuError`].
    pub fn find(run: &Path, vmid: VmId) -> Result<Qemu, QemuError> {
        let path = run.join(format!("{vmid}.pid"));
        let text = system::read(&path, Trust::Data, 32).map_err(QemuError::NoPidFile)?;
        let Some(pid) = parse_pid(&text) else {
            return Err(QemuError::BadPidFile(path));
        };
        // The start time before the command line: a number reused in between shows as another name.
        let generation = Generation::of(pid).map_err(QemuError::NoProcess)?;
        let arguments = system::cmdline(pid).map_err(QemuError::NoProcess)?;
        if pidfile_name(&arguments) != Some(format!("{vmid}.pid").as_bytes()) {
            return Err(QemuError::OtherProcess { path, pid });
        }
        Ok(Qemu {
            vmid,
            generation,
            launch: Launch::read(&arguments),
            monitor: run.join(format!("{vmid}.qmp")),
            agent: run.join(format!("{vmid}.qga")),
        })
    }
}

fn parse_pid(text: &[u8]) -> Option<i32> {
    let pid: i32 = std::str::from_utf8(text).ok()?.trim_ascii().parse().ok()?;
    (pid > 1).then_some(pid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_holds_one_number() {
        assert_eq!(parse_pid(b"4711\n"), Some(4711));
        for bad in [
            b"".as_slice(),
            b"0",
            b"1",
            b"-5",
            b"12 13",
            b"x",
            b"99999999999",
            b"\xff",
        ] {
            assert_eq!(parse_pid(bad), None);
        }
    }
}

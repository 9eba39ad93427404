//! Other processes, as /proc shows them, and this node's name.
use std::path::PathBuf;

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::error::{FileError, FileErrorKind};
use super::file::{Trust, read};

/// Largest command line that is read. Proxmox VE's are under 20 KiB; the kernel's own limit for one
/// argument is 128 KiB.
const CMDLINE_LIMIT: usize = 512 * 1024;

/// One life of one process: numbers are reused, number and start time together are not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Generation {
    /// Process number.
    pub pid: i32,
    /// When it started, in clock ticks since the host booted (proc_pid_stat(5), field 22).
    pub start_ticks: u64,
}

fn proc_path(pid: i32, name: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{pid}/{name}"))
}

/// When a process started, in clock ticks (1/100 s) since the host booted.
///
/// # Errors
/// [`FileError`]; [`FileErrorKind::Missing`] if there is no such process.
fn start_ticks(pid: i32) -> Result<u64, FileError> {
    stat_field(pid, 22)
}

fn no_number(pid: i32) -> FileError {
    FileError::new(
        &proc_path(pid, "stat"),
        FileErrorKind::Os(rustix::io::Errno::INVAL),
    )
}

/// A numeric field of /proc/PID/stat, counted from 1 as proc_pid_stat(5) does; not field 1 or 2.
fn stat_field(pid: i32, field: usize) -> Result<u64, FileError> {
    let stat = read(&proc_path(pid, "stat"), Trust::Data, 4096)?;
    // Field 2 is the command in parentheses and may itself hold spaces and parentheses.
    let after_command = stat
        .iter()
        .rposition(|byte| *byte == b')')
        .ok_or_else(|| no_number(pid))?;
    let rest = stat
        .get(after_command.saturating_add(1)..)
        .unwrap_or_default();
    let text = String::from_utf8_lossy(rest);
    let value = text.split_ascii_whitespace().nth(field.saturating_sub(3));
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| no_number(pid))
}

/// A process's arguments.
///
/// # Errors
/// As for [`start_ticks`].
pub fn cmdline(pid: i32) -> Result<Vec<Vec<u8>>, FileError> {
    let bytes = read(&proc_path(pid, "cmdline"), Trust::Data, CMDLINE_LIMIT)?;
    if bytes.is_empty() {
        // A zombie: it has ended, and only its parent has not looked yet (proc_pid_cmdline(5)).
        return Err(FileError::new(
            &proc_path(pid, "cmdline"),
            FileErrorKind::Missing,
        ));
    }
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    Ok(bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
}

impl Generation {
    /// The life that the process `pid` is living now.
    ///
    /// # Errors
    /// As for [`start_ticks`].
    pub fn of(pid: i32) -> Result<Generation, FileError> {
        Ok(Generation {
            pid,
            start_ticks: start_ticks(pid)?,
        })
    }

    /// Whether this life goes on. A zombie has ended, and only its parent has not looked yet.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Pid::from_raw(self.pid).is_some()
            && start_ticks(self.pid) == Ok(self.start_ticks)
            && cmdline(self.pid).is_ok()
    }

    /// When it started, in nanoseconds since the host booted, to a hundredth of a second.
    #[must_use]
    pub fn started_nanos(self) -> u64 {
        // USER_HZ is 100 on every architecture that Proxmox VE runs on.
        self.start_ticks.saturating_mul(10_000_000)
    }
}

/// This host's name up to the first dot, which is what Proxmox VE calls the node.
#[must_use]
pub fn hostname() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    name.split('.').next().unwrap_or_default().to_owned()
}

/// 128 random bits from the kernel. Where it has none yet (never on a node that is up), what is
/// missing is zero: uniqueness is all they are for.
#[must_use]
pub fn random_bytes() -> [u8; 16] {
    let mut bytes = [0_u8; 16];
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::NONBLOCK);
    bytes
}

/// Fills `secret` with random bytes of the kernel's.
///
/// # Errors
/// The system's, where it has none yet.
pub fn fill_secret(secret: &mut [u8]) -> std::io::Result<()> {
    let flags = rustix::rand::GetRandomFlags::NONBLOCK;
    let length = secret.len();
    // Up to 256 bytes come whole or not at all (getrandom(2)).
    match rustix::rand::getrandom(secret, flags)? {
        count if count == length => Ok(()),
        _ => Err(std::io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Ends this process without running anything that is registered for its end.
#[allow(unsafe_code)]
pub fn exit_at_once(code: i32) -> ! {
    // SAFETY: _exit never returns and touches no memory of ours.
    unsafe { libc::_exit(code) }
}

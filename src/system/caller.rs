//! Who is behind this process: the Proxmox VE task it belongs to, or the login.
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::file::{Trust, read};
use super::process::cmdline;
use crate::model::Upid;

/// How many ancestors are looked at. A start from a shell over SSH has seven.
const ANCESTORS: u8 = 24;

/// How a task's title begins (`PVE::RESTEnvironment::fork_worker`).
const TITLE: &[u8] = b"task UPID:";

/// Where this process comes from. All of it is what the system says, in bytes from outside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Caller {
    /// The task of Proxmox VE.
    pub task: Option<Upid>,
    /// Whether there may be a task that could not be told: one with a title that cannot be read, or an
    /// ancestor of which nothing is known.
    pub unclear: bool,
    /// The user who logged in (audit's login uid); none in a service.
    pub login_uid: Option<u32>,
    /// The user who called sudo, as sudo says.
    pub sudo_user: Option<Vec<u8>>,
    /// The name of the task's process, or else of the one that called this one.
    pub program: Vec<u8>,
}

/// Finds out where this process comes from.
#[must_use]
pub fn caller() -> Caller {
    let mut caller = Caller::default();
    let mut pid = rustix::process::getppid().map_or(0, |pid| pid.as_raw_nonzero().get());
    for level in 0..ANCESTORS {
        if pid <= 0 {
            break;
        }
        let Some((name, parent)) = name_and_parent(pid) else {
            caller.unclear = true;
            break;
        };
        if name.starts_with(TITLE) {
            match task(pid) {
                Ok(task) => caller.task = task,
                Err(Untold) => caller.unclear = true,
            }
        }
        // The hookscript's shell stands between a task and this process.
        if level == 0 || caller.task.is_some() {
            caller.program = name;
        }
        if caller.task.is_some() {
            return caller;
        }
        if caller.unclear {
            break;
        }
        pid = parent;
    }
    // One that has more ancestors than any start may have had a task among them.
    caller.unclear |= pid > 0;
    caller.login_uid = login_uid();
    caller.sudo_user = std::env::var_os("SUDO_USER").map(|user| user.as_bytes().to_vec());
    caller
}

/// Fields 2 and 4 of /proc/PID/stat (proc_pid_stat(5)).
fn name_and_parent(pid: i32) -> Option<(Vec<u8>, i32)> {
    let stat = read(Path::new(&format!("/proc/{pid}/stat")), Trust::Data, 4096).ok()?;
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let name = stat.get(open.checked_add(1)?..close)?.to_vec();
    let rest = std::str::from_utf8(stat.get(close.checked_add(1)?..)?).ok()?;
    let parent = rest.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some((name, parent))
}

/// A task of which it cannot be told which one it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Untold;

/// The task that a process says it is. Anybody can give a process of his such a title, so it must be
/// root's, and name its own number. Perl cuts a title off where it has no room for it, and a user may have
/// any name.
fn task(pid: i32) -> Result<Option<Upid>, Untold> {
    let status = read(
        Path::new(&format!("/proc/{pid}/status")),
        Trust::Data,
        16_384,
    )
    .map_err(|_| Untold)?;
    let status = String::from_utf8_lossy(&status);
    let uids = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let mut uids = uids.ok_or(Untold)?.split_ascii_whitespace();
    if !uids.all(|uid| uid == "0") {
        return Ok(None);
    }
    let title = cmdline(pid).map_err(|_| Untold)?;
    let told = || {
        let title = std::str::from_utf8(title.first()?).ok()?;
        Upid::parse(title.trim_end().strip_prefix("task ")?)
    };
    let upid = told().filter(|upid| upid.pid() == pid);
    upid.map(Some).ok_or(Untold)
}

/// The login uid; 4294967295 is the kernel's "nobody logged in" (proc_pid_loginuid(5)).
fn login_uid() -> Option<u32> {
    let bytes = read(Path::new("/proc/self/loginuid"), Trust::Data, 64).ok()?;
    let uid = std::str::from_utf8(&bytes).ok()?.trim().parse().ok()?;
    (uid != u32::MAX).then_some(uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_of_a_test_is_a_process_and_no_task() {
        let caller = caller();
        assert!(!caller.program.is_empty());
        assert_eq!(caller.task, None);
    }

    #[test]
    fn a_process_that_is_gone_is_nobodys_parent() {
        assert_eq!(name_and_parent(i32::MAX), None);
        assert_eq!(task(i32::MAX), Err(Untold));
    }
}

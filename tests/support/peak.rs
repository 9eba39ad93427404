//! The largest resident memory of a program.
//!
//! `ru_maxrss` will not do: a child begins with that of the process that spawned it (`exec_mmap` in
//! fs/exec.c). So this asks the program's own address space (`VmHWM`) when it ends, where ptrace stops it
//! once more (`PTRACE_O_TRACEEXIT`).
// The bench is a program of its own.
#![allow(unreachable_pub)]

use std::fs;
use std::process::Child;

use nix::sys::ptrace;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

/// What a command begins with whose peak is to be measured: it is stopped before it becomes the program,
/// so that there is time to attach to it.
pub const STOPPED: [&str; 4] = ["/bin/dash", "-c", "kill -STOP $$; exec \"$@\"", "dash"];

/// Lets a child that [`STOPPED`] has begun run to its end. Its exit status and its peak in KiB come
/// back, no peak where ptrace is not allowed.
pub fn run(child: &Child) -> Option<(WaitStatus, Option<u64>)> {
    let pid = Pid::from_raw(i32::try_from(child.id()).ok()?);
    waitpid(pid, Some(WaitPidFlag::WUNTRACED)).ok()?;
    let seized = ptrace::seize(pid, ptrace::Options::PTRACE_O_TRACEEXIT);
    kill(pid, Signal::SIGCONT).ok()?;
    let mut peak = None;
    loop {
        match waitpid(pid, None).ok()? {
            WaitStatus::PtraceEvent(_, _, event) => {
                if event == ptrace::Event::PTRACE_EVENT_EXIT as i32 {
                    peak = high_water_mark(pid);
                }
                ptrace::cont(pid, None).ok()?;
            }
            WaitStatus::Stopped(_, signal) => ptrace::cont(pid, signal).ok()?,
            end @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..)) => {
                return Some((end, seized.ok().and(peak)));
            }
            _ => {}
        }
    }
}

fn high_water_mark(pid: Pid) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let (_, rest) = status.split_once("VmHWM:")?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

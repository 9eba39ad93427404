//! A child process that does one thing if its parent dies.
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::sys::signal::{SigHandler, Signal, signal};
use nix::unistd::{ForkResult, fork};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{PipeFlags, pipe_with};

/// The parent's end. As long as it is open the guardian waits.
#[derive(Debug)]
pub struct GuardianPipe {
    fd: OwnedFd,
}

/// What the guardian heard last from its parent before that was gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardianEnd {
    /// Nothing was to be guarded yet.
    Idle,
    /// The parent died, or let go, in the middle.
    Armed,
    /// The parent said that it is done.
    Dismissed,
}

const ARM: u8 = b'A';
const DISMISS: u8 = b'D';

impl GuardianPipe {
    /// From now on the guardian acts if this process ends without [`GuardianPipe::dismiss`].
    ///
    /// # Errors
    /// The system's, where the guardian is gone: then nothing guards.
    pub fn arm(&self) -> Result<(), Errno> {
        self.tell(ARM)
    }

    /// There is nothing left to guard.
    pub fn dismiss(self) {
        // A guardian that cannot hear it finds nothing to do.
        let _ = self.tell(DISMISS);
    }

    fn tell(&self, word: u8) -> Result<(), Errno> {
        retry_on_intr(|| rustix::io::write(&self.fd, &[word])).map(drop)
    }
}

/// Forks a guardian. It holds `keep` and nothing else that this process has open (Proxmox VE reads
/// the standard streams to their end), lives in a session of its own and ignores the signals that end
/// the parent. When this process ends it runs `act`, then exits.
///
/// # Errors
/// The system's.
#[allow(unsafe_code)]
pub fn spawn_guardian(
    keep: impl AsRawFd,
    act: impl FnOnce(GuardianEnd),
) -> Result<GuardianPipe, Errno> {
    let (ears, mouth) = pipe_with(PipeFlags::CLOEXEC)?;
    // SAFETY: the hook is single-threaded (a test keeps `std::thread` out of its path), and so is the command
    // line where it sets an RTC; there the child may do whatever the parent might. The sweep has threads. What
    // its child uses is the memory, which the C library hands on usable (malloc's locks are taken around the
    // fork, glibc's posix/fork.c), its own descriptors and files: no lock that another thread may hold, the
    // standard streams' among them. Only what it says at last, when the VM runs, may ask for the local time.
    match unsafe { fork() } {
        Ok(ForkResult::Parent { .. }) => Ok(GuardianPipe { fd: mouth }),
        Ok(ForkResult::Child) => {
            drop(mouth);
            become_independent([ears.as_raw_fd(), keep.as_raw_fd()]);
            act(listen(&ears));
            // SAFETY: ends the child at once, without the parent's exit handlers.
            unsafe { libc::_exit(0) }
        }
        Err(errno) => Err(Errno::from_raw_os_error(errno as i32)),
    }
}

#[allow(unsafe_code)]
fn become_independent(keep: [RawFd; 2]) {
    // Failing to leave the session costs only protection against a signal to the whole group.
    let _ = rustix::process::setsid();
    close_all_but(keep);
    match open("/dev/null", OFlags::RDWR, Mode::empty()) {
        Ok(null) => {
            let _ = rustix::stdio::dup2_stdin(&null);
            let _ = rustix::stdio::dup2_stdout(&null);
            let _ = rustix::stdio::dup2_stderr(&null);
        }
        // SAFETY: closing is all that is left to end the task's reading; nothing here uses them.
        Err(_) => unsafe {
            libc::close_range(0, 2, 0);
        },
    }
    for ignored in [
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGPIPE,
    ] {
        // SAFETY: ignoring a signal installs no handler that could run.
        let _ = unsafe { signal(ignored, SigHandler::SigIgn) };
    }
}

/// Closes every descriptor from 3 on but those two: one that leaked in from Proxmox VE may be a pipe
/// that somebody reads to its end.
#[allow(unsafe_code)]
fn close_all_but(mut keep: [RawFd; 2]) {
    keep.sort_unstable();
    let [low, high] = keep.map(|fd| libc::c_uint::try_from(fd).unwrap_or(0));
    let gaps = [
        (3, low.saturating_sub(1)),
        (low.saturating_add(1).max(3), high.saturating_sub(1)),
        (high.saturating_add(1).max(3), libc::c_uint::MAX),
    ];
    for (first, last) in gaps {
        if first <= last {
            // SAFETY: the child goes on with the two it keeps; no owner of the others runs again,
            // since it ends by _exit.
            unsafe { libc::close_range(first, last, 0) };
        }
    }
}

fn listen(ears: &OwnedFd) -> GuardianEnd {
    let mut end = GuardianEnd::Idle;
    loop {
        let mut word = [0_u8; 1];
        match retry_on_intr(|| rustix::io::read(ears.as_fd(), &mut word)) {
            Ok(0) | Err(_) => return end,
            Ok(_) => match word {
                [ARM] => end = GuardianEnd::Armed,
                [DISMISS] => return GuardianEnd::Dismissed,
                _ => {}
            },
        }
    }
}

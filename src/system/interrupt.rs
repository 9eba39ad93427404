//! Ctrl-C that is meant for a program which this one started, or is noticed between two steps.
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Ctrl-C and Ctrl-\ do nothing to this process until this is dropped. A program that it starts
/// meanwhile has them as usual.
pub struct Uninterrupted {
    before: Vec<(Signal, SigAction)>,
}

impl Uninterrupted {
    /// From now on.
    #[must_use]
    #[allow(unsafe_code)]
    pub fn begin() -> Uninterrupted {
        // A handler, not SIG_IGN: a program that is executed has the default again.
        let nothing = SigAction::new(
            SigHandler::Handler(do_nothing),
            SaFlags::SA_RESTART,
            SigSet::empty(),
        );
        let mut before = Vec::new();
        for signal in [Signal::SIGINT, Signal::SIGQUIT] {
            // SAFETY: the handler does nothing, so it may run at any point.
            if let Ok(old) = unsafe { sigaction(signal, &nothing) } {
                before.push((signal, old));
            }
        }
        Uninterrupted { before }
    }
}

impl Drop for Uninterrupted {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        for (signal, old) in &self.before {
            // SAFETY: puts back what was there.
            let _ = unsafe { sigaction(*signal, old) };
        }
    }
}

extern "C" fn do_nothing(_: i32) {}

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn note(_: libc::c_int) {
    ASKED.store(true, Ordering::Relaxed);
}

/// From here on the first SIGINT or SIGTERM is only noted; the second one ends the program.
#[allow(unsafe_code)]
pub fn heed_interrupts() {
    let action = SigAction::new(
        SigHandler::Handler(note),
        SaFlags::SA_RESETHAND | SaFlags::SA_RESTART,
        SigSet::empty(),
    );
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        // SAFETY: the handler does nothing but store into an atomic.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// Whether somebody asked for the end.
#[must_use]
pub fn interrupted() -> bool {
    ASKED.load(Ordering::Relaxed)
}

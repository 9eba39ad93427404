//! The pager of who sits at the terminal.
use std::fmt;
use std::io::Write;
use std::process::{Child, Stdio};

use super::chosen::Chosen;
use super::fixed_environment;
use crate::system::Uninterrupted;

/// Where pagers are where nobody names one; the first that is there is taken.
const USUAL: [&str; 3] = ["/usr/bin/less", "/usr/bin/pager", "/usr/bin/more"];

/// What pagers get besides: no shell, no other file and no history (less(1), SECURITY); colours; and
/// to end by itself where all fits the screen.
const FOR_PAGERS: [(&str, &str); 5] = [
    ("LESSSECURE", "1"),
    ("LESSHISTFILE", "-"),
    ("LESSCHARSET", "utf-8"),
    ("LESS", "FRX"),
    ("LC_ALL", "C.UTF-8"),
];

/// A program that shows a text page by page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pager(Chosen);

/// The pager that `$PAGER` names, else the system's.
#[must_use]
pub fn pager() -> Option<Pager> {
    Chosen::by(&["PAGER"], &USUAL).map(Pager)
}

/// A running pager. Ctrl-C is its business until it ends.
pub struct Paging {
    child: Child,
    _uninterrupted: Uninterrupted,
}

impl Pager {
    /// Starts it on this terminal, with a fixed environment but for the terminal's type.
    ///
    /// # Errors
    /// The system's, where it cannot be started.
    pub fn start(&self) -> std::io::Result<Paging> {
        let uninterrupted = Uninterrupted::begin();
        let mut command = self.0.command();
        fixed_environment(&mut command);
        if let Some(terminal) = std::env::var_os("TERM") {
            command.env("TERM", terminal);
        }
        let child = command.envs(FOR_PAGERS).stdin(Stdio::piped()).spawn()?;
        Ok(Paging {
            child,
            _uninterrupted: uninterrupted,
        })
    }
}

impl fmt::Display for Pager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Paging {
    /// Gives it more.
    ///
    /// # Errors
    /// The system's: [`std::io::ErrorKind::BrokenPipe`] once its user has seen enough.
    pub fn write(&mut self, text: &str) -> std::io::Result<()> {
        match &mut self.child.stdin {
            Some(stdin) => stdin.write_all(text.as_bytes()),
            None => Ok(()),
        }
    }

    /// That was all: waits for its user.
    ///
    /// # Errors
    /// The system's.
    pub fn finish(mut self) -> std::io::Result<()> {
        // What it waits for is the end of its input.
        drop(self.child.stdin.take());
        self.child.wait().map(|_| ())
    }
}

//! The editor of who sits at the terminal.
use std::path::Path;
use std::process::ExitStatus;

use super::chosen::Chosen;
use crate::system::Uninterrupted;

/// Where editors are where nobody names one; the first that is there is taken.
const USUAL: [&str; 2] = ["/usr/bin/editor", "/usr/bin/vi"];

/// A program that edits a file, with arguments that come before the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Editor(Chosen);

/// The editor that `$VISUAL` or `$EDITOR` names, else the system's.
#[must_use]
pub fn editor() -> Option<Editor> {
    Chosen::by(&["VISUAL", "EDITOR"], &USUAL).map(Editor)
}

impl Editor {
    /// Runs it on a file to its end, on this terminal. Ctrl-C is its business.
    ///
    /// # Errors
    /// The system's, where it cannot be started.
    pub fn run(&self, file: &Path) -> std::io::Result<ExitStatus> {
        let _uninterrupted = Uninterrupted::begin();
        self.0.command().arg(file).status()
    }
}

impl std::fmt::Display for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

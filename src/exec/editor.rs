//! The editor of who sits at the terminal.
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use crate::system::Uninterrupted;

/// Where editors are where nobody names one; the first that is there is taken.
const USUAL: [&str; 3] = ["/usr/bin/sensible-editor", "/usr/bin/editor", "/usr/bin/vi"];

/// A program that edits a file, with arguments that come before the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Editor {
    program: PathBuf,
    arguments: Vec<String>,
}

/// The editor that `$VISUAL` or `$EDITOR` names, else the system's. Its words are split at blanks, and no
/// shell sees them.
#[must_use]
pub fn editor() -> Option<Editor> {
    let named = ["VISUAL", "EDITOR"].iter().find_map(|name| {
        let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
        words(text)
    });
    named.or_else(|| {
        let there = USUAL.iter().find(|path| is_program(Path::new(path)))?;
        Some(Editor {
            program: PathBuf::from(there),
            arguments: Vec::new(),
        })
    })
}

fn words(text: OsString) -> Option<Editor> {
    let text = text.into_string().ok()?;
    let mut words = text.split_ascii_whitespace().map(str::to_owned);
    Some(Editor {
        program: PathBuf::from(words.next()?),
        arguments: words.collect(),
    })
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

impl Editor {
    /// Runs it on a file to its end, on this terminal. Ctrl-C is its business.
    ///
    /// # Errors
    /// The system's, where it cannot be started.
    pub fn run(&self, file: &Path) -> std::io::Result<ExitStatus> {
        let _uninterrupted = Uninterrupted::begin();
        Command::new(&self.program)
            .args(&self.arguments)
            .arg(file)
            .status()
    }
}

impl std::fmt::Display for Editor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.program.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_is_words_and_nothing_a_shell_would_see() {
        let editor = words(OsString::from("  vim -u  NONE;id ")).unwrap();
        assert_eq!(editor.program, Path::new("vim"));
        assert_eq!(editor.arguments, ["-u", "NONE;id"]);
        assert_eq!(words(OsString::from("  ")), None);
    }
}

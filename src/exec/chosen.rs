//! A program that who sits at the terminal has chosen by a variable of the environment.
use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, and the arguments that come first.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Chosen {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Chosen {
    /// What the first of these variables says that says anything, else the first of these paths that is
    /// a program. The words of a variable are split at blanks, and no shell sees them.
    pub(super) fn by(variables: &[&str], usual: &[&str]) -> Option<Chosen> {
        let named = variables.iter().find_map(|name| {
            let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
            words(text)
        });
        named.or_else(|| {
            let there = usual.iter().find(|path| is_program(Path::new(path)))?;
            Some(Chosen {
                program: PathBuf::from(there),
                arguments: Vec::new(),
            })
        })
    }

    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        command
    }
}

impl fmt::Display for Chosen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
    }
}

fn words(text: OsString) -> Option<Chosen> {
    let text = text.into_string().ok()?;
    let mut words = text.split_ascii_whitespace().map(str::to_owned);
    Some(Chosen {
        program: PathBuf::from(words.next()?),
        arguments: words.collect(),
    })
}

fn is_program(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_is_words_and_nothing_a_shell_would_see() {
        let editor = words(OsString::from("  vim -u  NONE;id ")).unwrap();
        assert_eq!(editor.program, Path::new("vim"));
        assert_eq!(editor.arguments, ["-u", "NONE;id"]);
        assert_eq!(words(OsString::from("  ")), None);
    }
}

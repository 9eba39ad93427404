//! A program to be run, in a guest or on the host: exactly this, with exactly these arguments.
use std::fmt;
use std::time::Duration;

use super::printable::Printable;

/// What is run. It does nothing until `policy` has authorised it, which takes it from the allowlist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// Its name in the allowlist, for records.
    pub name: String,
    /// The program's absolute path, where it is run.
    pub path: String,
    /// Its arguments, each as it is; no shell sees them.
    pub args: Vec<String>,
    /// How long it may run; more than zero, at most 5 minutes.
    pub timeout: Duration,
    /// How many bytes of each of its two outputs are kept.
    pub output_limit: usize,
}

impl fmt::Display for Invocation {
    /// The program and its arguments, each sanitised and in quotes where it has a blank.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Printable::from(self.path.as_str()))?;
        for argument in &self.args {
            let safe = Printable::from(argument.as_str());
            match safe.as_str() {
                "" => f.write_str(" \"\"")?,
                text if text.contains(' ') => write!(f, " \"{text}\"")?,
                text => write!(f, " {text}")?,
            }
        }
        Ok(())
    }
}

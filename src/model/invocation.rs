//! A program to be run in a guest: exactly this, with exactly these arguments.
use std::time::Duration;

/// What is run. It does nothing until `policy` has authorised it, which takes it from the allowlist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invocation {
    /// Its name in the allowlist, for records.
    pub name: String,
    /// The program's absolute path in the guest.
    pub path: String,
    /// Its arguments, each as it is; no shell sees them.
    pub args: Vec<String>,
    /// How long it may run; more than zero, at most 5 minutes.
    pub timeout: Duration,
}

//! How many instructions a program takes in user mode, counted by callgrind: the one number here that
//! is the same in each run.
use std::process::Stdio;

use crate::contender::{Contender, Duty};
use crate::files;

const CALLGRIND: [&str; 4] = [
    "/usr/bin/valgrind",
    "--tool=callgrind",
    "--callgrind-out-file=/dev/null",
    "--",
];

/// Nothing where valgrind is not installed, or the program did not do its duty under it. A shell that
/// becomes another program starts a new count, so there is none of both together.
pub(crate) fn of(contender: &Contender) -> Option<u64> {
    if contender.program == files::SHIM.0 || contender.duty == Duty::Rtc {
        return None;
    }
    contender.prepare();
    let mut command = contender.command(&CALLGRIND);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().ok()?.wait_with_output().ok()?;
    let said = String::from_utf8_lossy(&output.stderr);
    let (_, count) = said.rsplit_once("Collected : ")?;
    let count = count.lines().next()?.trim().parse().ok()?;
    // The hook needs openat2(2). Under a valgrind that does not know it, it says that it did nothing.
    let failed = said.contains("time-shift:");
    (contender.did_it(&output.stdout) && !failed).then_some(count)
}

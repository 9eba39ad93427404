//! The largest resident memory of a program.
use std::process::Stdio;

use crate::contender::Contender;
use crate::traced;

/// In KiB; nothing where ptrace is not allowed.
pub(crate) fn of(contender: &Contender) -> Option<u64> {
    contender.prepare();
    let mut command = contender.command(&traced::STOPPED);
    command.stdout(Stdio::null());
    let child = command.spawn().ok()?;
    traced::run(&child)?.1
}

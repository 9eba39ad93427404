//! `time-shift sync`, `shift` and `restore`: the clocks of running guests, by hand.
use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Serialize;

use super::arguments::{Restore, ShiftTo, Sync};
use super::confirm::confirmed;
use super::{Exit, Failure, complain, put_json};
use crate::config::Config;
use crate::keeper::{self, KeepError, Quiet, Subject};
use crate::model::{ClockTarget, DenyReason, ProfileName, VmId};
use crate::state::Store;
use crate::system;

/// How many guests are worked on at once.
const AT_ONCE: usize = 8;

/// What became of one VM, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Row {
    vmid: VmId,
    result: &'static str,
    reason: Option<DenyReason>,
    text: String,
}

pub(super) fn sync(config: &Config, options: &Sync) -> Result<Exit, Failure> {
    let vmids = chosen(config, &options.vmids, options.all)?;
    each(config, &vmids, options.json, keeper::sync)
}

pub(super) fn restore(config: &Config, options: &Restore) -> Result<Exit, Failure> {
    let vmids = chosen(config, &options.vmids, options.all)?;
    if vmids.is_empty() {
        return finish(&[], options.json);
    }
    let names: Vec<String> = vmids.iter().map(ToString::to_string).collect();
    let question = format!("Give the real time back to VM {}", names.join(", "));
    if !confirmed(options.yes, &question)? {
        return Ok(Exit::Usage);
    }
    each(config, &vmids, options.json, |subject| {
        keeper::restore(subject, "given back by hand")
    })
}

pub(super) fn shift(config: &Config, options: &ShiftTo) -> Result<Exit, Failure> {
    let vmid = options.vmid;
    let quiet = match options.json {
        true => Quiet::Yes,
        false => Quiet::No,
    };
    let (target, profile) = (&options.target, options.profile.as_ref());
    // While somebody thinks about it the VM is nobody's, and afterwards all of it is asked again.
    if !options.yes {
        let question = Subject::find(config, vmid, quiet)
            .and_then(|mut subject| ask_for(&mut subject, vmid, target, profile));
        match question {
            Ok(question) if confirmed(false, &question)? => {}
            Ok(_) => return Ok(Exit::Usage),
            Err(error) => return finish(&[(vmid, Err(error))], options.json),
        }
    }
    let done = Subject::find(config, vmid, quiet).and_then(|mut subject| {
        let proposal = keeper::propose(&mut subject, target, profile)?;
        keeper::shift(&mut subject, &proposal)
    });
    finish(&[(vmid, done)], options.json)
}

/// What somebody has to agree to.
fn ask_for(
    subject: &mut Subject<'_>,
    vmid: VmId,
    target: &ClockTarget,
    profile: Option<&ProfileName>,
) -> Result<String, KeepError> {
    let proposal = keeper::propose(subject, target, profile)?;
    let now = system::now()?;
    let course = proposal.authorized().plan().course;
    let name = subject
        .name()
        .map_or_else(String::new, |name| format!(" ({name})"));
    Ok(format!(
        "Give VM {vmid}{name} the time {}, {} from the host's",
        course.guest_time(now)?,
        course.offset(now)?,
    ))
}

/// The VMs that are meant: those named, or all that were started with another time and run.
fn chosen(config: &Config, named: &[VmId], all: bool) -> Result<Vec<VmId>, Failure> {
    if !all {
        let mut vmids = named.to_vec();
        vmids.sort_unstable();
        vmids.dedup();
        return Ok(vmids);
    }
    let store = Store::new(&config.paths.state);
    let mut running = Vec::new();
    for vmid in store.vmids()? {
        match store.load(vmid) {
            Ok(Some(note)) if note.generation.is_some_and(system::Generation::is_alive) => {
                running.push(vmid);
            }
            Ok(_) => {}
            Err(error) => complain(&error),
        }
    }
    Ok(running)
}

/// Does the same to several VMs, some at once, with a line on a terminal that says how far it is.
fn each(
    config: &Config,
    vmids: &[VmId],
    json: bool,
    work: impl Fn(&mut Subject<'_>) -> Result<String, KeepError> + std::marker::Sync,
) -> Result<Exit, Failure> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let several = vmids.len() > 1;
    let progress = several && std::io::stderr().is_terminal();
    let quiet = match several || json {
        true => Quiet::Yes,
        false => Quiet::No,
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(vmids.len()) {
            scope.spawn(|| {
                while let Some(vmid) = vmids.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = Subject::find(config, *vmid, quiet)
                        .and_then(|mut subject| work(&mut subject));
                    if let Ok(mut done) = done.lock() {
                        done.push((*vmid, result));
                        if progress {
                            let _ = write!(
                                std::io::stderr(),
                                "\r{} of {} done",
                                done.len(),
                                vmids.len()
                            );
                        }
                    }
                }
            });
        }
    });
    if progress {
        let _ = writeln!(std::io::stderr());
    }
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(vmid, _)| *vmid);
    if several && !json {
        for (vmid, result) in &done {
            if let Ok(text) = result {
                super::put(&format!("VM {vmid}: {text}\n"))?;
            }
        }
    }
    finish(&done, json)
}

/// Says what went wrong, and chooses the exit code: the worst counts.
fn finish(done: &[(VmId, Result<String, KeepError>)], json: bool) -> Result<Exit, Failure> {
    let mut worst = Exit::Done;
    let mut rows = Vec::new();
    for (vmid, result) in done {
        if let Err(error) = result {
            worst = worse(worst, exit_of(error));
            if !json {
                complain(&format!("VM {vmid}: {error}"));
            }
        }
        rows.push(row(*vmid, result));
    }
    if json {
        put_json(&rows)?;
    }
    Ok(worst)
}

fn row(vmid: VmId, result: &Result<String, KeepError>) -> Row {
    let (word, reason, text) = match result {
        Ok(text) => ("done", None, text.clone()),
        Err(error) => {
            let reason = match error {
                KeepError::Denied(deny) => Some(deny.reason),
                _ => None,
            };
            let word = match error {
                KeepError::Denied(_) => "denied",
                KeepError::NotVerified(_) => "not-verified",
                KeepError::Unreachable(_) | KeepError::NoAgent(_) => "unreachable",
                KeepError::NotRunning(_) => "not-running",
                KeepError::Busy(_) => "busy",
                KeepError::Failed(_) => "failed",
            };
            (word, reason, error.to_string())
        }
    };
    Row {
        vmid,
        result: word,
        reason,
        text,
    }
}

/// The exit code for what went wrong.
pub(super) fn exit_of(error: &KeepError) -> Exit {
    match error {
        KeepError::Denied(_) => Exit::Denied,
        KeepError::NotVerified(_) => Exit::NotVerified,
        KeepError::Unreachable(_) | KeepError::NoAgent(_) => Exit::Unreachable,
        KeepError::NotRunning(_) | KeepError::Busy(_) | KeepError::Failed(_) => Exit::Failed,
    }
}

/// Of several VMs the one that needs a person most decides the exit code.
fn worse(one: Exit, other: Exit) -> Exit {
    let rank = |exit: Exit| match exit {
        Exit::Done => 0,
        Exit::Unreachable => 1,
        Exit::Denied => 2,
        Exit::Usage => 3,
        Exit::LockedOut | Exit::Failed => 4,
        Exit::NotVerified => 5,
    };
    match rank(other) > rank(one) {
        true => other,
        false => one,
    }
}

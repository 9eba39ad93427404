//! A command of the allowlist, run on the host to its end or to the end of its time.
use std::fmt;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use super::ExecError;
use super::prepared;
use crate::audit::{Event, Record, Trail};
use crate::model::Printable;
use crate::policy::HostPermit;
use crate::system::{Deadline, Program};

/// How long what a program has started may keep its outputs open after it has ended.
const AFTER_END: Duration = Duration::from_millis(200);

/// How long a killed program may take to be gone: longer only if the kernel waits for a disk.
const AFTER_KILL: Duration = Duration::from_secs(2);

/// How much is read at once.
const CHUNK: usize = 16_384;

/// How a program ended, and what it wrote.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Output {
    /// Its exit code, or none where a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output, as it came.
    pub out: Vec<u8>,
    /// Standard error, as it came.
    pub err: Vec<u8>,
    /// Whether more was written than is here.
    pub truncated: bool,
    /// Whether its time was over and it was killed.
    pub timed_out: bool,
}

impl Output {
    /// Whether it did what it should: it ended by itself, with 0, and nothing of what it wrote is missing.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.code == Some(0) && !self.timed_out && !self.truncated
    }
}

impl fmt::Display for Output {
    /// How it ended, with the beginning of what it said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.timed_out, self.code, self.signal) {
            (true, ..) => f.write_str("was killed: its time was over")?,
            (_, Some(code), _) => write!(f, "ended with {code}")?,
            (_, None, Some(signal)) => write!(f, "was ended by signal {signal}")?,
            (_, None, None) => f.write_str("ended")?,
        }
        if self.truncated {
            f.write_str(" (it wrote more than is kept)")?;
        }
        let said = self.err.trim_ascii();
        if said.is_empty() {
            Ok(())
        } else {
            write!(f, ": {}", Printable::new(said))
        }
    }
}

/// Runs a command that policy has permitted. That it is going to be run is written down first: what is
/// not on record is not run.
///
/// No shell: the program is opened, checked and run by that descriptor, with exactly its arguments, a
/// cleared environment, nothing on standard input and a process group of its own, which is killed when
/// the program has ended or its time is over.
///
/// # Errors
/// [`ExecError`] where it was not run. How it ended is in the [`Output`].
pub fn run(permit: &HostPermit, trail: &Trail) -> Result<Output, ExecError> {
    let invocation = permit.invocation();
    let name = &invocation.name;
    write_down(
        trail,
        &format!("host command {name} is going to be run: {invocation}"),
    )?;
    let result = run_now(permit);
    let text = match &result {
        Ok(output) => format!("host command {name} {output}"),
        Err(error @ ExecError::Lost { .. }) => format!("host command {name}: {error}"),
        Err(error) => format!("host command {name} was not run: {error}"),
    };
    // It has been run whatever becomes of the record, and nobody may take it for something that was not.
    match (result, write_down(trail, &text)) {
        (Ok(output), Err(ExecError::NotOnRecord(error))) => Err(ExecError::OutcomeNotOnRecord {
            outcome: output.to_string(),
            error,
        }),
        (result, _) => result,
    }
}

/// The same without a record: for what changes nothing, like a question to Proxmox VE.
///
/// # Errors
/// [`ExecError`] where it was not run. How it ended is in the [`Output`].
pub fn look(permit: &HostPermit) -> Result<Output, ExecError> {
    run_now(permit)
}

fn write_down(trail: &Trail, text: &str) -> Result<(), ExecError> {
    let record = Record {
        text: Some(Printable::sentence(text)),
        ..Record::of_node(Event::Command)
    };
    trail.record(&record).map_err(ExecError::NotOnRecord)
}

fn run_now(permit: &HostPermit) -> Result<Output, ExecError> {
    let invocation = permit.invocation();
    let path = invocation.path.as_ref();
    let program = Program::open(path).map_err(ExecError::Refused)?;
    let real = program.real_path().map_err(ExecError::Refused)?;
    if let Some(why) = permit.fault(&real) {
        return Err(ExecError::Denied {
            program: invocation.path.clone(),
            why,
        });
    }
    let deadline = Deadline::after(invocation.timeout);
    let not_started = |error| ExecError::NotStarted {
        program: invocation.path.clone(),
        error,
    };
    let lost = |error| ExecError::Lost {
        program: invocation.path.clone(),
        error,
    };
    let child = prepared(&program)
        .args(&invocation.args)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(not_started)?;
    let mut running = Running::of(child).map_err(lost)?;
    let limit = invocation.output_limit;
    let (mut out, mut err) = (Kept::new(limit), Kept::new(limit));
    let ended = running.gather(&mut out, &mut err, deadline);
    let status = running.end();
    Ok(Output {
        code: status.and_then(|status| status.code()),
        signal: status.and_then(|status| status.signal()),
        truncated: out.truncated || err.truncated,
        out: out.bytes,
        err: err.bytes,
        timed_out: !ended.map_err(|errno| lost(errno.into()))?,
    })
}

/// The first bytes of an output.
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    truncated: bool,
}

impl Kept {
    fn new(limit: usize) -> Kept {
        Kept {
            bytes: Vec::new(),
            limit,
            truncated: false,
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.bytes.len());
        let fits = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(fits);
        self.truncated |= fits.len() < bytes.len();
    }
}

/// A program that was started. Its group is killed before its number can be another's: nobody has
/// waited for it until then.
struct Running {
    child: Child,
    pid: Pid,
    over: OwnedFd,
}

impl Running {
    fn of(mut child: Child) -> std::io::Result<Running> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(std::io::ErrorKind::InvalidData)?;
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(over) => Ok(Running { child, pid, over }),
            Err(errno) => {
                kill(&mut child, pid);
                Err(errno.into())
            }
        }
    }

    /// Reads both outputs until the program has ended and they are closed. Whether that was in time.
    fn gather(
        &mut self,
        out: &mut Kept,
        err: &mut Kept,
        deadline: Deadline,
    ) -> Result<bool, Errno> {
        let (mut stdout, mut stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let mut last: Option<Deadline> = None;
        loop {
            let until = last.map_or(deadline, |last| deadline.min(last));
            let all_closed = stdout.is_none() && stderr.is_none();
            if last.is_some() && (all_closed || until.passed()) {
                return Ok(true);
            }
            if until.passed() {
                return Ok(false);
            }
            let [over, said, complained] = wait(
                [
                    last.is_none().then(|| self.over.as_fd()),
                    stdout.as_ref().map(AsFd::as_fd),
                    stderr.as_ref().map(AsFd::as_fd),
                ],
                until,
            )?;
            if over {
                last = Some(Deadline::after(AFTER_END));
            }
            if said && !read_some(stdout.as_mut(), out) {
                stdout = None;
            }
            if complained && !read_some(stderr.as_mut(), err) {
                stderr = None;
            }
        }
    }

    /// Kills what is left of its group. How the program itself ended; none where it does not die.
    fn end(&mut self) -> Option<ExitStatus> {
        kill(&mut self.child, self.pid)
    }
}

fn kill(child: &mut Child, group: Pid) -> Option<ExitStatus> {
    let _ = kill_process_group(group, Signal::KILL);
    let deadline = Deadline::after(AFTER_KILL);
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if !deadline.passed() => deadline.sleep(Duration::from_millis(1)),
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Which of these have something to say.
fn wait(fds: [Option<BorrowedFd<'_>>; 3], until: Deadline) -> Result<[bool; 3], Errno> {
    let mut polled: Vec<PollFd<'_>> = fds
        .iter()
        .flatten()
        .map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN))
        .collect();
    let left = Timespec::try_from(until.left()).ok();
    match poll(&mut polled, left.as_ref()) {
        Ok(_) | Err(Errno::INTR) => {}
        Err(errno) => return Err(errno),
    }
    let mut said = polled.iter().map(|fd| !fd.revents().is_empty());
    Ok(fds.map(|fd| fd.is_some() && said.next().unwrap_or(false)))
}

/// Reads what is there; whether more may come.
fn read_some(from: Option<&mut impl Read>, into: &mut Kept) -> bool {
    let mut chunk = [0_u8; CHUNK];
    let count = from.map(|from| from.read(&mut chunk));
    match count {
        Some(Ok(count)) if count > 0 => {
            into.add(chunk.get(..count).unwrap_or_default());
            true
        }
        Some(Err(error)) => error.kind() == std::io::ErrorKind::Interrupted,
        _ => false,
    }
}

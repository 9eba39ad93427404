//! Calls a program as Proxmox VE's `run_command` calls a hookscript: lines of both streams as they come,
//! both read to their end before the exit status counts, so that a child left behind with one of them
//! open is noticed.
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest that a stream may stay open. Proxmox VE would wait for ever.
const LIMIT: Duration = Duration::from_secs(60);

/// What a call left.
#[derive(Debug)]
pub struct Run {
    /// The exit status, unless a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
    /// The lines of both in the order in which they came, each with when that was.
    pub lines: Vec<(Duration, String)>,
    /// How long it took until both streams were at their end.
    pub took: Duration,
}

impl Run {
    /// Runs `command` to its end.
    pub fn of(command: &mut Command) -> Run {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let (sender, receiver) = mpsc::channel();
        read_lines(child.stdout.take().unwrap(), begun, false, sender.clone());
        read_lines(child.stderr.take().unwrap(), begun, true, sender);
        let (mut out, mut err, mut lines) = (String::new(), String::new(), Vec::new());
        loop {
            match receiver.recv_timeout(LIMIT.saturating_sub(begun.elapsed())) {
                Ok((at, is_err, line)) => {
                    match is_err {
                        true => err.push_str(&line),
                        false => out.push_str(&line),
                    }
                    lines.push((at, line.trim_end_matches('\n').to_owned()));
                }
                // Both readers are at their end.
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("a stream is still open: something was left behind")
                }
            }
        }
        let status = child.wait().unwrap();
        Run {
            code: status.code(),
            signal: status.signal(),
            out,
            err,
            lines,
            took: begun.elapsed(),
        }
    }

    /// Both streams, as the task log shows them.
    pub fn log(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The call ended with 0 and said nothing.
    #[track_caller]
    pub fn silent(&self) {
        assert_eq!((self.code, self.log().as_str()), (Some(0), ""), "{self:?}");
    }

    /// The call ended with `code`, and its one line has all of `parts`.
    #[track_caller]
    pub fn one_line(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.log().lines().count(), 1, "{self:?}");
        self.says(parts);
    }

    /// The task log has all of `parts` and nothing that could disturb a terminal.
    #[track_caller]
    pub fn says(&self, parts: &[&str]) {
        for part in parts {
            assert!(self.log().contains(part), "no {part:?} in {self:?}");
        }
        assert!(
            self.log().chars().all(|c| c == '\n' || !c.is_control()),
            "{self:?}"
        );
    }
}

/// Sends each line of a stream on as it comes.
fn read_lines(
    stream: impl Read + Send + 'static,
    begun: Instant,
    is_err: bool,
    sender: mpsc::Sender<(Duration, bool, String)>,
) {
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        loop {
            let mut line = Vec::new();
            match stream.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let text = String::from_utf8_lossy(&line).into_owned();
            let _ = sender.send((begun.elapsed(), is_err, text));
        }
    });
}

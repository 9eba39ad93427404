//! Calls a program as Proxmox VE's `run_command` calls a hookscript: both streams read to their end
//! before the exit status counts, so that a child left behind with one of them open is noticed.
use std::io::Read;
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
        let out = read_to_end(child.stdout.take().unwrap());
        let err = read_to_end(child.stderr.take().unwrap());
        let hang = "a stream is still open: something was left behind";
        let out = out.recv_timeout(LIMIT).expect(hang);
        let err = err.recv_timeout(LIMIT).expect(hang);
        let status = child.wait().unwrap();
        Run {
            code: status.code(),
            signal: status.signal(),
            out,
            err,
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

fn read_to_end(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

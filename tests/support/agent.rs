//! A plain client of a guest's agent, independent of the program's own.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

/// How long an agent may take to its first answer, its guest's boot included.
const LIMIT: Duration = Duration::from_secs(240);

/// A session with an agent. QEMU serves one client at a time: while this is there, the program's own
/// connection waits.
#[derive(Debug)]
pub struct TestAgent {
    stream: BufReader<UnixStream>,
}

/// What became of a program in the guest.
#[derive(Debug)]
pub struct Went {
    /// Its exit status, unless a signal ended it.
    pub code: Option<i64>,
    /// Both its streams.
    pub log: String,
}

impl TestAgent {
    /// Connects and waits until the agent is in step.
    #[track_caller]
    pub fn connect(path: &Path) -> TestAgent {
        let begun = Instant::now();
        loop {
            // Each try is a connection of its own: what a guest did not take may be lost by a reset.
            let stream = UnixStream::connect(path).unwrap();
            let limit = Some(Duration::from_secs(2));
            stream.set_read_timeout(limit).unwrap();
            let mut agent = TestAgent {
                stream: BufReader::new(stream),
            };
            if agent.sync() {
                let limit = Some(Duration::from_secs(30));
                agent.stream.get_ref().set_read_timeout(limit).unwrap();
                return agent;
            }
            assert!(begun.elapsed() < LIMIT, "no agent at {}", path.display());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Leaves behind whatever earlier clients were not there to read. False if nobody answers.
    fn sync(&mut self) -> bool {
        let id = Timestamp::now().as_nanosecond() % 1_000_000_007;
        let request = json!({"execute": "guest-sync-delimited", "arguments": {"id": id}});
        // 0xff ends what an earlier client may have begun.
        let mut bytes = vec![0xff];
        bytes.extend(format!("{request}\n").bytes());
        if self.stream.get_mut().write_all(&bytes).is_err() {
            return false;
        }
        loop {
            let mut line = Vec::new();
            match self.stream.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return false,
                Ok(_) => {}
            }
            let answer = line.rsplit(|byte| *byte == 0xff).next().unwrap();
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            if answer["return"] == json!(id) {
                return true;
            }
        }
    }

    fn send(&mut self, command: &str, arguments: &Value) {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.stream.get_mut(), "{request}").unwrap();
    }

    /// Runs a command and returns its result.
    #[track_caller]
    pub fn call(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self.answer(command, arguments);
        assert!(answer.get("error").is_none(), "{command}: {answer}");
        answer["return"].clone()
    }

    /// Runs a command and returns the whole answer: `return` or `error` is in it.
    #[track_caller]
    pub fn answer(&mut self, command: &str, arguments: Value) -> Value {
        self.send(command, &arguments);
        let mut line = String::new();
        self.stream.read_line(&mut line).expect(command);
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Makes sure that the agent answers.
    #[track_caller]
    pub fn ping(&mut self) {
        self.call("guest-ping", json!({}));
    }

    /// The guest's system clock in nanoseconds since 1970.
    #[track_caller]
    pub fn get_time(&mut self) -> i64 {
        self.call("guest-get-time", json!({})).as_i64().unwrap()
    }

    /// How far the guest's system clock is ahead of the host's, to about a millisecond.
    #[track_caller]
    pub fn ahead(&mut self) -> jiff::SignedDuration {
        let begun = Timestamp::now();
        let guest = Timestamp::from_nanosecond(self.get_time().into()).unwrap();
        let ended = Timestamp::now();
        guest.duration_since(begun) - ended.duration_since(begun) / 2
    }

    /// Sets the guest's system clock and, if the guest can, its RTC. Returns the whole answer.
    #[track_caller]
    pub fn set_time(&mut self, time: Timestamp) -> Value {
        let nanoseconds = i64::try_from(time.as_nanosecond()).unwrap();
        self.answer("guest-set-time", json!({"time": nanoseconds}))
    }

    /// Runs a shell command in the guest to its end.
    #[track_caller]
    pub fn shell(&mut self, line: &str) -> Went {
        let arguments = json!({
            "path": "/bin/sh",
            "arg": ["-c", format!("exec 2>&1; {line}")],
            "capture-output": true,
        });
        let pid = self.call("guest-exec", arguments)["pid"].clone();
        loop {
            let status = self.call("guest-exec-status", json!({"pid": pid}));
            if status["exited"] == true {
                let out = status["out-data"].as_str().unwrap_or_default();
                return Went {
                    code: status["exitcode"].as_i64(),
                    log: String::from_utf8_lossy(&base64(out)).into_owned(),
                };
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// The same for a command that has to succeed; its trimmed output comes back.
    #[track_caller]
    pub fn run(&mut self, line: &str) -> String {
        let went = self.shell(line);
        assert_eq!(went.code, Some(0), "{line}: {went:?}");
        went.log.trim().to_owned()
    }

    /// Reboots the guest from the inside. The agent goes away with it.
    #[track_caller]
    pub fn reboot(mut self) {
        let arguments = json!({"path": "/bin/systemctl", "arg": ["reboot"]});
        self.call("guest-exec", arguments);
    }
}

/// RFC 4648, section 4.
fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |byte| DIGITS.iter().position(|known| *known == byte);
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_usize, 0);
    for digit in text.bytes().filter_map(digit) {
        bits = (bits << 6) | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    bytes
}

//! A plain client of the guest agent, independent of the program's own.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A session with an agent.
#[derive(Debug)]
pub struct TestAgent {
    stream: BufReader<UnixStream>,
}

impl TestAgent {
    /// Connects and waits for the guest's agent.
    pub fn connect(path: &Path) -> TestAgent {
        let stream = UnixStream::connect(path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        let mut agent = TestAgent {
            stream: BufReader::new(stream),
        };
        let request = json!({"execute": "guest-sync-delimited", "arguments": {"id": 1}});
        agent.stream.get_mut().write_all(b"\xff").unwrap();
        writeln!(agent.stream.get_mut(), "{request}").unwrap();
        let mut passed_over = Vec::new();
        agent.stream.read_until(0xff, &mut passed_over).unwrap();
        assert_eq!(agent.line()["return"], 1);
        agent
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Runs a command and returns its whole answer.
    pub fn ask(&mut self, command: &str, arguments: Value) -> Value {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.stream.get_mut(), "{request}").unwrap();
        self.line()
    }

    /// Runs a command that succeeds.
    #[track_caller]
    pub fn call(&mut self, command: &str, arguments: Value) -> Value {
        let answer = self.ask(command, arguments);
        assert!(answer.get("return").is_some(), "{command}: {answer}");
        answer["return"].clone()
    }

    /// Runs a line of the guest's shell to its end.
    #[track_caller]
    pub fn shell(&mut self, line: &str) {
        let arguments = json!({"path": "/bin/sh", "arg": ["-c", line], "capture-output": true});
        let pid = self.call("guest-exec", arguments)["pid"].clone();
        loop {
            let status = self.call("guest-exec-status", json!({"pid": pid}));
            if status["exited"] == true {
                assert_eq!(status["exitcode"], 0, "{line}: {status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

//! A plain client of QEMU's monitor, independent of the program's own.
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// A session with a monitor.
#[derive(Debug)]
pub struct TestMonitor {
    stream: BufReader<UnixStream>,
}

impl TestMonitor {
    /// Connects and leaves the greeting behind.
    pub fn connect(path: &Path) -> TestMonitor {
        let stream = UnixStream::connect(path).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let mut monitor = TestMonitor {
            stream: BufReader::new(stream),
        };
        assert!(monitor.line().get("QMP").is_some(), "a greeting");
        monitor.call("qmp_capabilities", json!({}));
        monitor
    }

    fn line(&mut self) -> Value {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line:?}: {error}"))
    }

    /// Runs a command and returns its result; events on the way are passed over.
    #[track_caller]
    pub fn call(&mut self, command: &str, arguments: Value) -> Value {
        let request = json!({"execute": command, "arguments": arguments});
        writeln!(self.stream.get_mut(), "{request}").unwrap();
        loop {
            let answer = self.line();
            if let Some(result) = answer.get("return") {
                return result.clone();
            }
            assert!(answer.get("error").is_none(), "{command}: {answer}");
        }
    }

    /// Runs a line of the human monitor.
    pub fn human(&mut self, line: &str) -> String {
        let answer = self.call("human-monitor-command", json!({"command-line": line}));
        answer.as_str().unwrap().to_owned()
    }

    /// QEMU's run state.
    pub fn status(&mut self) -> String {
        let answer = self.call("query-status", json!({}));
        answer["status"].as_str().unwrap().to_owned()
    }

    /// The RTC's fields, like `2016-06-15T12:00:02`.
    pub fn rtc(&mut self) -> String {
        let tm = self.call(
            "qom-get",
            json!({"path": "/machine", "property": "rtc-time"}),
        );
        let field = |name: &str| tm[name].as_i64().unwrap();
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
            field("tm_year") + 1900,
            field("tm_mon") + 1,
            field("tm_mday"),
            field("tm_hour"),
            field("tm_min"),
            field("tm_sec"),
        )
    }
}

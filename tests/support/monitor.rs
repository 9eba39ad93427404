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
    events: Vec<String>,
}

/// The moment at which an RTC went on to its next second.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// The second that began, in seconds since 1970 as if the RTC's fields were UTC.
    pub second: i64,
    /// The host's clock then, in nanoseconds since 1970.
    pub host: i128,
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
            events: Vec::new(),
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
        // In one write: QEMU runs what is whole, and after `quit` nobody takes the end of a line.
        let line = format!("{request}\n");
        self.stream.get_mut().write_all(line.as_bytes()).unwrap();
        loop {
            let answer = self.line();
            if let Some(result) = answer.get("return") {
                return result.clone();
            }
            assert!(answer.get("error").is_none(), "{command}: {answer}");
            if let Some(event) = answer["event"].as_str() {
                self.events.push(event.to_owned());
            }
        }
    }

    /// The events that came with the answers since the last call of this.
    pub fn events(&mut self) -> Vec<String> {
        self.status();
        std::mem::take(&mut self.events)
    }

    /// Reads a register of the RTC. The index stays on it.
    pub fn register(&mut self, register: u8) -> u8 {
        self.human(&format!("o /b 0x70 {register:#x}"));
        self.register_at_index()
    }

    /// Reads the register on which the index stands.
    pub fn register_at_index(&mut self) -> u8 {
        let answer = self.human("i /b 0x71");
        let (_, value) = answer.trim().rsplit_once("0x").expect(&answer);
        u8::from_str_radix(value, 16).expect(&answer)
    }

    /// Writes a register of the RTC.
    pub fn set_register(&mut self, register: u8, value: u8) {
        assert_eq!(self.human(&format!("o /b 0x70 {register:#x}")), "");
        assert_eq!(self.human(&format!("o /b 0x71 {value:#x}")), "");
    }

    /// The RTC's fields in seconds since 1970, as if they were UTC.
    pub fn rtc_seconds(&mut self) -> i64 {
        let rtc: jiff::Timestamp = format!("{}Z", self.rtc()).parse().unwrap();
        rtc.as_second()
    }

    /// Waits for the RTC's next second. Known to 3 ms: where this process was kept waiting longer
    /// between two looks, the second after that counts.
    pub fn edge(&mut self) -> Edge {
        let now = || jiff::Timestamp::now().as_nanosecond();
        let (mut from, mut last) = (now(), self.rtc_seconds());
        loop {
            let begun = now();
            let second = self.rtc_seconds();
            let ended = now();
            if second == last + 1 && ended - from < 6_000_000 {
                return Edge {
                    second,
                    host: (from + ended) / 2,
                };
            }
            (from, last) = (begun, second);
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

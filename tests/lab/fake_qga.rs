//! The fake monitor's guest agent, on `VMID.qga`. What it got is in the monitor's record, each command
//! after `agent:`. Kinds:
//!
//!     silent       takes everything and answers nothing
//!     flood        answers with more than anybody wants
//!     half         answers with half a line, and no more
//!     slow         answers each request after 1.9 s
//!     stuck        a healthy one, but no answer to `guest-set-time`
//!     healthy      has a clock, an hour behind the host's at first, that can be set
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

/// Listens in a thread, for one client at a time, as QEMU does.
pub(crate) fn listen(socket: &str, kind: &str, record: &str) {
    let listener = UnixListener::bind(socket).unwrap();
    let record = File::options().append(true).open(record).unwrap();
    let mut agent = Agent {
        kind: kind.to_owned(),
        record,
        ahead: -3_600_000_000_000,
    };
    thread::spawn(move || {
        for client in listener.incoming() {
            // That it hangs up is no error.
            let _ = agent.serve(&client.unwrap());
        }
    });
}

struct Agent {
    kind: String,
    record: File,
    /// Guest minus host, in nanoseconds.
    ahead: i64,
}

impl Agent {
    fn serve(&mut self, mut client: &UnixStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(client);
        loop {
            let mut line = Vec::new();
            if reader.read_until(b'\n', &mut line)? == 0 {
                return Ok(());
            }
            let start = line.iter().rposition(|byte| *byte == 0xff);
            let text = &line[start.map_or(0, |at| at + 1)..];
            let request: Value = serde_json::from_slice(text).expect("a request is JSON");
            let name = request["execute"].as_str().unwrap().to_owned();
            self.record
                .write_all(format!("agent:{name}\n").as_bytes())?;
            match self.kind.as_str() {
                "silent" => continue,
                "stuck" if name == "guest-set-time" => continue,
                "half" => {
                    client.write_all(b"\xff{\"return\": ")?;
                    continue;
                }
                "flood" => {
                    for _ in 0..10_000 {
                        client.write_all(&[b'x'; 4096])?;
                    }
                    continue;
                }
                "slow" => thread::sleep(Duration::from_millis(1900)),
                "healthy" | "stuck" => {}
                other => panic!("the fake does not know the agent {other}"),
            }
            if name == "guest-sync-delimited" {
                client.write_all(b"\xff")?;
            }
            let answer = self.obey(&name, &request["arguments"]);
            client.write_all(format!("{answer}\n").as_bytes())?;
        }
    }

    fn obey(&mut self, name: &str, arguments: &Value) -> Value {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let host = i64::try_from(since.as_nanos()).unwrap();
        match name {
            "guest-sync-delimited" => json!({"return": arguments["id"]}),
            "guest-get-time" => json!({"return": host + self.ahead}),
            "guest-set-time" => {
                self.ahead = arguments["time"].as_i64().unwrap() - host;
                json!({"return": {}})
            }
            other => json!({"error": {"class": "CommandNotFound", "desc": format!("no {other}")}}),
        }
    }
}

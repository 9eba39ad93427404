//! A QEMU monitor made by hand, for the faults that a real QEMU cannot be made to show.
//!
//!     fake-monitor -pidfile FILE [-S ...] [KEY=VALUE...]
//!
//! Writes its own process number to FILE once it is ready. Arguments that it does not know are only
//! there to be read in its command line. It keeps a run state and an RTC's registers, so that without a
//! fault the hook finds a healthy VM. Keys:
//!
//!     socket=PATH       where it listens
//!     record=PATH       a line for each command it got, before it answers, and `EOF` for each client
//!                       that is gone
//!     listen=no         no socket; listen=stale: a socket on which nobody listens
//!     greeting=KIND     none, rubbish, flood, deep or close instead of a greeting
//!     status=STATE      run state at first; after-stop=STATE, after-cont=STATE: after these
//!     stop-event=no     `stop` meets a VM that somebody else has just paused
//!     migrate=STATE     what query-migrate says; arch=ARCH: what query-target says
//!     rtc=stuck         the date does not take what is written; rtc=halted: its divider is reset
//!     fault=NAME:KIND   what the answer to NAME is (a QMP command, or the first word of a line for the
//!                       human monitor); fault=NAME#3:KIND: only to the third of them. Kinds: error,
//!                       wrong-id, text-id, null, text, deep, rubbish, flood, events, silent, close,
//!                       exit, late=MILLISECONDS
//!     agent=KIND        a guest agent's socket beside `socket`, see `fake_qga.rs`
// A fake that cannot go on says so by a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod fake_qga;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

fn main() {
    let mut fake = Fake::new();
    let socket = fake.option("socket");
    let listener = match fake.option("listen").as_str() {
        "no" => None,
        "stale" => {
            drop(UnixListener::bind(&socket).unwrap());
            None
        }
        _ => Some(UnixListener::bind(&socket).unwrap()),
    };
    if !fake.option("agent").is_empty() {
        let socket = socket.replace(".qmp", ".qga");
        fake_qga::listen(&socket, &fake.option("agent"), &fake.option("record"));
    }
    let arguments: Vec<String> = std::env::args().collect();
    let at = arguments.iter().position(|text| text == "-pidfile");
    let pidfile = &arguments[at.expect("-pidfile FILE") + 1];
    let temporary = format!("{pidfile}.new");
    fs::write(&temporary, format!("{}\n", std::process::id())).unwrap();
    fs::rename(&temporary, pidfile).unwrap();
    for client in listener.iter().flat_map(UnixListener::incoming) {
        fake.serve(&client.unwrap());
        fake.record("EOF");
    }
    loop {
        thread::park();
    }
}

struct Fake {
    options: HashMap<String, String>,
    faults: HashMap<String, String>,
    asked: HashMap<String, usize>,
    record: File,
    status: String,
    registers: [u8; 128],
    index: u8,
}

impl Fake {
    fn new() -> Fake {
        let mut options = HashMap::new();
        let mut faults = HashMap::new();
        for argument in std::env::args().skip(1) {
            let Some((key, value)) = argument.split_once('=') else {
                continue;
            };
            if key == "fault" {
                let (name, kind) = value.split_once(':').expect("fault=NAME:KIND");
                faults.insert(name.to_owned(), kind.to_owned());
            } else {
                options.insert(key.to_owned(), value.to_owned());
            }
        }
        let record = File::options()
            .create(true)
            .append(true)
            .open(&options["record"])
            .unwrap();
        let status = options
            .get("status")
            .map_or("running", String::as_str)
            .to_owned();
        let mut registers = [0; 128];
        registers[0x0a] = match options.get("rtc").map(String::as_str) {
            Some("halted") => 0x76,
            _ => 0x26,
        };
        registers[0x0b] = 0x02;
        // 2026-11-24, in BCD.
        for (register, value) in [(7, 0x24), (8, 0x11), (9, 0x26), (0x32, 0x20)] {
            registers[register] = value;
        }
        Fake {
            options,
            faults,
            asked: HashMap::new(),
            record,
            status,
            registers,
            index: 0,
        }
    }

    fn option(&self, key: &str) -> String {
        self.options.get(key).cloned().unwrap_or_default()
    }

    fn record(&mut self, line: &str) {
        // One write, so that a reader never sees a part.
        self.record
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    /// Serves one client to its end. That it hangs up is no error.
    fn serve(&mut self, client: &UnixStream) {
        let greeting =
            json!({"QMP": {"version": {"qemu": {"major": 10}}, "capabilities": ["oob"]}});
        let sent = match self.option("greeting").as_str() {
            "" => send(client, &greeting),
            "none" => ControlFlow::Continue(()),
            kind => misbehave(client, kind),
        };
        if sent.is_break() {
            return;
        }
        let mut reader = BufReader::new(client);
        loop {
            let mut line = Vec::new();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            if let Some(rest) = line.strip_prefix(b"\xff") {
                // As QEMU: the byte resets its parser, and it says so.
                let stray = json!({"error": {"class": "GenericError", "desc": "JSON parse error"}});
                if send(client, &stray).is_break() {
                    return;
                }
                line = rest.to_vec();
            }
            let request: Value = serde_json::from_slice(&line).expect("the hook sends JSON");
            if self.answer(client, &request).is_break() {
                return;
            }
        }
    }

    fn answer(&mut self, client: &UnixStream, request: &Value) -> ControlFlow<()> {
        let command = request["execute"].as_str().unwrap().to_owned();
        let human = request["arguments"]["command-line"].as_str();
        let text = human.unwrap_or(&command).to_owned();
        let name = text.split(' ').next().unwrap().to_owned();
        self.record(&text);
        let count = self.asked.entry(name.clone()).or_default();
        *count += 1;
        let fault = self.faults.get(&format!("{name}#{count}"));
        let fault = fault.or_else(|| self.faults.get(&name)).cloned();
        let id = request["id"].clone();
        let reply = |value: Value| json!({"return": value, "id": id});
        match fault.as_deref() {
            None => {}
            Some("error") => {
                let desc = "no \u{1b}[31mred\nline";
                let error = json!({"class": "GenericError", "desc": desc});
                return send(client, &json!({"error": error, "id": id}));
            }
            Some("silent") => return ControlFlow::Continue(()),
            Some("exit") => std::process::exit(0),
            Some("null") => return send(client, &reply(Value::Null)),
            Some("text") => return send(client, &reply(json!("gar\u{1b}bage"))),
            Some(kind) => {
                if let Some(milliseconds) = kind.strip_prefix("late=") {
                    thread::sleep(Duration::from_millis(milliseconds.parse().unwrap()));
                }
            }
        }
        let value = self.obey(client, &name, &text);
        match fault.as_deref() {
            Some("wrong-id") => send(client, &json!({"return": value, "id": 4711})),
            Some("text-id") => send(client, &json!({"return": value, "id": id.to_string()})),
            Some(kind) if !kind.starts_with("late=") => misbehave(client, kind),
            _ => send(client, &reply(value)),
        }
    }

    /// Does what a command says and returns what QEMU would.
    fn obey(&mut self, client: &UnixStream, name: &str, text: &str) -> Value {
        let or = |value: String, default: &str| match value.as_str() {
            "" => default.to_owned(),
            _ => value,
        };
        match name {
            "qmp_capabilities" => {}
            "query-status" => {
                return json!({"status": self.status, "running": self.status == "running"});
            }
            "query-migrate" => match self.option("migrate").as_str() {
                "" => {}
                state => return json!({"status": state}),
            },
            "query-target" => return json!({"arch": or(self.option("arch"), "x86_64")}),
            "qom-get" => return self.date(),
            "stop" if self.status == "running" => {
                self.status = or(self.option("after-stop"), "paused");
                if self.option("stop-event").is_empty() {
                    let _ = send(client, &event("STOP"));
                }
            }
            "stop" => {}
            "cont" => {
                self.status = or(self.option("after-cont"), "running");
                let _ = send(client, &event("RESUME"));
            }
            "o" | "i" => return self.port(text),
            other => panic!("the fake does not know {other}"),
        }
        json!({})
    }

    fn port(&mut self, line: &str) -> Value {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |word: &str| u16::from_str_radix(word.trim_start_matches("0x"), 16).unwrap();
        match words[..] {
            ["i", "/b", "0x71"] => {
                let value = self.registers[usize::from(self.index)];
                return json!(format!("portb[0x0071] = {value:#04x}\r\n"));
            }
            ["o", "/b", "0x70", register] => self.index = number(register) as u8 & 0x7f,
            ["o", "/b", "0x71", value] => self.write(number(value) as u8),
            ["o", "/h", "0x70", word] => {
                let [value, register] = number(word).to_be_bytes();
                self.index = register & 0x7f;
                self.write(value);
            }
            _ => panic!("the fake does not know {line}"),
        }
        json!("")
    }

    fn write(&mut self, value: u8) {
        let date = matches!(self.index, 0..=9 | 0x32);
        if self.index != 0x0d && !(date && self.option("rtc") == "stuck") {
            self.registers[usize::from(self.index)] = value;
        }
    }

    /// C's `struct tm` of the registers, which are BCD.
    fn date(&self) -> Value {
        let number = |register: usize| {
            let value = i64::from(self.registers[register]);
            value / 16 * 10 + value % 16
        };
        json!({
            "tm_year": number(0x32) * 100 + number(9) - 1900,
            "tm_mon": number(8) - 1,
            "tm_mday": number(7),
            "tm_hour": number(4),
            "tm_min": number(2),
            "tm_sec": number(0),
        })
    }
}

fn event(name: &str) -> Value {
    json!({"event": name, "timestamp": {"seconds": 1, "microseconds": 2}})
}

/// Sends bytes; a client that is gone ends its session.
fn put(mut client: &UnixStream, bytes: &[u8]) -> ControlFlow<()> {
    match client.write_all(bytes) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

fn send(client: &UnixStream, message: &Value) -> ControlFlow<()> {
    put(client, format!("{message}\r\n").as_bytes())
}

fn misbehave(client: &UnixStream, kind: &str) -> ControlFlow<()> {
    match kind {
        "rubbish" => put(client, b"\x1b[31mGET / HTTP/1.1\r\n\0\xff\n"),
        "flood" => put(client, &vec![b'x'; 10_000_000]),
        "deep" => put(client, format!("{}\n", "[".repeat(50_000)).as_bytes()),
        "events" => put(
            client,
            format!("{}\n", event("X")).repeat(100_000).as_bytes(),
        ),
        "close" => ControlFlow::Break(()),
        other => panic!("the fake does not know the fault {other}"),
    }
}

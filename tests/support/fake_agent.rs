//! A guest agent made by hand, in a thread of the test: for what a real one cannot be made to do.
//!
//! Its process is the test's own, which is what the program compares its socket's peer with.
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::ControlFlow;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// How a fake agent behaves. Without anything it is a healthy one.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    /// Sent before each answer to a sync: what an earlier client left behind.
    pub stale: Vec<u8>,
    /// What is sent for a command instead of its answer, by the command's name and how often it was
    /// asked: `guest-get-time#2` is its second time only. See [`FakeAgent::misbehave`].
    pub faults: HashMap<String, Fault>,
    /// The guest's clock is this much ahead of the host's, in nanoseconds.
    pub ahead: i64,
    /// How much later than it came a time that is set takes effect, in nanoseconds.
    pub delay: i64,
    /// The clock cannot be set.
    pub stuck: bool,
    /// What `guest-set-time` says after it has done what it does.
    pub complaint: Option<(&'static str, &'static str)>,
    /// How often `guest-get-time` and `guest-set-time` are refused because of a freeze.
    pub frozen: usize,
    /// The refusal says so, as since QEMU 6.0.
    pub says_frozen: bool,
    /// What `guest-get-osinfo` says.
    pub os: Value,
}

/// What comes instead of an answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// These bytes.
    Bytes(Vec<u8>),
    /// More than anybody wants.
    Flood,
    /// Nothing.
    Silence,
    /// The end.
    Close,
    /// The answer, this much later.
    Late(Duration),
}

/// A running fake. It ends with its folder; its thread ends with the test.
#[derive(Debug)]
pub struct FakeAgent {
    /// Where it listens.
    pub socket: PathBuf,
    seen: Arc<Mutex<Vec<String>>>,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    behaviour: Behaviour,
    asked: HashMap<String, usize>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl FakeAgent {
    /// Starts one.
    pub fn new(behaviour: Behaviour) -> FakeAgent {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("time-shift-qga-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        // A name of its own: who waits for a socket is told by its last part.
        let socket = folder.join(format!("{}-{number}.qga", std::process::id()));
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state = Arc::new(Mutex::new(State {
            behaviour,
            asked: HashMap::new(),
            seen: Arc::clone(&seen),
        }));
        let own = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                serve(&client.unwrap(), &own);
            }
        });
        FakeAgent {
            socket,
            seen,
            state,
        }
    }

    /// The folder of its socket.
    pub fn folder(&self) -> &Path {
        self.socket.parent().unwrap()
    }

    /// The commands it got so far.
    pub fn commands(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How far the guest's clock is ahead of the host's now, in nanoseconds.
    pub fn ahead(&self) -> i64 {
        self.state.lock().unwrap().behaviour.ahead
    }
}

impl Drop for FakeAgent {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.folder());
    }
}

fn serve(client: &UnixStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(client);
    loop {
        let mut line = Vec::new();
        match reader.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let start = line.iter().rposition(|byte| *byte == 0xff);
        let text = &line[start.map_or(0, |at| at + 1)..];
        let request: Value = serde_json::from_slice(text).expect("a request is JSON");
        let (name, fault) = state.lock().unwrap().note(&request);
        let go_on = match fault {
            None => answer(client, state, &request, &name),
            Some(Fault::Bytes(bytes)) => put(client, &bytes),
            Some(Fault::Flood) => put(client, &vec![b'x'; 40_000_000]),
            Some(Fault::Silence) => ControlFlow::Continue(()),
            Some(Fault::Close) => ControlFlow::Break(()),
            Some(Fault::Late(length)) => {
                thread::sleep(length);
                answer(client, state, &request, &name)
            }
        };
        if go_on.is_break() {
            return;
        }
    }
}

fn answer(
    client: &UnixStream,
    state: &Mutex<State>,
    request: &Value,
    name: &str,
) -> ControlFlow<()> {
    let mut state = state.lock().unwrap();
    let mut bytes = Vec::new();
    if name == "guest-sync-delimited" {
        bytes.extend_from_slice(&state.behaviour.stale);
        bytes.push(0xff);
    }
    let answer = state.obey(name, &request["arguments"]);
    drop(state);
    bytes.extend_from_slice(format!("{answer}\n").as_bytes());
    put(client, &bytes)
}

impl State {
    fn note(&mut self, request: &Value) -> (String, Option<Fault>) {
        let name = request["execute"].as_str().unwrap().to_owned();
        self.seen.lock().unwrap().push(name.clone());
        let count = self.asked.entry(name.clone()).or_default();
        *count += 1;
        let faults = &self.behaviour.faults;
        let fault = faults.get(&format!("{name}#{count}"));
        let fault = fault.or_else(|| faults.get(&name)).cloned();
        (name, fault)
    }

    fn obey(&mut self, name: &str, arguments: &Value) -> Value {
        let host = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap();
        let behaviour = &mut self.behaviour;
        let clock = matches!(name, "guest-get-time" | "guest-set-time");
        if clock && behaviour.frozen > 0 {
            // Without a reason the program asks for the status, and that is then the last of it.
            behaviour.frozen -= usize::from(behaviour.says_frozen);
            let why = match behaviour.says_frozen {
                true => ": the agent is in frozen state",
                false => " for this instance",
            };
            let desc = format!("Command {name} has been disabled{why}");
            return json!({"error": {"class": "CommandNotFound", "desc": desc}});
        }
        match name {
            "guest-sync-delimited" => json!({"return": arguments["id"]}),
            "guest-get-time" => json!({"return": host + behaviour.ahead}),
            "guest-set-time" => {
                if !behaviour.stuck {
                    let time = arguments["time"].as_i64().unwrap();
                    behaviour.ahead = time - host - behaviour.delay;
                }
                match behaviour.complaint {
                    Some((class, desc)) => json!({"error": {"class": class, "desc": desc}}),
                    None => json!({"return": {}}),
                }
            }
            "guest-fsfreeze-status" => match behaviour.frozen {
                0 => json!({"return": "thawed"}),
                _ => {
                    behaviour.frozen -= 1;
                    json!({"return": "frozen"})
                }
            },
            "guest-get-osinfo" => json!({"return": behaviour.os}),
            "guest-info" => json!({"return": {"version": "7.2.0", "supported_commands": [
                {"name": "guest-get-time", "enabled": true, "success-response": true},
                {"name": "guest-exec", "enabled": false, "success-response": true},
            ]}}),
            "guest-exec" => json!({"return": {"pid": 7}}),
            "guest-exec-status" => json!({"return": {
                "exited": true, "exitcode": 3, "out-data": "bm8bCg==", "err-truncated": true,
            }}),
            other => {
                json!({"error": {"class": "CommandNotFound", "desc": format!("no {other}")}})
            }
        }
    }
}

fn put(mut client: &UnixStream, bytes: &[u8]) -> ControlFlow<()> {
    match client.write_all(bytes) {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    }
}

//! A server of HTTPS made by hand, in threads of the test: for what no real one does.
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::servers::{certificate, fingerprint, key};

pub(crate) type Stream = StreamOwned<ServerConnection, TcpStream>;

/// A server. It ends with the test.
pub(crate) struct Server {
    pub(crate) port: u16,
    name: &'static str,
    seen: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// One that shows a certificate of `tests/tls/certificates`, and does `act` with each request: its head
    /// and body. The connection is closed when that says so.
    pub(crate) fn new(
        name: &'static str,
        act: impl Fn(&str, &mut Stream) -> bool + Send + Sync + 'static,
    ) -> Server {
        Server::sending(name, &[name], act)
    }

    /// The same with a chain of its own.
    pub(crate) fn sending(
        name: &'static str,
        chain: &[&str],
        act: impl Fn(&str, &mut Stream) -> bool + Send + Sync + 'static,
    ) -> Server {
        let chain = chain
            .iter()
            .map(|name| CertificateDer::from_pem_file(certificate(name)).unwrap());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                chain.collect(),
                PrivateKeyDer::from_pem_file(key(name)).unwrap(),
            );
        let (config, act) = (Arc::new(config.unwrap()), Arc::new(act));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server {
            port: listener.local_addr().unwrap().port(),
            name,
            seen: Arc::default(),
            connections: Arc::default(),
        };
        let (seen, connections) = (Arc::clone(&server.seen), Arc::clone(&server.connections));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connections.fetch_add(1, Ordering::SeqCst);
                let (config, act, seen) =
                    (Arc::clone(&config), Arc::clone(&act), Arc::clone(&seen));
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(connection, stream);
                    while let Some(request) = read(&mut stream) {
                        seen.lock().unwrap().push(request.clone());
                        if !act(&request, &mut stream) {
                            return;
                        }
                    }
                });
            }
        });
        server
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// How many of them have this in them.
    pub(crate) fn count(&self, part: &str) -> usize {
        let seen = self.seen();
        seen.iter().filter(|request| request.contains(part)).count()
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// It in config.toml, with these further lines.
    pub(crate) fn host(&self, lines: &str) -> String {
        let port = self.port;
        format!("[[api.host]]\nname = \"pve1\"\naddress = \"127.0.0.1\"\nport = {port}\n{lines}\n")
    }

    /// The same, known by its fingerprint.
    pub(crate) fn pinned(&self, lines: &str) -> String {
        let fingerprint = fingerprint(self.name);
        self.host(&format!("fingerprint = \"{fingerprint}\"\n{lines}"))
    }
}

fn read(stream: &mut Stream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some(text.into_owned());
            }
        }
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

/// Answers, and goes on with the connection.
pub(crate) fn answer(stream: &mut Stream, status: &str, body: &str) -> bool {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nContent-Type: application/json\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body.as_bytes()).is_ok()
}

/// Answers like a node that is in no cluster, with one VM.
pub(crate) fn node(request: &str, stream: &mut Stream) -> bool {
    let path = request.split(' ').nth(1).unwrap();
    let data = match path.trim_start_matches("/api2/json") {
        "/access/ticket" => r#"{"ticket":"PVE:root@pam:1::x","CSRFPreventionToken":"1:y"}"#,
        "/cluster/status" => r#"[{"type":"node","name":"pve1","online":1}]"#,
        "/cluster/resources?type=vm" => {
            r#"[{"type":"qemu","vmid":100,"node":"pve1","name":"a","status":"running"}]"#
        }
        path if path.ends_with("/config") => r#"{"agent":"1"}"#,
        path if path.ends_with("/agent/get-time") => r#"{"result":1465992000000000000}"#,
        _ => "null",
    };
    answer(stream, "200 OK", &format!("{{\"data\":{data}}}"))
}

/// Says something, and then nothing more for as long as anybody waits.
pub(crate) fn hang(stream: &mut Stream, said: &str) -> bool {
    let _ = stream.write_all(said.as_bytes());
    let _ = stream.sock.set_read_timeout(Some(Duration::from_secs(30)));
    let _ = stream.read(&mut [0; 1]);
    false
}

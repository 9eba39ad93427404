//! A relay in front of a server that counts what a client costs it, and keeps what the server says.
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// What was counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// Connections.
    pub(crate) connections: AtomicUsize,
    /// How often the client spoke after the server had, or first: a round trip each.
    pub(crate) round_trips: AtomicUsize,
    /// What the server said, connection by connection.
    pub(crate) said: Mutex<Vec<Vec<u8>>>,
}

/// Starts one; where it listens.
pub(crate) fn relay(port: u16) -> (String, Arc<Counts>) {
    picky(port, |_| None)
}

/// One that says nothing to some of what a client says, which is the number of a connection, too; and does
/// not hang up.
pub(crate) fn holding(
    port: u16,
    holds: impl Fn(&[u8], usize) -> bool + Send + 'static,
) -> (String, Arc<Counts>) {
    let held = Mutex::new(Vec::new());
    start(port, move |hello, number, client| {
        let hold = holds(hello, number);
        if hold {
            held.lock().unwrap().push(client.try_clone().unwrap());
        }
        hold.then(Vec::new)
    })
}

/// One that first looks at what a client says, and may answer that itself and hang up.
pub(crate) fn picky(
    port: u16,
    refuses: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> (String, Arc<Counts>) {
    start(port, move |hello, _, _| refuses(hello))
}

fn start(
    port: u16,
    refuses: impl Fn(&[u8], usize, &TcpStream) -> Option<Vec<u8>> + Send + 'static,
) -> (String, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = listener.local_addr().unwrap().to_string();
    let counts = Arc::new(Counts::default());
    let counting = Arc::clone(&counts);
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let number = counting.connections.fetch_add(1, Ordering::SeqCst);
            counting.round_trips.fetch_add(1, Ordering::SeqCst);
            let mut hello = vec![0; 16 * 1024];
            let count = client.read(&mut hello).unwrap_or(0);
            hello.truncate(count);
            let refusal = refuses(&hello, number, &client);
            let answer = refusal.clone().unwrap_or_default();
            counting.said.lock().unwrap().push(answer);
            if let Some(answer) = refusal {
                let _ = client.write_all(&answer);
                continue;
            }
            let mut server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            server.write_all(&hello).unwrap();
            both(client, server, number, &counting);
        }
    });
    (name, counts)
}

/// Passes on what both say, after the client's first word.
fn both(client: TcpStream, server: TcpStream, number: usize, counts: &Arc<Counts>) {
    let client_speaks = Arc::new(Mutex::new(true));
    let again = (client.try_clone().unwrap(), server.try_clone().unwrap());
    for (from, to, is_client) in [(again.0, again.1, true), (server, client, false)] {
        let (speaks, counting) = (Arc::clone(&client_speaks), Arc::clone(counts));
        thread::spawn(move || {
            pass(from, &to, |bytes| {
                let mut speaks = speaks.lock().unwrap();
                if is_client && !*speaks {
                    counting.round_trips.fetch_add(1, Ordering::SeqCst);
                }
                *speaks = is_client;
                if !is_client {
                    counting.said.lock().unwrap()[number].extend(bytes);
                }
            });
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

fn pass(mut from: TcpStream, mut to: &TcpStream, mut noticed: impl FnMut(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        noticed(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

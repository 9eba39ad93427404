//! A relay in front of a server that counts what a client costs it.
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
}

/// Starts one; where it listens.
pub(crate) fn relay(port: u16) -> (String, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let name = listener.local_addr().unwrap().to_string();
    let counts = Arc::new(Counts::default());
    let counting = Arc::clone(&counts);
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            counting.connections.fetch_add(1, Ordering::SeqCst);
            let server = TcpStream::connect(("127.0.0.1", port)).unwrap();
            let client_speaks = Arc::new(Mutex::new(false));
            for (from, to, is_client) in [
                (
                    client.try_clone().unwrap(),
                    server.try_clone().unwrap(),
                    true,
                ),
                (server, client, false),
            ] {
                let (speaks, counting) = (Arc::clone(&client_speaks), Arc::clone(&counting));
                thread::spawn(move || {
                    pass(from, &to, |()| {
                        let mut speaks = speaks.lock().unwrap();
                        if is_client && !*speaks {
                            counting.round_trips.fetch_add(1, Ordering::SeqCst);
                        }
                        *speaks = is_client;
                    });
                    let _ = to.shutdown(Shutdown::Both);
                });
            }
        }
    });
    (name, counts)
}

fn pass(mut from: TcpStream, mut to: &TcpStream, mut noticed: impl FnMut(())) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        noticed(());
        if to.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

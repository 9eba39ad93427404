//! A syslog daemon in a world.
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::world::World;

/// Takes everything at once: the system queues ten messages at most.
#[derive(Debug)]
pub struct Daemon(Arc<Mutex<Vec<String>>>);

/// Where journald listens in a world whose /dev/log leads there, as on Proxmox VE.
pub fn journal(world: &World) -> PathBuf {
    let path = world.path("/run/systemd/journal/dev-log");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    symlink("/run/systemd/journal/dev-log", world.path("/dev/log")).unwrap();
    path
}

impl Daemon {
    /// Listens on the node's /dev/log, which is a link as journald makes it.
    pub fn listen(world: &World) -> Daemon {
        let socket = UnixDatagram::bind(journal(world)).unwrap();
        let messages = Arc::new(Mutex::new(Vec::new()));
        let taken = Arc::clone(&messages);
        // It ends with the test.
        std::thread::spawn(move || {
            let mut buffer = [0; 65536];
            while let Ok(length) = socket.recv(&mut buffer) {
                let text = String::from_utf8(buffer[..length].to_vec()).unwrap();
                taken.lock().unwrap().push(text);
            }
        });
        Daemon(messages)
    }

    /// All that has arrived since the last time, but for the seals of the trail.
    pub fn said(&self) -> Vec<String> {
        std::thread::sleep(Duration::from_millis(100));
        let mut said = std::mem::take(&mut *self.0.lock().unwrap());
        said.retain(|line| !line.contains("]: trail sealed: "));
        said
    }
}

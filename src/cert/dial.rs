//! Getting to a server: its addresses, a connection, and reading from it with a deadline and a limit.
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::time::Duration;

use super::error::ReadError;
use crate::model::{Host, Peer};
use crate::system::Deadline;

/// Most addresses of a name that are tried.
const ADDRESSES_LIMIT: usize = 8;

/// Longest that a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// Most bytes that are read from one connection.
const BYTES_LIMIT: usize = 512 * 1024;

/// The addresses of a server. The system's resolver takes as long as it likes, so it is left to a
/// thread of its own, which ends with the program if not before.
pub(super) fn addresses(peer: &Peer, deadline: Deadline) -> Result<Vec<SocketAddr>, ReadError> {
    let (host, port) = (peer.host().to_string(), peer.port().get());
    let (sender, receiver) = mpsc::channel();
    let resolver = std::thread::Builder::new().spawn(move || {
        let found = (host.as_str(), port).to_socket_addrs();
        let _ = sender.send(found.map(|found| found.take(ADDRESSES_LIMIT).collect::<Vec<_>>()));
    });
    resolver.map_err(|error| ReadError::Host(format!("no thread for the resolver: {error}")))?;
    match receiver.recv_timeout(deadline.left()) {
        Ok(Ok(found)) if !found.is_empty() => Ok(found),
        Ok(Ok(_)) => Err(ReadError::NoAddress("it has no address".to_owned())),
        Ok(Err(error)) => Err(unresolved(peer, &error)),
        Err(_) => Err(ReadError::NoAddress("no answer in time".to_owned())),
    }
}

fn unresolved(peer: &Peer, error: &io::Error) -> ReadError {
    match peer.host() {
        // Only its zone can be unknown: an interface.
        Host::V6(_, Some(zone)) => {
            ReadError::NotConnected(format!("this machine has no interface {}", zone.as_str()))
        }
        _ => {
            let why = error.to_string();
            let why = why
                .rsplit_once("information: ")
                .map_or(why.as_str(), |(_, why)| why);
            ReadError::NoAddress(why.to_owned())
        }
    }
}

/// Whether only the interface says which of the machines with that address is meant (RFC 4007).
fn lacks_zone(address: &SocketAddr) -> bool {
    match address {
        SocketAddr::V6(address) => address.ip().is_unicast_link_local() && address.scope_id() == 0,
        SocketAddr::V4(_) => false,
    }
}

/// A connection that is read to a deadline and a limit.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    deadline: Deadline,
    taken: usize,
}

impl Wire {
    pub(super) fn connect(address: SocketAddr, deadline: Deadline) -> Result<Wire, ReadError> {
        let limit = CONNECT_LIMIT.min(deadline.left());
        if limit.is_zero() {
            return Err(ReadError::Silent);
        }
        let stream = TcpStream::connect_timeout(&address, limit).map_err(|error| {
            let why = match error.kind() {
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "no answer".to_owned(),
                io::ErrorKind::InvalidInput if lacks_zone(&address) => {
                    format!("its interface is missing, as in [{}%vmbr0]", address.ip())
                }
                _ => error.to_string(),
            };
            ReadError::NotConnected(format!("{address}: {why}"))
        })?;
        // What is sent is one message, which needs no answer to follow it.
        let _ = stream.set_nodelay(true);
        Ok(Wire {
            stream,
            deadline,
            taken: 0,
        })
    }

    /// Leaves it another deadline.
    pub(super) fn until(&mut self, deadline: Deadline) {
        self.deadline = deadline;
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> Result<(), ReadError> {
        self.write_all(bytes).map_err(failed)
    }

    /// What came, at least a byte.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        match self.read(buffer).map_err(failed)? {
            0 => Err(ReadError::HungUp),
            count => Ok(count),
        }
    }

    fn left(&self) -> io::Result<Duration> {
        match self.deadline.left() {
            left if left.is_zero() => Err(io::ErrorKind::TimedOut.into()),
            left => Ok(left),
        }
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken > BYTES_LIMIT {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.stream.set_read_timeout(Some(self.left()?))?;
        let count = self.stream.read(buffer)?;
        self.taken = self.taken.saturating_add(count);
        Ok(count)
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// What an error of the connection means.
pub(super) fn failed(error: io::Error) -> ReadError {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => ReadError::Silent,
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => ReadError::HungUp,
        io::ErrorKind::FileTooLarge => {
            ReadError::TooMuch(format!("it sent more than {BYTES_LIMIT} bytes"))
        }
        _ => ReadError::Broken(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_that_is_missing_or_unknown_is_named() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let unknown = addresses(&Peer::parse("[fe80::1%nosuch0]").unwrap(), deadline).unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "it cannot be reached: this machine has no interface nosuch0"
        );
        let address = "[fe80::1]:443".parse().unwrap();
        let missing = Wire::connect(address, deadline).unwrap_err().to_string();
        assert!(
            missing.ends_with("its interface is missing, as in [fe80::1%vmbr0]"),
            "{missing}"
        );
    }

    #[test]
    fn a_zone_becomes_the_number_of_its_interface() {
        let peer = Peer::parse("[fe80::1%lo]:8443").unwrap();
        let found = addresses(&peer, Deadline::after(Duration::from_secs(10))).unwrap();
        let [SocketAddr::V6(address)] = found[..] else {
            panic!("{found:?}");
        };
        assert_eq!((address.scope_id(), address.port()), (1, 8443));
    }
}

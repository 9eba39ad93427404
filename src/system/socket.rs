//! Unix sockets that never wait longer than they may.
use std::fmt;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, recv,
    send, socket_with, sockopt,
};

use super::clock::Deadline;
use super::file::{Trust, read};

/// Why a socket did not do what it should.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StreamError {
    /// There is no such socket.
    Missing,
    /// Nobody listens on it.
    Refused,
    /// The deadline passed.
    TimedOut,
    /// The other side hung up.
    Closed,
    /// The system call failed.
    Os(Errno),
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamError::Missing => f.write_str("there is no such socket"),
            StreamError::Refused => f.write_str("nobody listens on it"),
            StreamError::TimedOut => f.write_str("no answer in time"),
            StreamError::Closed => f.write_str("the other side hung up"),
            StreamError::Os(errno) => std::io::Error::from(*errno).fmt(f),
        }
    }
}

impl std::error::Error for StreamError {}

impl From<Errno> for StreamError {
    fn from(errno: Errno) -> StreamError {
        match errno {
            Errno::NOENT => StreamError::Missing,
            Errno::CONNREFUSED => StreamError::Refused,
            Errno::PIPE | Errno::CONNRESET | Errno::NOTCONN => StreamError::Closed,
            other => StreamError::Os(other),
        }
    }
}

/// A connected unix stream socket.
#[derive(Debug)]
pub struct Stream {
    fd: OwnedFd,
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

impl Stream {
    /// Connects, waiting to `deadline` while the listener's queue is full.
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn connect(path: &Path, deadline: Deadline) -> Result<Stream, StreamError> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let fd = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        let address = SocketAddrUnix::new(path)?;
        loop {
            match connect(&fd, &address) {
                Ok(()) => return Ok(Stream { fd }),
                // unix(7): a full queue is EAGAIN at once on a non-blocking socket, and nothing
                // can be polled for it.
                Err(Errno::AGAIN | Errno::INTR) if !deadline.passed() => {
                    deadline.sleep(Duration::from_millis(2));
                }
                Err(Errno::AGAIN | Errno::INTR) => return Err(StreamError::TimedOut),
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// The process that listens at the other end, as the kernel saw it (`SO_PEERCRED`).
    ///
    /// # Errors
    /// [`StreamError`].
    pub fn peer_pid(&self) -> Result<i32, StreamError> {
        Ok(sockopt::socket_peercred(&self.fd)?
            .pid
            .as_raw_nonzero()
            .get())
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    /// [`StreamError`]; part of it may then have been sent.
    pub fn send_all(&self, mut bytes: &[u8], deadline: Deadline) -> Result<(), StreamError> {
        while !bytes.is_empty() {
            match send(&self.fd, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = bytes.get(sent..).unwrap_or_default(),
                Err(Errno::AGAIN) => self.wait(PollFlags::OUT, deadline)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(())
    }

    /// Receives what is there into `buffer`, waiting for the first byte.
    ///
    /// # Errors
    /// [`StreamError`]; [`StreamError::Closed`] at the end of the stream.
    pub fn receive(&self, buffer: &mut [u8], deadline: Deadline) -> Result<usize, StreamError> {
        loop {
            match recv(&self.fd, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => return Err(StreamError::Closed),
                Ok((count, _)) => return Ok(count),
                Err(Errno::AGAIN) => self.wait(PollFlags::IN, deadline)?,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }

    /// Whether the other side has not yet taken all that was sent; so too where the system does not
    /// say.
    #[must_use]
    #[allow(unsafe_code)]
    pub fn has_unread(&self) -> bool {
        let mut bytes: libc::c_int = 0;
        // SAFETY: TIOCOUTQ writes one int (tty_ioctl(4)); unix sockets know it as SIOCOUTQ.
        let done = unsafe { libc::ioctl(self.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
        done != 0 || bytes != 0
    }

    fn wait(&self, flags: PollFlags, deadline: Deadline) -> Result<(), StreamError> {
        let left = deadline.left();
        if left.is_zero() {
            return Err(StreamError::TimedOut);
        }
        let limit = Timespec::try_from(left).map_err(|_| StreamError::TimedOut)?;
        match poll(
            &mut [PollFd::from_borrowed_fd(self.fd.as_fd(), flags)],
            Some(&limit),
        ) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Sends one datagram to a unix socket without ever waiting.
///
/// # Errors
/// [`StreamError`] where nobody takes it at once.
pub fn send_datagram(path: &Path, bytes: &[u8]) -> Result<(), StreamError> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let fd = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
    connect(&fd, &SocketAddrUnix::new(path)?)?;
    send(&fd, bytes, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)?;
    Ok(())
}

/// Where journald has its sockets (systemd-journald.socket(8)).
const JOURNAL: &[u8] = b"/run/systemd/journal/";

/// Whether this socket for syslog is journald's: on a system run by systemd it is a link to one.
#[must_use]
pub fn is_journals(path: &Path) -> bool {
    let target = rustix::fs::readlink(path, Vec::new());
    let target = target
        .as_ref()
        .map_or(path.as_os_str().as_bytes(), |target| target.to_bytes());
    target.starts_with(JOURNAL)
}

/// Largest list of sockets that is read. A node has some thousands, of 100 bytes each.
const SOCKETS_LIMIT: usize = 4 * 1024 * 1024;

/// Whether somebody waits to be accepted on a unix socket whose path ends in `/NAME`, as far as this
/// network namespace shows it (a client's own waiting always does). `false` where it cannot be told.
#[must_use]
pub fn somebody_queues(name: &str) -> bool {
    let list = read(Path::new("/proc/self/net/unix"), Trust::Data, SOCKETS_LIMIT);
    list.is_ok_and(|list| queues(&String::from_utf8_lossy(&list), name))
}

/// Fields: number, references, protocol, flags, type, state, inode, path. Nobody owns a connection
/// before it is accepted: it has state 02 (`SS_CONNECTING`) and inode 0.
fn queues(list: &str, name: &str) -> bool {
    list.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace();
        let waits = fields.nth(5) == Some("02") && fields.next() == Some("0");
        let path = fields.next().unwrap_or_default();
        waits && path.rsplit_once('/').is_some_and(|(_, last)| last == name)
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_client_sees_whether_it_was_accepted_and_read() {
        let name = format!("time-shift-queue-{}", std::process::id());
        let path = std::env::temp_dir().join(&name);
        let listener = UnixListener::bind(&path).unwrap();
        let deadline = Deadline::after(Duration::from_secs(5));
        let stream = Stream::connect(&path, deadline).unwrap();
        assert!(!stream.has_unread());
        stream.send_all(b"x", deadline).unwrap();
        assert!(stream.has_unread() && somebody_queues(&name));
        assert!(!somebody_queues("another"));
        let (mut accepted, _) = listener.accept().unwrap();
        assert!(stream.has_unread() && !somebody_queues(&name));
        std::io::Read::read_exact(&mut accepted, &mut [0]).unwrap();
        assert!(!stream.has_unread());
        std::fs::remove_file(&path).unwrap();
    }
}

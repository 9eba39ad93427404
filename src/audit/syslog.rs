//! Syslog: the formats of the `syslog` crate on a socket that never makes anybody wait.
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use syslog::Severity;
use syslog::{Formatter3164, Formatter5424, LogFormat};

use super::chain::lock;
use super::head::{Heads, Lost};
use crate::model::{Printable, Timestamp, VmId};
use crate::system::{self, Access, Dir};

/// Longest message that is sent; RFC 5424 section 6.1 lets receivers cut beyond 2048 bytes.
const MESSAGE_LIMIT: usize = 1800;

/// The number under which an RFC 5424 receiver finds our data; 32473 is the example enterprise of
/// RFC 5612, since the project has none of its own.
const DATA_ID: &str = "time-shift@32473";

/// How long counting a lost message may take.
const COUNT_LIMIT: Duration = Duration::from_millis(50);

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offer {
    Taken,
    /// There is a daemon, and it did not take it.
    Refused,
    /// There is no daemon that anything could be told later.
    Nobody,
}

/// How a message is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// BSD syslog, which journald on `/dev/log` understands.
    Rfc3164,
    /// With structured data, for a syslog daemon that understands it.
    Rfc5424,
}

impl Format {
    /// The one with structured data, unless journald owns the socket.
    #[must_use]
    pub fn for_socket(socket: &Path) -> Format {
        match system::is_journals(socket) {
            true => Format::Rfc3164,
            false => Format::Rfc5424,
        }
    }
}

/// Which of syslog's facilities.
#[derive(Clone, Copy, Debug)]
pub struct Facility(syslog::Facility);

impl Facility {
    /// The facility with this code (RFC 5424 section 6.2.1); `daemon` where it is none of those
    /// that a service may use.
    #[must_use]
    pub fn of_code(code: u8) -> Facility {
        Facility(match code {
            1 => syslog::Facility::LOG_USER,
            4 => syslog::Facility::LOG_AUTH,
            10 => syslog::Facility::LOG_AUTHPRIV,
            16 => syslog::Facility::LOG_LOCAL0,
            17 => syslog::Facility::LOG_LOCAL1,
            18 => syslog::Facility::LOG_LOCAL2,
            19 => syslog::Facility::LOG_LOCAL3,
            20 => syslog::Facility::LOG_LOCAL4,
            21 => syslog::Facility::LOG_LOCAL5,
            22 => syslog::Facility::LOG_LOCAL6,
            23 => syslog::Facility::LOG_LOCAL7,
            _ => syslog::Facility::LOG_DAEMON,
        })
    }
}

/// A way to the syslog daemon.
#[derive(Debug)]
pub struct Syslog {
    /// The daemon's socket.
    pub socket: PathBuf,
    /// The layout.
    pub format: Format,
    /// The facility.
    pub facility: Facility,
    /// The program's name in the messages.
    pub process: &'static str,
    /// Where what the daemon did not take is counted: the trail's log folder and data folder.
    pub losses: Option<(PathBuf, PathBuf)>,
}

impl Syslog {
    /// Sends one message about a VM, or drops it where no daemon takes it at once: a log must never
    /// hold a VM's start. Control characters have been escaped by whoever made `text`; what is left
    /// of them is replaced here, since nothing else on the way does it.
    ///
    /// What a daemon that is there did not take is counted, and said as soon as it takes something
    /// again and something is recorded.
    pub fn send(&self, severity: Severity, vmid: Option<VmId>, event: &str, text: &str) {
        if self.offer(severity, vmid, event, text) == Offer::Refused {
            self.count(1, None);
        }
    }

    /// Sends one that the caller sends again later where it does not arrive: whether it has.
    #[must_use]
    pub fn deliver(&self, severity: Severity, vmid: Option<VmId>, event: &str, text: &str) -> bool {
        self.offer(severity, vmid, event, text) == Offer::Taken
    }

    /// Says what was lost, if that is anything. It has been taken out of the count.
    pub(super) fn tell_lost(&self, lost: Lost) {
        let (Some(since), 1..) = (lost.since, lost.count) else {
            return;
        };
        let text = format!(
            "{} messages since {since} were not taken by the system's log; the records are in the trail",
            lost.count
        );
        if self.offer(Severity::LOG_WARNING, None, "lost", &text) != Offer::Taken {
            self.count(lost.count, Some(since));
        }
    }

    /// Adds to the count of what was lost, the first of it at `since` or now. Where it cannot be counted,
    /// nobody waits for it.
    fn count(&self, more: u64, since: Option<Timestamp>) {
        let Some((log, data)) = &self.losses else {
            return;
        };
        let counted = || -> Option<()> {
            let folder = Dir::open(log).ok()?;
            let data = Dir::open(data).ok()?;
            let _lock = lock(&folder, COUNT_LIMIT).ok()?;
            let heads = Heads::open(&data, Access::Change).ok()?;
            let lost = heads.lost();
            let count = lost.count.saturating_add(more);
            let now = || system::now().ok().map(|now| now.real);
            let first = [lost.since, since].into_iter().flatten().min();
            let since = first.or_else(now);
            heads.put_lost(Lost { count, since }).ok()
        };
        let _ = counted();
    }

    fn offer(&self, severity: Severity, vmid: Option<VmId>, event: &str, text: &str) -> Offer {
        let mut text: String = text
            .chars()
            .map(|c| if c.is_control() { '?' } else { c })
            .collect();
        while text.len() > MESSAGE_LIMIT {
            text.pop();
        }
        let mut message = Vec::with_capacity(text.len().saturating_add(200));
        let made = match self.format {
            Format::Rfc3164 => {
                let formatter = Formatter3164 {
                    facility: self.facility.0,
                    hostname: None,
                    process: self.process.to_owned(),
                    pid: std::process::id(),
                };
                formatter.format(&mut message, severity, text)
            }
            Format::Rfc5424 => {
                let formatter = Formatter5424 {
                    facility: self.facility.0,
                    hostname: Some(system::hostname()),
                    process: self.process.to_owned(),
                    pid: std::process::id(),
                };
                let mut fields = std::collections::BTreeMap::new();
                fields.insert(
                    "event".to_owned(),
                    Printable::from(event).as_str().to_owned(),
                );
                if let Some(vmid) = vmid {
                    fields.insert("vmid".to_owned(), vmid.to_string());
                }
                let data = std::collections::BTreeMap::from([(DATA_ID.to_owned(), fields)]);
                formatter.format(&mut message, severity, (0, data, text))
            }
        };
        if made.is_err() {
            return Offer::Refused;
        }
        match system::send_datagram(&self.socket, &message) {
            Ok(()) => Offer::Taken,
            Err(system::StreamError::Missing) => Offer::Nobody,
            Err(_) => Offer::Refused,
        }
    }
}

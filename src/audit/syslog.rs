//! Syslog: the formats of the `syslog` crate on a socket that never makes anybody wait.
use std::path::PathBuf;

pub use syslog::Severity;
use syslog::{Formatter3164, Formatter5424, LogFormat};

use crate::model::{Printable, VmId};
use crate::system;

/// Longest message that is sent; RFC 5424 section 6.1 lets receivers cut beyond 2048 bytes.
const MESSAGE_LIMIT: usize = 1800;

/// The number under which an RFC 5424 receiver finds our data; 32473 is the example enterprise of
/// RFC 5612, since the project has none of its own.
const DATA_ID: &str = "time-shift@32473";

/// How a message is laid out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// BSD syslog, which journald on `/dev/log` understands.
    Rfc3164,
    /// With structured data, for a syslog daemon that understands it.
    Rfc5424,
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
}

impl Syslog {
    /// Sends one message about a VM, or drops it where no daemon takes it at once: a log must never
    /// hold a VM's start. Control characters have been escaped by whoever made `text`; what is left
    /// of them is replaced here, since nothing else on the way does it.
    pub fn send(&self, severity: Severity, vmid: Option<VmId>, event: &str, text: &str) {
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
        if made.is_ok() {
            // Missing, full or dead: nothing here may depend on it.
            let _ = system::send_datagram(&self.socket, &message);
        }
    }
}

//! A TCP port.
use std::fmt;
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// A TCP port, 1 to 65535 (RFC 9293 section 3.1; 0 is no port that can be connected to).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Port(NonZeroU16);

/// Why a text is no port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PortError;

impl fmt::Display for PortError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port is a number from 1 to 65535, written in the digits 0-9 only")
    }
}

impl std::error::Error for PortError {}

impl Port {
    /// The port of HTTPS.
    pub const HTTPS: Port = Port::known(443);
    /// The port of the Proxmox VE API (pveproxy(8)).
    pub const PVE: Port = Port::known(8006);

    const fn known(number: u16) -> Port {
        match NonZeroU16::new(number) {
            Some(number) => Port(number),
            None => Port(NonZeroU16::MIN),
        }
    }

    /// Reads a port: one to five ASCII digits, the first not `0`, nothing before or after.
    ///
    /// # Errors
    /// [`PortError`].
    pub fn parse(text: &str) -> Result<Port, PortError> {
        let digits = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits || text.starts_with('0') {
            return Err(PortError);
        }
        text.parse().map(Port).map_err(|_| PortError)
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0.get()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

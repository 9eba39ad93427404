//! Hosts: addresses and names.
use std::fmt;

// Only the forms of addresses: nothing here connects to one.
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::model::names::name_type;

name_type!(
    /// The zone of an IPv6 address (RFC 4007 section 11): an interface's name or number, at most 15
    /// characters (`IFNAMSIZ`).
    Zone,
    |text| {
        (1..=15).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    },
    "a zone is an interface's name: 1 to 15 letters, digits and . - _"
);

/// A name of a host in lower case, without a last dot: labels of 1 to 63 letters, digits and inner
/// hyphens (RFC 1123 section 2.1), at most 253 characters. The last label is no number, so that a name
/// is never taken for an address (RFC 3696 section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HostName(String);

/// A host: an address or a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Host {
    /// Four decimal numbers without leading zeros: with them some programs read octal numbers.
    V4(Ipv4Addr),
    /// An IPv6 address (RFC 4291 section 2.2), with its zone if it has one (RFC 4007).
    V6(Ipv6Addr, Option<Zone>),
    /// A name.
    Name(HostName),
}

/// Why a text is no host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostError;

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a host is a name (letters, digits and inner hyphens between dots, the last part no \
             number), an IPv4 address like 10.0.0.20 or an IPv6 address like fe80::1%vmbr0",
        )
    }
}

impl std::error::Error for HostError {}

impl HostName {
    /// Reads a name.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn parse(text: &str) -> Result<HostName, HostError> {
        let name = text.strip_suffix('.').unwrap_or(text);
        let fits = (1..=253).contains(&name.len())
            && name.split('.').all(is_label)
            && !name.rsplit('.').next().is_some_and(is_number);
        if fits {
            Ok(HostName(name.to_ascii_lowercase()))
        } else {
            Err(HostError)
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// 1 to 63 letters, digits and inner hyphens.
pub(super) fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

/// What inet_aton(3) takes for a number, decimal or hexadecimal.
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
    match hex {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => label.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

impl Host {
    /// Reads a host; an IPv6 address may stand in brackets, as before a port.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn parse(text: &str) -> Result<Host, HostError> {
        if let Some(inner) = text.strip_prefix('[') {
            return v6(inner.strip_suffix(']').ok_or(HostError)?);
        }
        if text.contains(':') {
            return v6(text);
        }
        match text.parse() {
            Ok(address) => Ok(Host::V4(address)),
            Err(_) => HostName::parse(text).map(Host::Name),
        }
    }

    /// The address, where the host is one; a zone is left out.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self {
            Host::V4(address) => Some(IpAddr::V4(*address)),
            Host::V6(address, _) => Some(IpAddr::V6(*address)),
            Host::Name(_) => None,
        }
    }

    /// As it stands before a port: IPv6 in brackets (RFC 3986 section 3.2.2).
    #[must_use]
    pub fn before_port(&self) -> String {
        match self {
            Host::V6(..) => format!("[{self}]"),
            Host::V4(_) | Host::Name(_) => self.to_string(),
        }
    }
}

fn v6(text: &str) -> Result<Host, HostError> {
    let (address, zone) = match text.split_once('%') {
        Some((address, zone)) => (address, Some(Zone::parse(zone).map_err(|_| HostError)?)),
        None => (text, None),
    };
    let address = address.parse().map_err(|_| HostError)?;
    Ok(Host::V6(address, zone))
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::V4(address) => address.fmt(f),
            Host::V6(address, None) => address.fmt(f),
            Host::V6(address, Some(zone)) => write!(f, "{address}%{zone}"),
            Host::Name(name) => name.fmt(f),
        }
    }
}

impl TryFrom<String> for HostName {
    type Error = HostError;
    fn try_from(text: String) -> Result<HostName, HostError> {
        HostName::parse(&text)
    }
}

impl From<HostName> for String {
    fn from(name: HostName) -> String {
        name.0
    }
}

impl TryFrom<String> for Host {
    type Error = HostError;
    fn try_from(text: String) -> Result<Host, HostError> {
        Host::parse(&text)
    }
}

impl From<Host> for String {
    fn from(host: Host) -> String {
        host.to_string()
    }
}

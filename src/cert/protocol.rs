//! The versions of TLS, and what is known of the cipher suites.
use serde::Serialize;
use tls_parser::{TlsCipherAu, TlsCipherEnc, TlsCipherKx, TlsCipherSuite};

/// A version of the protocol.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Protocol {
    /// SSL 3.0 (RFC 6101).
    #[serde(rename = "SSLv3")]
    Ssl3,
    /// TLS 1.0 (RFC 2246).
    #[serde(rename = "TLS 1.0")]
    Tls10,
    /// TLS 1.1 (RFC 4346).
    #[serde(rename = "TLS 1.1")]
    Tls11,
    /// TLS 1.2 (RFC 5246).
    #[serde(rename = "TLS 1.2")]
    Tls12,
    /// TLS 1.3 (RFC 8446).
    #[serde(rename = "TLS 1.3")]
    Tls13,
}

impl Protocol {
    /// What stands on the wire.
    #[must_use]
    pub fn wire(self) -> [u8; 2] {
        match self {
            Protocol::Ssl3 => [3, 0],
            Protocol::Tls10 => [3, 1],
            Protocol::Tls11 => [3, 2],
            Protocol::Tls12 => [3, 3],
            Protocol::Tls13 => [3, 4],
        }
    }

    /// From what stands on the wire.
    #[must_use]
    pub fn of_wire(number: u16) -> Option<Protocol> {
        Some(match number {
            0x0300 => Protocol::Ssl3,
            0x0301 => Protocol::Tls10,
            0x0302 => Protocol::Tls11,
            0x0303 => Protocol::Tls12,
            0x0304 => Protocol::Tls13,
            _ => return None,
        })
    }

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Protocol::Ssl3 => "SSLv3",
            Protocol::Tls10 => "TLS 1.0",
            Protocol::Tls11 => "TLS 1.1",
            Protocol::Tls12 => "TLS 1.2",
            Protocol::Tls13 => "TLS 1.3",
        }
    }
}

/// A suite's name as IANA registers it, or its number.
#[must_use]
pub(super) fn suite_name(suite: u16) -> String {
    match TlsCipherSuite::from_id(suite) {
        Some(known) => known.name.to_owned(),
        None => format!("0x{suite:04x}"),
    }
}

/// Whether no current browser takes a suite: RC4, 3DES and what is older still; DHE and fixed ECDH, whatever
/// is ciphered with; and DSA.
#[must_use]
pub(super) fn is_outdated(suite: u16) -> bool {
    TlsCipherSuite::from_id(suite).is_some_and(|known| {
        let exchanged = matches!(known.kx, TlsCipherKx::Dhe | TlsCipherKx::Ecdh);
        let ciphered = matches!(
            known.enc,
            TlsCipherEnc::Null
                | TlsCipherEnc::Des
                | TlsCipherEnc::TripleDes
                | TlsCipherEnc::Rc2
                | TlsCipherEnc::Rc4
                | TlsCipherEnc::Idea
                | TlsCipherEnc::Seed
        );
        (exchanged || ciphered || known.au == TlsCipherAu::Dss) && known.kx != TlsCipherKx::Tls13
    })
}

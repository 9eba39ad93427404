//! Why a certificate could not be read.
use std::fmt;

use crate::model::Printable;

/// Why a certificate could not be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReadError {
    /// The name has no address.
    NoAddress(String),
    /// No address could be connected to, for these reasons.
    NotConnected(String),
    /// It did not go on within the time.
    Silent,
    /// It hung up.
    HungUp,
    /// The connection broke.
    Broken(String),
    /// It refused, by this description of an alert (RFC 5246, 7.2).
    Alert(u8),
    /// What it says is no TLS.
    NotTls(String),
    /// It says more than is read.
    TooMuch(String),
    /// It goes on without a certificate.
    NoCertificate,
    /// A certificate cannot be understood.
    Certificate(String),
    /// This machine cannot do its part.
    Host(String),
    /// All the ways were tried, and ended so.
    All(Vec<(&'static str, ReadError)>),
}

impl ReadError {
    /// Whether the server could not even be reached.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        match self {
            ReadError::NoAddress(_) | ReadError::NotConnected(_) | ReadError::Silent => true,
            ReadError::All(ways) => ways.iter().all(|(_, error)| error.is_unreachable()),
            _ => false,
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NoAddress(why) => {
                write!(f, "its name was not resolved: {}", Printable::sentence(why))
            }
            ReadError::NotConnected(why) => write!(f, "it cannot be reached: {why}"),
            ReadError::Silent => f.write_str("it accepts connections and does not answer in time"),
            ReadError::HungUp => f.write_str("it hung up"),
            ReadError::Broken(why) => write!(f, "the connection broke: {why}"),
            ReadError::Alert(description) => {
                write!(
                    f,
                    "it refused: alert {description} ({})",
                    alert_name(*description)
                )
            }
            ReadError::NotTls(why) => write!(f, "what it says is no TLS: {why}"),
            ReadError::TooMuch(why) => f.write_str(why),
            ReadError::NoCertificate => f.write_str("it goes on without showing a certificate"),
            ReadError::Certificate(why) | ReadError::Host(why) => f.write_str(why),
            ReadError::All(ways) => {
                for (number, (way, error)) in ways.iter().enumerate() {
                    let comma = if number == 0 { "" } else { "; " };
                    write!(f, "{comma}asked with {way}: {error}")?;
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for ReadError {}

fn alert_name(description: u8) -> &'static str {
    match description {
        0 => "close notify",
        10 => "unexpected message",
        20 => "bad record MAC",
        22 => "record overflow",
        40 => "handshake failure: no version or suite in common",
        42 => "bad certificate",
        47 => "illegal parameter",
        50 => "decode error",
        51 => "decrypt error",
        70 => "protocol version",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        109 => "missing extension",
        110 => "unsupported extension",
        112 => "unrecognized name",
        116 => "certificate required",
        _ => "see RFC 8446, 6",
    }
}

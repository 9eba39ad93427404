//! A server's certificates as a person has confirmed them.
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::peer::Peer;
use super::printable::Printable;
use super::time::Timestamp;
use super::validity::Validity;

/// The SHA-256 of a certificate's DER.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 32]);

/// A text that is no fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FingerprintError;

impl fmt::Display for FingerprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a fingerprint is 64 hexadecimal digits, with or without colons between the bytes",
        )
    }
}

impl std::error::Error for FingerprintError {}

impl Fingerprint {
    /// From the digest itself.
    #[must_use]
    pub fn new(digest: [u8; 32]) -> Fingerprint {
        Fingerprint(digest)
    }

    /// Reads it as browsers and openssl write it.
    ///
    /// # Errors
    /// [`FingerprintError`].
    pub fn parse(text: &str) -> Result<Fingerprint, FingerprintError> {
        let digits: String = match text.len() {
            64 => text.to_owned(),
            95 if text.bytes().skip(2).step_by(3).all(|byte| byte == b':') => {
                text.chars().filter(|c| *c != ':').collect()
            }
            _ => return Err(FingerprintError),
        };
        let mut digest = [0; 32];
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FingerprintError);
        }
        for (at, byte) in digest.iter_mut().enumerate() {
            let from = at.saturating_mul(2);
            let pair = digits.get(from..from.saturating_add(2));
            *byte = pair
                .and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or(FingerprintError)?;
        }
        Ok(Fingerprint(digest))
    }

    /// As browsers and openssl show it: capitals, with colons.
    #[must_use]
    pub fn with_colons(&self) -> String {
        let bytes: Vec<String> = self.0.iter().map(|byte| format!("{byte:02X}")).collect();
        bytes.join(":")
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            write!(text, "{byte:02x}")?;
        }
        f.write_str(&text)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = FingerprintError;
    fn try_from(text: String) -> Result<Fingerprint, FingerprintError> {
        Fingerprint::parse(&text)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        fingerprint.to_string()
    }
}

/// A server's certificates as a person has confirmed them, and all that a start needs of them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pin {
    /// The version of this form.
    pub version: u32,
    /// The server.
    pub peer: Peer,
    /// The server's own certificate and those that it sends along, in its order.
    pub sha256: Vec<Fingerprint>,
    /// Whose certificate it is.
    pub subject: Printable,
    /// When all of them are valid.
    pub validity: Validity,
    /// When it was confirmed.
    pub pinned: Timestamp,
    /// By whom.
    pub by: Printable,
}

impl Pin {
    /// The version of this form.
    pub const VERSION: u32 = 1;

    /// Reads a pin, which must be for `peer`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(bytes: &[u8], peer: &Peer) -> Result<Pin, String> {
        let pin: Pin =
            serde_json::from_slice(bytes).map_err(|error| format!("it is no pin: {error}"))?;
        if pin.version != Pin::VERSION {
            let (is, reads) = (pin.version, Pin::VERSION);
            return Err(format!(
                "it is of version {is}, and this program reads {reads}"
            ));
        }
        if &pin.peer != peer {
            return Err(format!("it is for {}, not for {peer}", pin.peer));
        }
        if pin.sha256.is_empty() || !pin.validity.is_possible() {
            return Err("it names no certificate, or no second at which it is valid".to_owned());
        }
        Ok(pin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pin() -> Pin {
        let second = |text: &str| text.to_owned().try_into().unwrap();
        Pin {
            version: Pin::VERSION,
            peer: Peer::parse("10.0.0.20").unwrap(),
            sha256: vec![Fingerprint::new([7; 32])],
            subject: Printable::from("CN=idrac"),
            validity: Validity {
                not_before: second("2014-01-01T00:00:00Z"),
                not_after: second("9999-12-31T23:59:59Z"),
            },
            pinned: Timestamp::parse("2026-11-24").unwrap(),
            by: Printable::from("root"),
        }
    }

    #[test]
    fn a_pin_survives_its_file_and_is_for_its_server_alone() {
        let pin = pin();
        let bytes = serde_json::to_vec(&pin).unwrap();
        assert_eq!(Pin::parse(&bytes, &pin.peer), Ok(pin.clone()));
        let other = Peer::parse("10.0.0.21").unwrap();
        assert!(
            Pin::parse(&bytes, &other)
                .unwrap_err()
                .contains("10.0.0.20:443")
        );
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("\"version\":1", "\"version\":2"),
            ("\"version\":1", "\"version\":1,\"more\":1"),
            ("2014-01-01", "2014-13-01"),
            ("9999-12-31", "2013-12-31"),
            ("0707", "07"),
        ] {
            assert!(text.contains(from));
            let bad = text.replacen(from, to, 1);
            assert!(Pin::parse(bad.as_bytes(), &pin.peer).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fingerprint_is_read_as_others_write_it() {
        let one = Fingerprint::new(std::array::from_fn(|at| at as u8 * 8));
        assert_eq!(Fingerprint::parse(&one.to_string()), Ok(one));
        assert_eq!(Fingerprint::parse(&one.with_colons()), Ok(one));
        let long = "ä".repeat(32);
        for bad in [
            "",
            "00",
            &one.to_string()[1..],
            &one.with_colons().replacen(':', "-", 1),
            &long,
        ] {
            assert!(Fingerprint::parse(bad).is_err(), "{bad}");
        }
    }
}

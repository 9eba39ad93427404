//! What a profile may name as the time a guest shall have.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::peer::{Peer, PeerError};
use super::shift::Shift;
use super::time::Timestamp;

/// The time a guest shall have.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ClockTarget {
    /// A fixed point in time: RFC 3339, or a date (noon UTC).
    At(Timestamp),
    /// The host's time moved by a signed calendar span.
    Shifted(Shift),
    /// The host's own time: the guest is only synchronised.
    Now,
    /// A date within the validity of the certificate pinned for this server.
    Certificate(Peer),
}

/// Why a text is no target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetError {
    /// It has no form of a target.
    Form,
    /// It is a certificate's, and the server is none.
    Server(PeerError),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let TargetError::Server(error) = self {
            return write!(f, "after cert: stands a server; {error}");
        }
        f.write_str(
            "a target is a time (\"2016-06-15T12:00:00Z\"), a date (\"2016-06-15\"), \"now\", a span \
             with its sign (\"-10y\", \"-P3Y6M\", \"+90d 4h\") or \"cert:HOST[:PORT]\"",
        )
    }
}

impl std::error::Error for TargetError {}

impl ClockTarget {
    /// Reads a target.
    ///
    /// # Errors
    /// [`TargetError`], which lists the forms.
    pub fn parse(text: &str) -> Result<ClockTarget, TargetError> {
        if text == "now" {
            return Ok(ClockTarget::Now);
        }
        if let Some(peer) = text.strip_prefix("cert:") {
            return Peer::parse(peer)
                .map(ClockTarget::Certificate)
                .map_err(TargetError::Server);
        }
        if text.starts_with(['-', '+']) {
            return Shift::parse(text)
                .map(ClockTarget::Shifted)
                .map_err(|_| TargetError::Form);
        }
        Timestamp::parse(text)
            .map(ClockTarget::At)
            .map_err(|_| TargetError::Form)
    }
}

impl fmt::Display for ClockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClockTarget::At(time) => time.jiff().fmt(f),
            ClockTarget::Shifted(shift) => shift.fmt(f),
            ClockTarget::Now => f.write_str("now"),
            ClockTarget::Certificate(peer) => write!(f, "cert:{peer}"),
        }
    }
}

impl TryFrom<String> for ClockTarget {
    type Error = TargetError;
    fn try_from(text: String) -> Result<ClockTarget, TargetError> {
        ClockTarget::parse(&text)
    }
}

impl From<ClockTarget> for String {
    fn from(target: ClockTarget) -> String {
        target.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn targets_print_back_to_what_they_are() {
        for text in [
            "2016-06-15T12:00:00Z",
            "now",
            "-P10Y",
            "+P90DT4H",
            "cert:10.0.0.20:443",
            "cert:[fe80::1%eth0]:8443",
            "cert:idrac.example:443",
        ] {
            let target = ClockTarget::parse(text).unwrap();
            assert_eq!(target.to_string(), text);
            assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for bad in [
            "",
            "Now",
            "10y",
            "--10y",
            "-10",
            "+",
            "-10y ago",
            "- 10y",
            "-+10y",
            "tomorrow",
            "cert:",
            "cert:[::1",
            "cert:a:0",
            "cert:a:65536",
            "cert:a:0443",
            "cert:-a",
            "cert:a b",
            "cert:::1",
            "2016-06-15T12:00",
            "-P",
            "-10y\n",
            "cert:[a]:443",
            "cert:a:",
        ] {
            assert!(ClockTarget::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic_and_what_is_read_is_stable(text in ".{0,80}") {
            if let Ok(target) = ClockTarget::parse(&text) {
                prop_assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
            }
        }

        #[test]
        fn every_span_of_our_own_writing_is_read_again(text in "[+-][1-9][0-9]{0,2}(y|mo|w|d|h|m|s)") {
            let target = ClockTarget::parse(&text).unwrap();
            prop_assert_eq!(ClockTarget::parse(&target.to_string()).unwrap(), target);
        }
    }
}

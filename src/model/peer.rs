//! A server as a person names it: a host and a port.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::valid::{Host, Port};

/// A host and a TCP port, like `idrac.example:443` or `[fe80::1%vmbr0]:443`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    host: Host,
    port: Port,
}

/// Why a text names no server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerError {
    /// It is a URL.
    Url,
    /// An IPv6 address, with a port or without, outside of brackets.
    NoBrackets,
    /// Brackets that do not go together, or that are around something else.
    Brackets,
    /// What follows the host is no port.
    Port,
    /// The host is none.
    Host,
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PeerError::Url => "only the host and the port of a URL are meant: ",
            PeerError::NoBrackets => "an IPv6 address stands in brackets: ",
            PeerError::Brackets => "brackets are around an IPv6 address and nothing else: ",
            PeerError::Port => "a port is a number from 1 to 65535 without leading zeros: ",
            PeerError::Host => "",
        })?;
        f.write_str(
            "a server is written HOST or HOST:PORT, where HOST is a name, an IPv4 address, or an IPv6 \
             address in brackets, like idrac.example:443, 10.0.0.20 or [fe80::1%vmbr0]:443",
        )
    }
}

impl std::error::Error for PeerError {}

impl PeerError {
    /// What it probably is, going by the whole text.
    fn about(self, text: &str) -> PeerError {
        if text.contains("://") {
            PeerError::Url
        } else if !text.contains('[') && text.matches(':').count() > 1 {
            PeerError::NoBrackets
        } else if self == PeerError::Host && text.contains(['[', ']']) {
            PeerError::Brackets
        } else {
            self
        }
    }
}

impl Peer {
    /// Reads `HOST`, `HOST:PORT`, `[IPV6]` or `[IPV6]:PORT`; the port is 443 where none is named.
    ///
    /// # Errors
    /// [`PeerError`], which lists the forms.
    pub fn parse(text: &str) -> Result<Peer, PeerError> {
        let (host, port) = match text.rfind(']') {
            Some(end) => text.split_at_checked(end.saturating_add(1)),
            None => text.split_at_checked(text.find(':').unwrap_or(text.len())),
        }
        .ok_or(PeerError::Host)?;
        let host = Host::parse(host).map_err(|_| PeerError::Host.about(text))?;
        let port = match (port, port.strip_prefix(':')) {
            ("", _) => Port::HTTPS,
            (_, Some(port)) => Port::parse(port).map_err(|_| PeerError::Port.about(text))?,
            (_, None) => return Err(PeerError::Port.about(text)),
        };
        Ok(Peer { host, port })
    }

    /// The address or name.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The TCP port.
    #[must_use]
    pub fn port(&self) -> Port {
        self.port
    }

    /// A file name for this server, which no other has: nothing that can be in a host has a meaning in
    /// a path.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("{}_{}.json", self.host, self.port)
    }

    /// The server whose file name that is.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Peer> {
        let (host, port) = name.strip_suffix(".json")?.rsplit_once('_')?;
        let peer = Peer {
            host: Host::parse(host).ok()?,
            port: Port::parse(port).ok()?,
        };
        (peer.file_name() == name).then_some(peer)
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host.before_port(), self.port)
    }
}

impl TryFrom<String> for Peer {
    type Error = PeerError;
    fn try_from(text: String) -> Result<Peer, PeerError> {
        Peer::parse(&text)
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> String {
        peer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_of_a_host_is_read() {
        for (text, shown) in [
            ("10.0.0.20", "10.0.0.20:443"),
            ("10.0.0.20:8443", "10.0.0.20:8443"),
            ("iDRAC-7.Example.", "idrac-7.example:443"),
            ("[FE80:0:0::1%vmbr0.100]", "[fe80::1%vmbr0.100]:443"),
            ("[::1]:5", "[::1]:5"),
            ("1e100.net", "1e100.net:443"),
        ] {
            assert_eq!(Peer::parse(text).unwrap().to_string(), shown);
        }
    }

    #[test]
    fn nothing_else_is() {
        let long = "a".repeat(64);
        let longer = ["a"; 128].join(".");
        for bad in [
            "",
            ":443",
            "a:",
            "a:0",
            "a:0443",
            "a:65536",
            "a:+1",
            "-a",
            "a-",
            "a..b",
            ".",
            "..",
            "a b",
            "a/b",
            "a%eth0",
            "::1",
            "[::1",
            "[a]",
            "[::1]443",
            "[::1%]",
            "[::1%a/b]",
            "10.1",
            "010.0.0.1",
            "10.0.0.256",
            "0x7f000001",
            "1",
            "a_b",
            "ä",
            "a\n",
            "http://a",
            "[::1%aaaaaaaaaaaaaaaa]",
            &long,
            &longer,
        ] {
            assert!(Peer::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        use PeerError as E;
        for (text, error) in [
            ("https://10.0.0.20", E::Url),
            ("https://[::1]:8443/", E::Url),
            ("::1", E::NoBrackets),
            ("fe80::1%vmbr0", E::NoBrackets),
            ("::1]", E::NoBrackets),
            ("[::1", E::Brackets),
            ("[10.0.0.20]:443", E::Brackets),
            ("[fe80::1%]", E::Brackets),
            ("10.0.0.20:99999", E::Port),
            ("10.0.0.20:", E::Port),
            ("[::1]443", E::Port),
            ("[::1]:x", E::Port),
            ("10.0.0.256", E::Host),
            ("", E::Host),
        ] {
            let found = Peer::parse(text).unwrap_err();
            assert_eq!(found, error, "{text}");
            assert!(found.to_string().contains("[fe80::1%vmbr0]:443"));
        }
    }

    proptest! {
        #[test]
        fn what_is_read_prints_back_and_is_one_plain_file_name(text in "[\\[\\]a-zA-Z0-9.:%/_-]{0,40}|.{0,40}") {
            if let Ok(peer) = Peer::parse(&text) {
                prop_assert_eq!(&Peer::parse(&peer.to_string()).unwrap(), &peer);
                let name = peer.file_name();
                prop_assert!(!name.contains('/') && !name.starts_with('.'));
                prop_assert_eq!(Peer::of_file_name(&name), Some(peer));
            }
        }
    }
}

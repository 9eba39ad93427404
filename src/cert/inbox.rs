//! The answer: records put together to handshake messages, up to the one with the certificates.
//! Whatever a server sends, no more is kept than a chain of the largest size that is read.
use tls_parser::{
    TlsMessageHandshake, TlsRecordType, parse_tls_handshake_msg_certificate,
    parse_tls_handshake_server_hello, parse_tls_record_header,
};

use super::error::ReadError;
use super::protocol::Protocol;
use super::{BYTES_LIMIT, CHAIN_LIMIT};

/// Largest record: 2^14 bytes and what encryption may add (RFC 5246, 6.2.3).
const RECORD_LIMIT: usize = 16_384 + 2_048;

/// A record's header: type, version, length.
const RECORD_HEADER: usize = 5;

/// A message's header: type, length.
const MESSAGE_HEADER: usize = 4;

/// Most bytes that are taken in before the certificates are there: the largest chain in records of a
/// single byte is 400 KiB.
const TOTAL_LIMIT: usize = 512 * 1024;

/// Largest message before the certificates: a ServerHello has some hundred bytes.
const HELLO_LIMIT: usize = 16 * 1024;

/// What a server has said so far.
#[derive(Debug, Default)]
pub struct Inbox {
    /// Bytes that are no whole record yet.
    raw: Vec<u8>,
    /// The content of records that is no whole message yet.
    messages: Vec<u8>,
    total: usize,
    hello: Option<(Protocol, u16)>,
}

/// Where it stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// More has to come.
    Hungry,
    /// The certificates are there.
    Done {
        /// The version that the server chose.
        protocol: Protocol,
        /// The suite that it chose.
        suite: u16,
        /// The chain in DER, the server's own certificate first.
        chain: Vec<Vec<u8>>,
    },
}

impl Inbox {
    /// Takes in what came.
    ///
    /// # Errors
    /// [`ReadError`] where the server refuses, or says what is no TLS or too much of it.
    pub fn take(&mut self, bytes: &[u8]) -> Result<Progress, ReadError> {
        self.total = self.total.saturating_add(bytes.len());
        if self.total > TOTAL_LIMIT {
            return Err(ReadError::TooMuch(format!(
                "it sent {TOTAL_LIMIT} bytes without a certificate in them"
            )));
        }
        self.raw.extend_from_slice(bytes);
        loop {
            let Some((kind, length)) = self.record()? else {
                return Ok(Progress::Hungry);
            };
            let content = RECORD_HEADER..RECORD_HEADER.saturating_add(length);
            let Some(content) = self.raw.get(content) else {
                return Ok(Progress::Hungry);
            };
            match kind {
                TlsRecordType::Handshake => self.messages.extend_from_slice(content),
                TlsRecordType::Alert => alert(content)?,
                TlsRecordType::ChangeCipherSpec => return Err(ReadError::NoCertificate),
                other => {
                    return Err(ReadError::NotTls(format!(
                        "a record of type {} instead of a handshake",
                        other.0
                    )));
                }
            }
            self.raw.drain(..RECORD_HEADER.saturating_add(length));
            while let Some(message) = self.message()? {
                if let Some(chain) = self.understand(message)? {
                    let (protocol, suite) = self.hello.ok_or(ReadError::NoCertificate)?;
                    return Ok(Progress::Done {
                        protocol,
                        suite,
                        chain,
                    });
                }
            }
        }
    }

    /// The type and length of the record that has begun.
    fn record(&self) -> Result<Option<(TlsRecordType, usize)>, ReadError> {
        if self
            .raw
            .first()
            .is_some_and(|kind| !(20..=24).contains(kind))
            || self.raw.get(1).is_some_and(|major| *major != 3)
        {
            return Err(ReadError::NotTls(self.looks_like().to_owned()));
        }
        let Ok((_, header)) = parse_tls_record_header(&self.raw) else {
            return Ok(None);
        };
        let length = usize::from(header.len);
        if length > RECORD_LIMIT {
            return Err(ReadError::NotTls(format!("a record of {length} bytes")));
        }
        Ok(Some((header.record_type, length)))
    }

    fn looks_like(&self) -> &'static str {
        match self.raw.first() {
            Some(first) if first & 0x80 != 0 && self.raw.get(2) == Some(&4) => {
                "it speaks SSLv2, which is not read"
            }
            Some(first) if first.is_ascii_graphic() => {
                "it answers in clear text; is this the right port?"
            }
            _ => "it answers with something else",
        }
    }

    /// The next message, if it is whole: its type and its content.
    fn message(&mut self) -> Result<Option<(u8, Vec<u8>)>, ReadError> {
        let Some([kind, high, mid, low]) = self.messages.first_chunk::<MESSAGE_HEADER>().copied()
        else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([0, high, mid, low])).unwrap_or(usize::MAX);
        let limit = match kind {
            // The length of the list, and of each certificate in it.
            CERTIFICATE => BYTES_LIMIT.saturating_add(3),
            _ => HELLO_LIMIT,
        };
        if length > limit {
            return Err(ReadError::TooMuch(format!(
                "its message of type {kind} has {length} bytes, and at most {limit} are read"
            )));
        }
        let end = MESSAGE_HEADER.saturating_add(length);
        if self.messages.len() < end {
            return Ok(None);
        }
        let rest = self.messages.split_off(end);
        let mut message = std::mem::replace(&mut self.messages, rest);
        message.drain(..MESSAGE_HEADER);
        Ok(Some((kind, message)))
    }

    /// Gives the chain if the message has it.
    fn understand(
        &mut self,
        (kind, content): (u8, Vec<u8>),
    ) -> Result<Option<Vec<Vec<u8>>>, ReadError> {
        let broken = |what: &str| ReadError::NotTls(format!("its {what} is broken"));
        match kind {
            HELLO_REQUEST => Ok(None),
            SERVER_HELLO if self.hello.is_none() => {
                let (_, hello) = parse_tls_handshake_server_hello(&content)
                    .map_err(|_| broken("ServerHello"))?;
                let protocol = Protocol::of_wire(hello.version.0);
                let protocol = protocol.ok_or_else(|| broken("ServerHello"))?;
                self.hello = Some((protocol, hello.cipher.0));
                Ok(None)
            }
            CERTIFICATE if self.hello.is_some() => chain(&content).map(Some),
            _ => Err(ReadError::NoCertificate),
        }
    }
}

const HELLO_REQUEST: u8 = 0;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;

fn chain(content: &[u8]) -> Result<Vec<Vec<u8>>, ReadError> {
    let broken =
        || ReadError::NotTls("the lengths in its list of certificates are wrong".to_owned());
    let Ok((rest, TlsMessageHandshake::Certificate(list))) =
        parse_tls_handshake_msg_certificate(content)
    else {
        return Err(broken());
    };
    let read: usize = list
        .cert_chain
        .iter()
        .map(|certificate| certificate.data.len().saturating_add(3))
        .sum();
    // The parser stops at what is cut off.
    if !rest.is_empty() || read.saturating_add(3) != content.len() {
        return Err(broken());
    }
    if list.cert_chain.is_empty() {
        return Err(ReadError::NoCertificate);
    }
    if list.cert_chain.len() > CHAIN_LIMIT {
        return Err(ReadError::TooMuch(format!(
            "it sent {} certificates, and at most {CHAIN_LIMIT} are read",
            list.cert_chain.len()
        )));
    }
    Ok(list
        .cert_chain
        .iter()
        .map(|certificate| certificate.data.to_vec())
        .collect())
}

/// RFC 5246, 7.2: a level and a description. A warning is for whoever goes on; that the server hangs up
/// (0) it will show.
fn alert(content: &[u8]) -> Result<(), ReadError> {
    const WARNING: u8 = 1;
    match content {
        [WARNING, _] => Ok(()),
        [_, description] => Err(ReadError::Alert(*description)),
        _ => Err(ReadError::NotTls("its alert is broken".to_owned())),
    }
}

#[cfg(test)]
mod tests;

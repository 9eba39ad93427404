//! Servers that show their certificate only within a handshake (TLS 1.3), and the page behind it.
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, DigitallySignedStruct, Error,
    SignatureScheme, SupportedProtocolVersion,
};

use super::dial::{Wire, failed};
use super::error::ReadError;
use super::inbox::Progress;
use super::protocol::Protocol;
use super::{BYTES_LIMIT, CHAIN_LIMIT};
use crate::model::Peer;

/// Most bytes of an answer to look for its first line in.
const STATUS_LIMIT: usize = 4096;

/// Writes down which certificates there were, and then decides nothing: whatever is shown is only
/// looked at.
#[derive(Debug)]
struct Recorder {
    chain: Mutex<Vec<Vec<u8>>>,
    goes_on: bool,
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut chain) = self.chain.lock() {
            let all = std::iter::once(end_entity).chain(intermediates);
            *chain = all
                .map(|certificate| certificate.as_ref().to_vec())
                .collect();
        }
        match self.goes_on {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::General("that was all".to_owned())),
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        use SignatureScheme as S;
        vec![
            S::ECDSA_NISTP256_SHA256,
            S::ECDSA_NISTP384_SHA384,
            S::ECDSA_NISTP521_SHA512,
            S::ED25519,
            S::ED448,
            S::RSA_PSS_SHA256,
            S::RSA_PSS_SHA384,
            S::RSA_PSS_SHA512,
            S::RSA_PKCS1_SHA256,
            S::RSA_PKCS1_SHA384,
            S::RSA_PKCS1_SHA512,
            S::ECDSA_SHA1_Legacy,
            S::RSA_PKCS1_SHA1,
        ]
    }
}

fn connection(
    peer: &Peer,
    versions: &[&'static SupportedProtocolVersion],
    goes_on: bool,
) -> Result<(ClientConnection, Arc<Recorder>), ReadError> {
    let cannot = |error: &dyn std::fmt::Display| {
        ReadError::Host(format!("a handshake cannot be begun: {error}"))
    };
    let recorder = Arc::new(Recorder {
        chain: Mutex::new(Vec::new()),
        goes_on,
    });
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Recorder>::clone(&recorder);
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .map_err(|error| cannot(&error))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    let name = match peer.host().address() {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(peer.host().to_string()).map_err(|error| cannot(&error))?,
    };
    let connection =
        ClientConnection::new(Arc::new(config), name).map_err(|error| cannot(&error))?;
    Ok((connection, recorder))
}

/// Goes on until the handshake is done or has ended.
fn shake(connection: &mut ClientConnection, wire: &mut Wire) -> Result<(), ReadError> {
    while connection.is_handshaking() {
        while connection.wants_write() {
            connection.write_tls(wire).map_err(failed)?;
        }
        if connection.read_tls(wire).map_err(failed)? == 0 {
            return Err(ReadError::HungUp);
        }
        if let Err(error) = connection.process_new_packets() {
            // Its last word, an alert, is a courtesy.
            let _ = connection.write_tls(wire);
            return Err(match error {
                Error::AlertReceived(alert) => ReadError::Alert(number(alert)),
                other => ReadError::NotTls(other.to_string()),
            });
        }
    }
    Ok(())
}

fn number(alert: AlertDescription) -> u8 {
    alert.into()
}

/// The certificates that a server shows in a handshake of TLS 1.3. It is not finished.
pub(super) fn certificates(wire: &mut Wire, peer: &Peer) -> Result<Progress, ReadError> {
    let (mut connection, recorder) = connection(peer, &[&rustls::version::TLS13], false)?;
    let ended = shake(&mut connection, wire);
    let chain = match recorder.chain.lock() {
        Ok(mut chain) => std::mem::take(&mut *chain),
        Err(_) => Vec::new(),
    };
    if chain.is_empty() {
        ended?;
        return Err(ReadError::NoCertificate);
    }
    let bytes: usize = chain.iter().map(Vec::len).sum();
    if chain.len() > CHAIN_LIMIT || bytes > BYTES_LIMIT {
        return Err(ReadError::TooMuch(format!(
            "it sent {} certificates of {bytes} bytes, and at most {CHAIN_LIMIT} of {BYTES_LIMIT} are read",
            chain.len()
        )));
    }
    let suite = connection.negotiated_cipher_suite();
    Ok(Progress::Done {
        protocol: Protocol::Tls13,
        suite: suite.map_or(0, |suite| suite.suite().into()),
        chain,
    })
}

/// A server as a request names it: a zone is this host's own business (RFC 6874, section 1).
fn host_of(peer: &str) -> String {
    match peer.split_once('%') {
        Some((address, rest)) => {
            let end = rest.find(']').unwrap_or(0);
            format!("{address}{}", rest.get(end..).unwrap_or_default())
        }
        None => peer.to_owned(),
    }
}

/// The status of what a server says to `GET /`.
pub(super) fn status(wire: &mut Wire, peer: &Peer) -> Result<u16, ReadError> {
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let (mut connection, _) = connection(peer, &versions, true)?;
    shake(&mut connection, wire)?;
    let host = host_of(&peer.to_string());
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: time-shift\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    let mut stream = rustls::Stream::new(&mut connection, wire);
    stream.write_all(request.as_bytes()).map_err(failed)?;
    let mut answer = Vec::new();
    let mut buffer = [0; 512];
    while !answer.contains(&b'\n') && answer.len() < STATUS_LIMIT {
        let count = stream.read(&mut buffer).map_err(failed)?;
        if count == 0 {
            return Err(ReadError::HungUp);
        }
        answer.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    parse_status(&answer).ok_or_else(|| ReadError::Broken("its answer is no HTTP".to_owned()))
}

/// RFC 9112, 4: `HTTP/1.1 200 OK`.
fn parse_status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let rest = line.strip_prefix(b"HTTP/1.")?;
    let digits = rest.get(1..)?.strip_prefix(b" ")?.first_chunk::<3>()?;
    let status: u16 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (100..=599).contains(&status).then_some(status)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_not_told_to_the_server() {
        assert_eq!(host_of("[fe80::1%vmbr0]:443"), "[fe80::1]:443");
        assert_eq!(host_of("idrac.example:443"), "idrac.example:443");
    }

    #[test]
    fn the_status_is_the_number_of_the_first_line() {
        assert_eq!(
            parse_status(b"HTTP/1.0 401 Unauthorized\r\nX: 1"),
            Some(401)
        );
        assert_eq!(parse_status(b"HTTP/1.1 200\r\n"), Some(200));
        for bad in [
            "",
            "HTTP/1.",
            "HTTP/1.1 2",
            "HTTP/1.1 abc",
            "HTTP/1.1 999",
            "SSH-2.0",
            "HTTP/2 200",
        ] {
            assert_eq!(parse_status(bad.as_bytes()), None, "{bad}");
        }
    }
}

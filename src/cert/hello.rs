//! The question: a ClientHello that servers from SSLv3 to TLS 1.2 answer with their certificate.
use super::protocol::{Protocol, is_outdated};
use crate::model::{Host, Peer};

/// The suites whose server shows a certificate, the newest first, as IANA numbers them. A server that
/// heeds the client's order says by its choice how old it is.
const SUITES: &[u16] = &[
    // ECDHE with AES-GCM and ChaCha20, then with AES-CBC.
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc0ac, 0xc0ad, 0xc023, 0xc027, 0xc024, 0xc028,
    0xc009, 0xc013, 0xc00a, 0xc014, //
    // DHE.
    0x009e, 0x009f, 0xccaa, 0x0067, 0x006b, 0x0033, 0x0039, 0x00a2, 0x00a3, 0x0040, 0x006a, 0x0032,
    0x0038, 0x0045, 0x0088, //
    // RSA.
    0x009c, 0x009d, 0xc09c, 0xc09d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0041, 0x0084, //
    // Fixed ECDH.
    0xc02d, 0xc031, 0xc004, 0xc005, 0xc00e, 0xc00f, //
    // 3DES, SEED and IDEA, RC4.
    0xc008, 0xc012, 0x0016, 0x0013, 0x000a, 0x0096, 0x0007, 0xc007, 0xc011, 0x0005, 0x0004, //
    // DES, and what could once be exported.
    0x0015, 0x0012, 0x0009, 0x0008, 0x0006, 0x0003,
];

/// TLS_EMPTY_RENEGOTIATION_INFO_SCSV (RFC 5746, 3.3): some servers ask for it, all others ignore it.
const RENEGOTIATION: u16 = 0x00ff;

/// x25519, P-256, P-384, P-521, x448, and the curves that old devices have.
const GROUPS: &[u16] = &[
    0x001d, 0x0017, 0x0018, 0x0019, 0x001e, 0x0016, 0x001a, 0x001b, 0x001c, 0x0015, 0x0013,
];

/// Of ECDSA, EdDSA, RSA-PSS, RSA and DSA; with SHA-1 and MD5 too, since nothing is taken on them.
const SIGNATURES: &[u16] = &[
    0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0401,
    0x0501, 0x0601, 0x0301, 0x0303, 0x0203, 0x0201, 0x0402, 0x0502, 0x0602, 0x0202, 0x0101,
];

/// Which suites are offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Offer {
    /// All that show a certificate.
    All,
    /// Those that a current browser could take.
    Current,
}

/// A record with a ClientHello of `version`. SSLv3 knows no extensions, and some of its servers refuse
/// what they do not know.
pub(super) fn hello(version: Protocol, peer: &Peer, random: [u8; 32], offer: Offer) -> Vec<u8> {
    let mut suites: Vec<u16> = SUITES.to_vec();
    if offer == Offer::Current {
        suites.retain(|suite| !is_outdated(*suite));
    }
    suites.push(RENEGOTIATION);
    let mut body = Vec::with_capacity(400);
    body.extend(version.wire());
    body.extend(random);
    body.push(0); // no session
    with_length(&mut body, 2, |body| numbers(body, &suites));
    body.extend([1, 0]); // no compression
    if version > Protocol::Ssl3 {
        let before = body.len();
        with_length(&mut body, 2, |body| {
            extensions(body, version, peer);
            pad(body, before);
        });
    }
    let mut record = vec![22];
    // RFC 5246, appendix E.1: the record says the oldest version that is spoken.
    record.extend(version.min(Protocol::Tls10).wire());
    with_length(&mut record, 2, |record| {
        record.push(1);
        with_length(record, 3, |record| record.extend(&body));
    });
    record
}

fn extensions(body: &mut Vec<u8>, version: Protocol, peer: &Peer) {
    if let Host::Name(name) = peer.host() {
        extension(body, 0, |body| {
            with_length(body, 2, |body| {
                body.push(0);
                with_length(body, 2, |body| body.extend(name.as_str().as_bytes()));
            });
        });
    }
    extension(body, 10, |body| {
        with_length(body, 2, |body| numbers(body, GROUPS))
    });
    extension(body, 11, |body| body.extend([1, 0])); // uncompressed points
    if version >= Protocol::Tls12 {
        extension(body, 13, |body| {
            with_length(body, 2, |body| numbers(body, SIGNATURES))
        });
    }
}

/// Lets no message be one of 256 to 511 bytes, on which some servers stall (RFC 7685). `before` it are so
/// many bytes of its body.
fn pad(extensions: &mut Vec<u8>, before: usize) {
    // The message's type and length, and the extensions' length.
    const HEAD: usize = 4 + 2;
    const STALLS: std::ops::RangeInclusive<usize> = 256..=511;
    let length = before.saturating_add(extensions.len()).saturating_add(HEAD);
    if STALLS.contains(&length) {
        // Its own type and length are four.
        let zeros = STALLS.end().saturating_sub(length).saturating_sub(3);
        extension(extensions, 21, |body| body.resize(zeros, 0));
    }
}

fn extension(body: &mut Vec<u8>, kind: u16, content: impl FnOnce(&mut Vec<u8>)) {
    body.extend(kind.to_be_bytes());
    with_length(body, 2, content);
}

fn numbers(body: &mut Vec<u8>, numbers: &[u16]) {
    for number in numbers {
        body.extend(number.to_be_bytes());
    }
}

/// Appends what `content` does, its length in `width` bytes before it.
fn with_length(body: &mut Vec<u8>, width: usize, content: impl FnOnce(&mut Vec<u8>)) {
    let mut inner = Vec::new();
    content(&mut inner);
    let length = inner.len().to_be_bytes();
    let from = length.len().saturating_sub(width);
    body.extend(length.get(from..).unwrap_or_default());
    body.extend(inner);
}

#[cfg(test)]
mod tests {
    use tls_parser::{
        TlsCipherEnc, TlsExtension, TlsMessage, TlsMessageHandshake,
        parse_tls_client_hello_extensions, parse_tls_plaintext,
    };

    use super::*;

    fn check(version: Protocol, peer: &str, offer: Offer, names: bool, extended: bool) {
        let peer = Peer::parse(peer).unwrap();
        let record = hello(version, &peer, [7; 32], offer);
        // Some servers stall on a ClientHello of 256 to 511 bytes (RFC 7685).
        let length = record.len() - 5;
        assert!(!(256..=511).contains(&length), "{length}");
        let (rest, plain) = parse_tls_plaintext(&record).unwrap();
        assert!(rest.is_empty());
        assert_eq!(plain.msg.len(), 1);
        let TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) = &plain.msg[0] else {
            panic!("{plain:?}");
        };
        assert_eq!(hello.version.0.to_be_bytes(), version.wire());
        assert_eq!(hello.random, [7; 32]);
        assert!(
            hello
                .ciphers
                .iter()
                .all(|id| { id.0 == RENEGOTIATION || id.get_ciphersuite().is_some() })
        );
        let rc4 = hello.ciphers.iter().filter_map(|id| id.get_ciphersuite());
        let rc4 = rc4.filter(|suite| suite.enc == TlsCipherEnc::Rc4).count();
        assert_eq!(rc4 > 0, offer == Offer::All);
        assert_eq!(hello.ext.is_some(), extended);
        let (rest, extensions) =
            parse_tls_client_hello_extensions(hello.ext.unwrap_or_default()).unwrap();
        assert!(rest.is_empty());
        let named = extensions.iter().any(|extension| {
            matches!(extension, TlsExtension::SNI(names) if names[0].1 == peer.host().to_string().as_bytes())
        });
        assert_eq!(named, names);
        assert!(
            !extensions
                .iter()
                .any(|extension| matches!(extension, TlsExtension::Unknown(..)))
        );
    }

    #[test]
    fn a_hello_is_one_that_others_read() {
        check(Protocol::Tls12, "idrac.example", Offer::All, true, true);
        check(Protocol::Tls12, "idrac.example", Offer::Current, true, true);
        check(Protocol::Tls12, "10.0.0.20", Offer::All, false, true);
        check(Protocol::Tls12, "[fe80::1%eth0]", Offer::All, false, true);
        check(Protocol::Tls10, "idrac.example", Offer::All, true, true);
        check(Protocol::Ssl3, "idrac.example", Offer::All, false, false);
        // Names of all lengths.
        for length in 1..=250 {
            let name = vec!["a".repeat(60); 5].join(".");
            let name = name.get(..length).unwrap().trim_end_matches('.');
            for version in [Protocol::Tls12, Protocol::Tls10] {
                check(version, name, Offer::All, true, true);
            }
        }
    }
}

//! What a certificate says.
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::Serialize;
use sha2::{Digest, Sha256};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_HASH_SHA1;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::SignatureAlgorithm;
use x509_parser::x509::{AlgorithmIdentifier, SubjectPublicKeyInfo, X509Name};

use super::error::ReadError;
use crate::model::{CalendarSecond, Fingerprint, Printable, Validity};

/// Most names of a certificate that are kept.
const NAMES_LIMIT: usize = 100;

/// A public key.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Key {
    /// `RSA`, `EC`, `DSA`, `Ed25519`, or an object identifier.
    pub kind: String,
    /// Its length, where its kind has one.
    pub bits: Option<usize>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bits {
            Some(bits) => write!(f, "{} {bits}", self.kind),
            None => f.write_str(&self.kind),
        }
    }
}

/// A name for which a certificate is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AltName {
    /// A host name, perhaps with `*` for its first label.
    Dns(String),
    /// An address.
    Ip(IpAddr),
}

/// What a certificate says. It proves nothing: nobody's signature is checked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Certificate {
    /// Whose it is.
    pub subject: Printable,
    /// Who has signed it, by its own account.
    pub issuer: Printable,
    /// Its number, in hexadecimal.
    pub serial: Printable,
    /// Its public key.
    pub key: Key,
    /// By what it is signed, such as `sha256WithRSAEncryption`, or an object identifier.
    pub signature: String,
    /// When it is valid.
    #[serde(flatten)]
    pub validity: Validity,
    /// The SHA-256 of its DER.
    pub sha256: Fingerprint,
    /// Whether its subject is its issuer.
    pub self_signed: bool,
    /// The names for which it is (subjectAltName).
    #[serde(skip)]
    pub names: Vec<AltName>,
}

impl Certificate {
    /// Reads a certificate's DER.
    ///
    /// # Errors
    /// [`ReadError::Certificate`].
    pub fn parse(der: &[u8]) -> Result<Certificate, ReadError> {
        let unreadable = |why: &dyn fmt::Display| {
            let why = Printable::from(why.to_string());
            ReadError::Certificate(format!("its certificate is not to be understood: {why}"))
        };
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| unreadable(&error))?;
        if !rest.is_empty() {
            return Err(unreadable(&"something follows it"));
        }
        let second =
            |time: i64| CalendarSecond::from_seconds(time).map_err(|error| unreadable(&error));
        let validity = Validity {
            not_before: second(parsed.validity().not_before.timestamp())?,
            not_after: second(parsed.validity().not_after.timestamp())?,
        };
        Ok(Certificate {
            subject: name(parsed.subject()),
            issuer: name(parsed.issuer()),
            serial: Printable::from(parsed.tbs_certificate.raw_serial_as_string()),
            key: key(parsed.public_key()),
            signature: signature(&parsed.signature_algorithm),
            validity,
            sha256: Fingerprint::new(Sha256::digest(der).into()),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            names: names(&parsed),
        })
    }
}

/// As openssl writes it: `C=US, O=Dell Inc., CN=idrac`.
fn name(name: &X509Name<'_>) -> Printable {
    match name.to_string() {
        text if text.is_empty() => Printable::from("(no name)"),
        text => Printable::sentence(&text),
    }
}

fn key(info: &SubjectPublicKeyInfo<'_>) -> Key {
    let bits = |bits: usize| (bits > 0).then_some(bits);
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => Key {
            kind: "RSA".to_owned(),
            bits: bits(bits_of(rsa.modulus)),
        },
        Ok(PublicKey::EC(point)) => Key {
            kind: "EC".to_owned(),
            // P-521 takes 66 bytes a coordinate.
            bits: bits(match point.key_size() {
                528 => 521,
                other => other,
            }),
        },
        Ok(PublicKey::DSA(y)) => Key {
            kind: "DSA".to_owned(),
            bits: bits(bits_of(y)),
        },
        _ => Key {
            kind: match info.algorithm.algorithm.to_id_string().as_str() {
                "1.3.101.112" => "Ed25519".to_owned(),
                "1.3.101.113" => "Ed448".to_owned(),
                other => Printable::from(other).to_string(),
            },
            bits: None,
        },
    }
}

/// The bits of a number as DER has it, which may begin with zeros.
fn bits_of(number: &[u8]) -> usize {
    let mut rest = number;
    while let [0, tail @ ..] = rest {
        rest = tail;
    }
    let unused = rest.first().map_or(0, |first| first.leading_zeros());
    let bits = rest.len().saturating_mul(8);
    bits.saturating_sub(usize::try_from(unused).unwrap_or(0))
}

/// The names that openssl has for them.
fn signature(algorithm: &AlgorithmIdentifier<'_>) -> String {
    let id = algorithm.algorithm.to_id_string();
    // Its hash is among its parameters, and SHA-1 where they say nothing (RFC 8017, A.2.3).
    if let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm)
    {
        if *parameters.hash_algorithm_oid() == OID_HASH_SHA1 {
            return "rsassaPss with SHA1".to_owned();
        }
    }
    let name = match id.as_str() {
        "1.2.840.113549.1.1.2" => "md2WithRSAEncryption",
        "1.2.840.113549.1.1.4" => "md5WithRSAEncryption",
        "1.2.840.113549.1.1.5" => "sha1WithRSAEncryption",
        "1.2.840.113549.1.1.10" => "rsassaPss",
        "1.2.840.113549.1.1.11" => "sha256WithRSAEncryption",
        "1.2.840.113549.1.1.12" => "sha384WithRSAEncryption",
        "1.2.840.113549.1.1.13" => "sha512WithRSAEncryption",
        "1.2.840.113549.1.1.14" => "sha224WithRSAEncryption",
        "1.2.840.10045.4.1" => "ecdsa-with-SHA1",
        "1.2.840.10045.4.3.1" => "ecdsa-with-SHA224",
        "1.2.840.10045.4.3.2" => "ecdsa-with-SHA256",
        "1.2.840.10045.4.3.3" => "ecdsa-with-SHA384",
        "1.2.840.10045.4.3.4" => "ecdsa-with-SHA512",
        "1.2.840.10040.4.3" => "dsaWithSHA1",
        "1.3.14.3.2.29" => "sha1WithRSA",
        "1.3.101.112" => "ED25519",
        "1.3.101.113" => "ED448",
        other => return Printable::from(other).to_string(),
    };
    name.to_owned()
}

fn names(parsed: &X509Certificate<'_>) -> Vec<AltName> {
    let Ok(Some(extension)) = parsed.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(AltName::Dns(name.to_ascii_lowercase())),
            GeneralName::IPAddress(bytes) => address(bytes).map(AltName::Ip),
            _ => None,
        })
        .take(NAMES_LIMIT)
        .collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(Ipv4Addr::from(four).into());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(Ipv6Addr::from(sixteen).into())
}

#[cfg(test)]
mod tests;

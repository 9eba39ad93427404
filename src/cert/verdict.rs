//! What a browser in a guest meets, beside the date.
use serde::Serialize;

use super::ask::Reading;
use super::certificate::{AltName, Certificate};
use super::protocol::Protocol;
use crate::model::{Host, Peer, Printable};

/// Something that a browser minds.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Remark {
    /// A stable word for it.
    pub code: &'static str,
    /// What it is.
    pub text: String,
    /// What can be done in the guest.
    #[serde(rename = "do")]
    pub advice: &'static str,
}

/// How many names are listed.
const NAMES_SHOWN: usize = 5;

/// What a current browser in a guest minds about a server, beside the date.
#[must_use]
pub fn verdict(peer: &Peer, reading: &Reading) -> Vec<Remark> {
    let mut remarks = Vec::new();
    remarks.extend(protocol(reading.protocol));
    remarks.extend(suites(reading));
    remarks.extend(name(peer, &reading.leaf));
    remarks.extend(signatures(reading));
    remarks.extend(key(&reading.leaf));
    if reading.leaf.self_signed {
        remarks.push(Remark {
            code: "self-signed",
            text: "the certificate is self-signed, so nobody vouches for it".to_owned(),
            advice: "compare the fingerprint and accept the warning, or import the certificate as an \
                     authority",
        });
    }
    remarks
}

fn protocol(protocol: Protocol) -> Option<Remark> {
    match protocol {
        Protocol::Ssl3 => Some(Remark {
            code: "sslv3",
            text: "it speaks SSLv3 only, which browsers left out in 2014 and 2015".to_owned(),
            advice: "use a browser from before that: Firefox up to 33, or Internet Explorer with SSL 3.0 \
                     switched on",
        }),
        Protocol::Tls10 | Protocol::Tls11 => Some(Remark {
            code: "old-tls",
            text: format!(
                "it speaks {} at most, which browsers switched off in 2020",
                protocol.as_str()
            ),
            advice: "in Firefox set security.tls.version.min to 1 (about:config), or use a browser from \
                     before 2020",
        }),
        Protocol::Tls12 | Protocol::Tls13 => None,
    }
}

fn suites(reading: &Reading) -> Option<Remark> {
    if reading.outdated_suites_only != Some(true) {
        return None;
    }
    let suite = &reading.suite;
    let has = |word: &str| suite.contains(word);
    let (code, history, advice) = if has("RC4") {
        (
            "rc4-only",
            "; they left RC4 out in 2016",
            "use a browser from before 2016: Firefox up to 43, Chrome up to 47",
        )
    } else if has("3DES") {
        (
            "3des-only",
            "; they left 3DES out in 2021",
            "in Firefox set security.ssl3.deprecated.rsa_des_ede3_sha to true (about:config), or use a \
             browser from before 2021",
        )
    } else if has("_DHE_RSA_") {
        (
            "dhe-only",
            "; they left DHE out between 2016 and 2020",
            "use a browser from before that: Firefox up to 77, Chrome up to 52",
        )
    } else {
        (
            "old-suites-only",
            "",
            "use a browser from before 2014, which has what is older than RC4",
        )
    };
    Some(Remark {
        code,
        text: format!("it takes no suite that browsers still have: {suite}{history}"),
        advice,
    })
}

fn name(peer: &Peer, leaf: &Certificate) -> Option<Remark> {
    if leaf.names.is_empty() {
        return Some(Remark {
            code: "no-name",
            text: format!(
                "the certificate names its host only in its subject ({}), which browsers have not looked at \
                 since 2017",
                leaf.subject
            ),
            advice: "accept the warning, or use a browser from before 2017",
        });
    }
    if leaf.names.iter().any(|name| is_for(name, peer)) {
        return None;
    }
    let mut names: Vec<String> = leaf
        .names
        .iter()
        .take(NAMES_SHOWN)
        .map(|name| match name {
            AltName::Dns(name) => Printable::from(name.as_str()).to_string(),
            AltName::Ip(address) => address.to_string(),
        })
        .collect();
    if leaf.names.len() > NAMES_SHOWN {
        names.push("...".to_owned());
    }
    Some(Remark {
        code: "name-mismatch",
        text: format!(
            "the certificate is for {}, not for {}",
            names.join(", "),
            peer.host()
        ),
        advice: "call it by such a name (a line in the guest's hosts file), or accept the warning",
    })
}

/// RFC 6125, 6.4: a `*` stands for one whole label, the first.
fn is_for(name: &AltName, peer: &Peer) -> bool {
    match (name, peer.host()) {
        (AltName::Ip(address), asked) => Some(*address) == asked.address(),
        (AltName::Dns(name), Host::Name(host)) => {
            let host = host.as_str();
            let below = |host: &str| host.split_once('.').map(|(_, below)| below.to_owned());
            match name.strip_prefix("*.") {
                Some(domain) => domain.contains('.') && below(host).as_deref() == Some(domain),
                None => name.trim_end_matches('.') == host,
            }
        }
        _ => false,
    }
}

/// A root's own signature counts for nothing, but a server's does.
fn signatures(reading: &Reading) -> Option<Remark> {
    let counts = reading
        .chain()
        .enumerate()
        .filter(|(number, certificate)| *number == 0 || !certificate.self_signed);
    let mut kinds = counts.map(|(_, certificate)| certificate.signature.to_ascii_lowercase());
    let old = |kind: &String| {
        ["md2", "md5", "sha1"]
            .iter()
            .any(|hash| kind.contains(hash))
    };
    let kind = kinds.find(old)?;
    let hash = match kind {
        kind if kind.contains("sha1") => "SHA-1",
        kind if kind.contains("md5") => "MD5",
        _ => "MD2",
    };
    Some(Remark {
        code: if hash == "SHA-1" {
            "sha1-signature"
        } else {
            "md5-signature"
        },
        text: format!(
            "a certificate is signed with {hash}, which browsers have not taken since 2017"
        ),
        advice: "accept the warning where the browser lets you, or use one from before 2017",
    })
}

/// From which length on browsers take an RSA key without a word.
const RSA_BITS: usize = 2048;

fn key(leaf: &Certificate) -> Option<Remark> {
    if leaf.key.kind == "DSA" {
        return Some(Remark {
            code: "dsa-key",
            text: "its key is DSA, which browsers left out in 2014".to_owned(),
            advice: "use a browser from before that: Firefox up to 36, Internet Explorer",
        });
    }
    let bits = leaf.key.bits.filter(|_| leaf.key.kind == "RSA")?;
    (bits < RSA_BITS).then(|| Remark {
        code: "short-key",
        text: format!("its RSA key has {bits} bits, fewer than {RSA_BITS}"),
        advice: "accept the warning; below 1024 bits use a browser from before 2014",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cert::Key;
    use crate::model::{CalendarSecond, Fingerprint, Validity};

    fn leaf() -> Certificate {
        let second = CalendarSecond::from_seconds(0).unwrap();
        Certificate {
            subject: Printable::from("CN=idrac"),
            issuer: Printable::from("CN=ca"),
            serial: Printable::from("01"),
            key: Key {
                kind: "RSA".to_owned(),
                bits: Some(2048),
            },
            signature: "sha256WithRSAEncryption".to_owned(),
            validity: Validity {
                not_before: second,
                not_after: second,
            },
            sha256: Fingerprint::new([0; 32]),
            self_signed: false,
            names: vec![
                AltName::Dns("idrac.example".to_owned()),
                AltName::Dns("*.lab.example".to_owned()),
                AltName::Ip("10.0.0.20".parse().unwrap()),
                AltName::Ip("fe80::1".parse().unwrap()),
            ],
        }
    }

    fn reading(leaf: Certificate) -> Reading {
        Reading {
            address: "10.0.0.20:443".parse().unwrap(),
            protocol: Protocol::Tls12,
            suite: "TLS_RSA_WITH_AES_128_CBC_SHA".to_owned(),
            outdated_suites_only: Some(false),
            leaf,
            others: Vec::new(),
        }
    }

    #[track_caller]
    fn says(peer: &str, reading: &Reading, codes: &[&str]) {
        let remarks = verdict(&Peer::parse(peer).unwrap(), reading);
        let found: Vec<_> = remarks.iter().map(|remark| remark.code).collect();
        assert_eq!(found, codes, "{remarks:?}");
    }

    #[test]
    fn names_match_as_browsers_match_them() {
        let reading = reading(leaf());
        for fits in [
            "idrac.example",
            "a.lab.example",
            "10.0.0.20:8443",
            "[fe80::1%eth0]",
        ] {
            says(fits, &reading, &[]);
        }
        for other in [
            "lab.example",
            "a.b.lab.example",
            "10.0.0.21",
            "idrac.example.org",
            "xidrac.example",
        ] {
            says(other, &reading, &["name-mismatch"]);
        }
    }

    #[test]
    fn everything_old_is_said() {
        let old = Certificate {
            key: Key {
                kind: "RSA".to_owned(),
                bits: Some(1024),
            },
            signature: "sha1WithRSAEncryption".to_owned(),
            self_signed: true,
            names: Vec::new(),
            ..leaf()
        };
        let reading = Reading {
            protocol: Protocol::Ssl3,
            suite: "TLS_RSA_WITH_RC4_128_SHA".to_owned(),
            outdated_suites_only: Some(true),
            ..reading(old)
        };
        let all = [
            "sslv3",
            "rc4-only",
            "no-name",
            "sha1-signature",
            "short-key",
            "self-signed",
        ];
        says("idrac.example", &reading, &all);
    }

    #[test]
    fn old_signatures_and_short_keys_are_told_apart() {
        for (signature, codes) in [
            ("md5WithRSAEncryption", &["md5-signature"][..]),
            ("md2WithRSAEncryption", &["md5-signature"]),
            ("sha1WithRSAEncryption", &["sha1-signature"]),
            ("ecdsa-with-SHA1", &["sha1-signature"]),
            ("rsassaPss with SHA1", &["sha1-signature"]),
            ("rsassaPss", &[]),
            ("sha256WithRSAEncryption", &[]),
            ("ecdsa-with-SHA256", &[]),
        ] {
            let signed = Certificate {
                signature: signature.to_owned(),
                ..leaf()
            };
            says("10.0.0.20", &reading(signed), codes);
        }
        for (kind, bits, codes) in [
            ("RSA", 2047, &["short-key"][..]),
            ("RSA", 2048, &[]),
            ("EC", 256, &[]),
            ("DSA", 2048, &["dsa-key"]),
        ] {
            let key = Key {
                kind: kind.to_owned(),
                bits: Some(bits),
            };
            says("10.0.0.20", &reading(Certificate { key, ..leaf() }), codes);
        }
    }

    #[test]
    fn a_roots_own_signature_does_not_count() {
        let sha1 = |self_signed| Certificate {
            signature: "sha1WithRSAEncryption".to_owned(),
            self_signed,
            ..leaf()
        };
        let mut reading = reading(leaf());
        reading.others = vec![sha1(true)];
        says("idrac.example", &reading, &[]);
        reading.others = vec![sha1(false)];
        says("idrac.example", &reading, &["sha1-signature"]);
    }
}

//! Certificates that openssl made, and what can be wrong with one.
use proptest::prelude::*;

use super::*;
use crate::model::Standing;

/// Made by openssl, which is what was asked to write these names and dates.
const EXPIRED: &[u8] = include_bytes!("../fixtures/expired.der");
const YEAR_2049: &[u8] = include_bytes!("../fixtures/year-2049.der");
const YEAR_2055: &[u8] = include_bytes!("../fixtures/year-2055.der");
const NO_END: &[u8] = include_bytes!("../fixtures/no-end.der");
const NEGATIVE: &[u8] = include_bytes!("../fixtures/negative.der");
const RSA: &[u8] = include_bytes!("../fixtures/rsa-1024-sha1.der");

fn validity(der: &[u8]) -> String {
    Certificate::parse(der).unwrap().validity.to_string()
}

#[test]
fn what_a_certificate_says_is_read() {
    let certificate = Certificate::parse(EXPIRED).unwrap();
    assert_eq!(certificate.subject.as_str(), "CN=idrac, O=Dell Inc., C=US");
    assert_eq!(certificate.issuer, certificate.subject);
    assert!(certificate.self_signed);
    assert_eq!(certificate.serial.as_str(), "0a:1b");
    assert_eq!(certificate.key.to_string(), "EC 256");
    assert_eq!(certificate.signature, "ecdsa-with-SHA256");
    let names = [
        AltName::Dns("idrac.example".to_owned()),
        AltName::Dns("*.lab.example".to_owned()),
        AltName::Ip("10.0.0.20".parse().unwrap()),
        AltName::Ip("fe80::1".parse().unwrap()),
    ];
    assert_eq!(certificate.names, names);
    let rsa = Certificate::parse(RSA).unwrap();
    assert_eq!(rsa.key.to_string(), "RSA 1024");
    assert_eq!(rsa.signature, "sha1WithRSAEncryption");
    assert!(rsa.names.is_empty());
}

#[test]
fn dates_are_read_in_both_forms_and_to_both_ends() {
    assert_eq!(
        validity(EXPIRED),
        "2014-01-01T00:00:00Z to 2017-07-15T12:00:00Z"
    );
    // UTCTime's two digits: from 50 on they mean 19.. (RFC 5280, 4.1.2.5.1).
    assert_eq!(
        validity(YEAR_2049),
        "1950-01-01T00:00:00Z to 2049-12-31T23:59:59Z"
    );
    assert_eq!(
        validity(YEAR_2055),
        "2026-01-01T00:00:00Z to 2055-01-01T00:00:00Z"
    );
    assert_eq!(
        validity(NO_END),
        "2026-01-01T00:00:00Z to 9999-12-31T23:59:59Z"
    );
    let negative = Certificate::parse(NEGATIVE).unwrap().validity;
    assert!(!negative.is_possible());
    assert_eq!(negative.standing(negative.not_before), Standing::Never);
}

#[test]
fn a_certificate_that_is_cut_off_or_goes_on_is_refused() {
    for length in 0..EXPIRED.len() {
        assert!(Certificate::parse(&EXPIRED[..length]).is_err(), "{length}");
    }
    assert!(Certificate::parse(&[EXPIRED, b"x"].concat()).is_err());
}

/// `depth` sequences, one in the other.
fn nested(tag: u8, depth: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..depth {
        let length = u32::try_from(inner.len()).unwrap().to_be_bytes();
        inner = [&[tag, 0x84], &length[..], &inner[..]].concat();
    }
    inner
}

#[test]
fn sequences_within_sequences_without_end_are_refused() {
    for tag in [0x30, 0x31, 0xa0, 0xa3, 0x24, 0x23] {
        for depth in [10, 1_000, 10_000] {
            let bomb = nested(tag, depth);
            assert!(Certificate::parse(&bomb).is_err());
            // In the place of a part of a certificate: its name, its extensions.
            for at in [4, 8, 20, 40, 80, 120, 300] {
                let mixed = [&EXPIRED[..at], &bomb[..], &EXPIRED[at..]].concat();
                let _ = Certificate::parse(&mixed);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::parse(&bytes);
    }

    #[test]
    fn no_change_of_a_certificate_makes_the_reader_panic(
        which in 0_usize..6, changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6), cut in any::<usize>()
    ) {
        let all = [EXPIRED, YEAR_2049, YEAR_2055, NO_END, NEGATIVE, RSA];
        let mut der = all[which].to_vec();
        for (at, byte) in changes {
            let at = at % der.len();
            der[at] = byte;
        }
        if cut % 4 == 0 {
            der.truncate(cut / 4 % der.len());
        }
        if let Ok(certificate) = Certificate::parse(&der) {
            let _ = certificate.validity.date(Validity::MARGIN);
            let _ = serde_json::to_string(&certificate).unwrap();
        }
    }
}

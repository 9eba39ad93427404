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

/// The length of a content as DER has it, in the fewest bytes.
fn length_of(content: &[u8]) -> Vec<u8> {
    match content.len() {
        short @ 0..=0x7f => vec![u8::try_from(short).unwrap()],
        long => {
            let digits: Vec<u8> = long
                .to_be_bytes()
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect();
            [&[0x80 | u8::try_from(digits.len()).unwrap()], &digits[..]].concat()
        }
    }
}

/// `depth` sequences, one in the other.
fn nested(tag: u8, depth: usize) -> Vec<u8> {
    let mut inner = Vec::new();
    for _ in 0..depth {
        inner = [&[tag], &length_of(&inner)[..], &inner[..]].concat();
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

/// The length of a DER value's header and of its content.
fn sizes(der: &[u8]) -> (usize, usize) {
    match der[1] {
        short @ 0..=0x7f => (2, short.into()),
        long => {
            let digits = &der[2..2 + usize::from(long & 0x7f)];
            let length = digits
                .iter()
                .fold(0, |sum, digit| sum << 8 | usize::from(*digit));
            (2 + digits.len(), length)
        }
    }
}

/// `der` with `bomb` in the place of the `at`th of its values, all lengths around it right; `at` is 0 where
/// that has happened.
fn placed(der: &[u8], at: &mut usize, bomb: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let mut rest = der;
    while !rest.is_empty() {
        let (header, length) = sizes(rest);
        let (value, after) = rest.split_at(header + length);
        if *at == 1 {
            all.extend(bomb);
        } else if value[0] & 0x20 != 0 {
            *at = at.saturating_sub(1);
            let content = placed(&value[header..], at, bomb);
            all.push(value[0]);
            all.extend(length_of(&content));
            all.extend(content);
            rest = after;
            continue;
        } else {
            all.extend(value);
        }
        *at = at.saturating_sub(1);
        rest = after;
    }
    all
}

#[test]
fn a_bomb_in_any_place_of_a_certificate_does_no_harm() {
    // Around nothing, all is as it was.
    assert_eq!(placed(EXPIRED, &mut 1_000, &[]), EXPIRED);
    // Shallow ones, and as deep as 64 KiB let them be.
    let kinds = [0x30, 0x31, 0xa0, 0xa3, 0xa4, 0x24, 0x23];
    let bombs = kinds.map(|tag| [nested(tag, 20), nested(tag, 15_000)]);
    let mut placed_at = 0;
    for number in 1.. {
        let mut at = number;
        let _ = placed(EXPIRED, &mut at, &[]);
        if at > 0 {
            // So many values has it.
            break;
        }
        placed_at = number;
        for bomb in bombs.iter().flatten() {
            let _ = Certificate::parse(&placed(EXPIRED, &mut { number }, bomb));
        }
    }
    assert!(placed_at > 40, "{placed_at}");
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

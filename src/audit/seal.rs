//! The form of a line: a JSON object that ends in the hash of the line before and its own.
//!
//! `{"seq":N,...,"prev":"<64 hex>","hash":"<64 hex>"}`. `hash` is HMAC-SHA256 (RFC 2104) with the
//! trail's key over the file's name, a NUL, and all of the line before `,"hash":"`.
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Longest line, in bytes. The longest that is written has under 16 KiB.
pub const LINE_LIMIT: usize = 64 * 1024;

const PREV: &[u8] = b",\"prev\":\"";
const HASH: &[u8] = b",\"hash\":\"";

/// The hash of a record, or all zeros where there is none before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Hash([u8; 32]);

/// What the hashes are made with. It has no way out, and its memory is wiped when it goes.
pub struct Sealer(Hmac<Sha256>);

/// A line that has the form of one of ours, whatever its hash is worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sealed<'a> {
    /// Its number in its chain, from 1.
    pub seq: u64,
    /// Whether it was the first of its file.
    pub first: bool,
    /// How the chain was mended just before it.
    pub mended: Option<&'a [u8]>,
    /// The hash of the line before.
    pub prev: Hash,
    /// Its own.
    pub hash: Hash,
    hashed: &'a [u8],
}

impl Hash {
    /// Before the first record of a chain.
    pub const ZERO: Hash = Hash([0; 32]);

    /// Reads 64 lower-case hexadecimal digits.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Hash> {
        let mut bytes = [0_u8; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Hash(bytes))
    }

    fn hex(self) -> [u8; 64] {
        let mut text = [0_u8; 64];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            if let [high, low] = pair {
                *high = letter(byte >> 4);
                *low = letter(byte & 15);
            }
        }
        text
    }
}

fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => letter.checked_sub(b'0'),
        b'a'..=b'f' => letter
            .checked_sub(b'a')
            .and_then(|over| over.checked_add(10)),
        _ => None,
    }
}

fn letter(digit: u8) -> u8 {
    if digit < 10 {
        digit.wrapping_add(b'0')
    } else {
        digit.wrapping_sub(10).wrapping_add(b'a')
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.hex()).unwrap_or_default())
    }
}

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Hash::parse(text.as_bytes()).ok_or_else(|| serde::de::Error::custom("no hash"))
    }
}

impl Sealer {
    /// With this key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Sealer {
        // HMAC pads a key with zeros to the length of a block (RFC 2104 section 2).
        let mut block = Zeroizing::new([0_u8; 64]);
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
        Sealer(Hmac::new((&*block).into()))
    }

    fn hash(&self, name: &str, content: &[u8]) -> Hash {
        let mut mac = self.0.clone();
        mac.update(name.as_bytes());
        mac.update(&[0]);
        mac.update(content);
        Hash(mac.finalize().into_bytes().into())
    }

    /// Makes a line of the file `name` from a JSON object with at least one member, which follows a
    /// line with the hash `prev`. The new line's hash comes back.
    pub fn seal(&self, name: &str, object: &mut Vec<u8>, prev: Hash) -> Hash {
        object.pop();
        object.extend_from_slice(PREV);
        object.extend_from_slice(&prev.hex());
        object.push(b'"');
        let hash = self.hash(name, object);
        object.extend_from_slice(HASH);
        object.extend_from_slice(&hash.hex());
        object.extend_from_slice(b"\"}\n");
        hash
    }

    /// Whether a line of the file `name` is one that was written with this key.
    #[must_use]
    pub fn accepts(&self, name: &str, line: &Sealed<'_>) -> bool {
        self.hash(name, line.hashed) == line.hash
    }
}

impl<'a> Sealed<'a> {
    /// Takes a line, without its end, apart.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Sealed<'a>> {
        let rest = line.strip_suffix(b"\"}")?;
        let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        let hashed = rest.strip_suffix(HASH)?;
        let rest = hashed.strip_suffix(b"\"")?;
        let (rest, prev) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
        let rest = rest.strip_suffix(PREV)?.strip_prefix(b"{\"seq\":")?;
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = rest.split_at_checked(digits)?;
        let rest_if_first = rest.strip_prefix(b",\"first\":true");
        let mended = rest_if_first
            .unwrap_or(rest)
            .strip_prefix(b",\"mended\":\"");
        Some(Sealed {
            seq: std::str::from_utf8(number).ok()?.parse().ok()?,
            first: rest_if_first.is_some(),
            mended: mended.and_then(|rest| rest.split(|byte| *byte == b'"').next()),
            prev: Hash::parse(prev)?,
            hash: Hash::parse(hash)?,
            hashed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "audit.log";

    fn line(object: &str) -> (Sealer, Vec<u8>, Hash) {
        let sealer = Sealer::new(&[7; 32]);
        let mut line = object.as_bytes().to_vec();
        let hash = sealer.seal(NAME, &mut line, Hash::ZERO);
        assert_eq!(line.pop(), Some(b'\n'));
        (sealer, line, hash)
    }

    #[test]
    fn a_sealed_line_is_json_and_is_accepted() {
        let (sealer, bytes, hash) = line(r#"{"seq":12,"first":true,"mended":"torn","x":1}"#);
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["hash"], hash.to_string());
        let sealed = Sealed::parse(&bytes).unwrap();
        assert_eq!((sealed.seq, sealed.first), (12, true));
        assert_eq!(sealed.mended, Some(&b"torn"[..]));
        assert_eq!((sealed.prev, sealed.hash), (Hash::ZERO, hash));
        assert!(sealer.accepts(NAME, &sealed));
    }

    #[test]
    fn no_flipped_bit_other_key_or_other_file_is_accepted() {
        let (sealer, bytes, _) = line(r#"{"seq":12,"name":"b\\u{fc}ro"}"#);
        let whole = Sealed::parse(&bytes).unwrap();
        assert!(!sealer.accepts("time-shift.log", &whole));
        assert!(!Sealer::new(&[8; 32]).accepts(NAME, &whole));
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut other = bytes.clone();
                other[at] ^= 1 << bit;
                let accepted =
                    Sealed::parse(&other).is_some_and(|line| sealer.accepts(NAME, &line));
                assert!(!accepted, "byte {at}, bit {bit}");
            }
        }
    }

    #[test]
    fn hmac_is_that_of_rfc_4231() {
        // Test case 2 has a key of four bytes; keys are padded with zeros to the block.
        let mut key = [0; 32];
        key[..4].copy_from_slice(b"Jefe");
        let mut mac = Sealer::new(&key).0;
        mac.update(b"what do ya want for nothing?");
        let hash = Hash(mac.finalize().into_bytes().into());
        assert_eq!(
            hash.to_string(),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}

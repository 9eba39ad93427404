//! What a sealed file may be, and that nothing else opens.
use proptest::prelude::*;

use super::*;

const TEXT: &str = "root@pam!time-shift=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";

fn name(text: &str) -> TokenName {
    TokenName::parse(text).unwrap()
}

fn header() -> Header {
    Header {
        kind: Kind::ApiToken,
        rounds: ROUNDS,
        added: 1_790_000_000,
        changed: 1_790_000_001,
        salt: *b"0123456789abcdef",
        nonce: *b"abcdefghijkl",
    }
}

fn file() -> Vec<u8> {
    let secret = Secret::copy_of(TEXT).ok().unwrap();
    seal(&header(), &name("pve"), &Key::test(), &secret).unwrap()
}

fn flaw(bytes: &[u8], name_text: &str) -> Option<Flaw> {
    parse(bytes)
        .and_then(|sealed| sealed.open(&name(name_text), &Key::test()))
        .err()
}

/// As somebody does it who knows the format: with the digest that belongs to the changed content.
fn with_digest(mut content: Vec<u8>) -> Vec<u8> {
    content.truncate(content.len().saturating_sub(DIGEST));
    let digest = Sha256::digest(&content);
    content.extend_from_slice(&digest);
    content
}

fn changed(at: usize, value: u8) -> Vec<u8> {
    let mut bytes = file();
    bytes[at] = value;
    with_digest(bytes)
}

#[test]
fn what_is_sealed_opens_under_its_name_and_shows_its_header() {
    let bytes = file();
    let sealed = parse(&bytes).ok().unwrap();
    assert_eq!(sealed.header, header());
    let secret = sealed.open(&name("pve"), &Key::test()).ok().unwrap();
    assert_eq!(secret.expose(), TEXT);
    assert!(
        !bytes
            .windows(8)
            .any(|part| TEXT.as_bytes().windows(8).any(|text| text == part))
    );
}

#[test]
fn each_flaw_is_called_what_it_is() {
    assert_eq!(flaw(&file(), "pve"), None);
    assert_eq!(flaw(&file(), "pve2"), Some(Flaw::Closed));
    assert_eq!(flaw(b"", "pve"), Some(Flaw::Length));
    assert_eq!(flaw(&file()[..50], "pve"), Some(Flaw::Length));
    assert_eq!(
        flaw(&file()[..file().len() - 1], "pve"),
        Some(Flaw::Damaged)
    );
    assert_eq!(flaw(&[b'x'; 200], "pve"), Some(Flaw::Magic));
    let long = [file(), vec![0; FILE_LIMIT]].concat();
    assert_eq!(flaw(&long, "pve"), Some(Flaw::Length));
    assert_eq!(flaw(&changed(8, 2), "pve"), Some(Flaw::Version(2)));
    assert_eq!(flaw(&changed(9, 2), "pve"), Some(Flaw::Derivation(2)));
    assert_eq!(flaw(&changed(10, 99), "pve"), Some(Flaw::Kind(99)));
    assert_eq!(flaw(&changed(11, 1), "pve"), Some(Flaw::Derivation(1)));
    let few = ROUNDS & 0xff;
    assert_eq!(flaw(&changed(14, 0), "pve"), Some(Flaw::Rounds(few)));
    assert_eq!(
        flaw(&changed(12, 0xff), "pve"),
        Some(Flaw::Rounds(0xff00_0000 | ROUNDS))
    );
    assert_eq!(flaw(&changed(10, 2), "pve"), Some(Flaw::Closed));
    let mut other = file();
    other[20] ^= 1;
    assert_eq!(flaw(&other, "pve"), Some(Flaw::Damaged));
}

#[test]
fn a_secret_that_would_not_be_read_back_is_not_opened() {
    // Sealed by something else, with the right key: a newline at its end, or nothing in it.
    for text in ["", "abc\n"] {
        let raw = header().to_bytes();
        let mut bytes = text.as_bytes().to_vec();
        let aad = authenticated(&raw, &name("pve"));
        let cipher = Key::test().cipher().unwrap();
        let tag = cipher
            .encrypt_inout_detached(&header().nonce.into(), &aad, bytes.as_mut_slice().into())
            .unwrap();
        let content = [&raw[..], &bytes, &tag, &[0; DIGEST]].concat();
        assert_eq!(flaw(&with_digest(content), "pve"), Some(Flaw::Content));
    }
}

/// Numbers that look random and are the same in every run (xorshift64).
fn numbers() -> impl FnMut(usize) -> usize {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % u64::try_from(below).unwrap()).unwrap()
    }
}

/// The key is the right one in each case, though another salt or count would give another: what is
/// refused here is refused for its content alone.
#[test]
fn of_2000_mutations_none_opens_and_none_panics_c2() {
    let good = file();
    let mut random = numbers();
    let (mut mutants, mut damaged) = (0, 0);
    while mutants < 2000 {
        let mut bytes = good.clone();
        let at = random(bytes.len());
        let byte = u8::try_from(random(256)).unwrap();
        match random(7) {
            0 | 1 => bytes[at] ^= 1 << random(8),
            2 => bytes[at] = byte,
            3 => bytes.insert(at, byte),
            4 => drop(bytes.remove(at)),
            5 => bytes.truncate(at),
            _ => {
                let other = random(bytes.len());
                bytes.swap(at, other);
            }
        }
        if mutants % 2 == 0 {
            bytes = with_digest(bytes);
        }
        if bytes == good {
            continue;
        }
        mutants += 1;
        let flaw = flaw(&bytes, "pve");
        assert!(flaw.is_some(), "{at}: {bytes:?}");
        damaged += usize::from(flaw == Some(Flaw::Damaged));
    }
    println!("2000 mutations refused, {damaged} of them by the digest");
    assert!((500..1500).contains(&damaged), "{damaged}");
}

/// RFC 7914, section 11, has these for PBKDF2-HMAC-SHA256.
#[test]
fn the_derivation_is_pbkdf2_hmac_sha256() {
    let mut out = [0; 64];
    pbkdf2::pbkdf2_hmac::<Sha256>(b"Password", b"NaCl", 80_000, &mut out);
    assert_eq!(out[..8], [0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21]);
    let passphrase = Secret::copy_of("Password").ok().unwrap();
    let of = |salt, rounds| Key::derive(&passphrase, salt, rounds).ok().unwrap();
    let key = of(b"0123456789abcdef", 2);
    assert!(key.0.as_slice() != of(b"0123456789abcdeg", 2).0.as_slice());
    assert!(key.0.as_slice() != of(b"0123456789abcdef", 3).0.as_slice());
}

proptest! {
    /// Also what begins like a sealed file and has the digest that belongs to it.
    #[test]
    fn no_bytes_make_it_panic_or_open(bytes in proptest::collection::vec(any::<u8>(), 0..400), begins in any::<bool>()) {
        let content = match begins {
            true => [&file()[..12], &bytes, &[0; DIGEST]].concat(),
            false => bytes,
        };
        for bytes in [with_digest(content.clone()), content] {
            prop_assert!(flaw(&bytes, "pve").is_some());
        }
    }
}

//! Base64 as the agent sends a program's output (RFC 4648, section 4).

/// Decodes; `None` where it is not base64 with its padding.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let bytes = text.as_bytes();
    if bytes.len() % 4 != 0 {
        return None;
    }
    let body = bytes.strip_suffix(b"=").unwrap_or(bytes);
    let body = body.strip_suffix(b"=").unwrap_or(body);
    let mut out = Vec::with_capacity(body.len());
    for group in body.chunks(4) {
        let mut bits: u32 = 0;
        for digit in group {
            bits = (bits << 6) | value(*digit)?;
        }
        let missing = 4_usize.checked_sub(group.len())?;
        bits = bits.checked_shl(u32::try_from(missing).ok()?.checked_mul(6)?)?;
        let [_, three @ ..] = bits.to_be_bytes();
        out.extend_from_slice(three.get(..3_usize.checked_sub(missing)?)?);
    }
    Some(out)
}

fn value(digit: u8) -> Option<u32> {
    let (base, first) = match digit {
        b'A'..=b'Z' => (0, b'A'),
        b'a'..=b'z' => (26, b'a'),
        b'0'..=b'9' => (52, b'0'),
        b'+' => (62, b'+'),
        b'/' => (63, b'/'),
        _ => return None,
    };
    u32::from(digit.checked_sub(first)?).checked_add(base)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_examples_of_the_rfc_are_decoded() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmE=", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(decode(text).unwrap(), plain.as_bytes(), "{text}");
        }
        assert_eq!(decode("+/+/").unwrap(), [0xfb, 0xff, 0xbf]);
        for bad in [
            "Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9\n", "Zm_v",
        ] {
            assert_eq!(decode(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = decode(&text);
        }
    }
}

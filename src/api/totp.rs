//! The second factor: TOTP (RFC 6238) with SHA-1, six digits and 30 seconds, as Proxmox VE makes it.
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::system::SecretBytes;
use crate::token::Secret;

/// The seed of a secret: base32, or an `otpauth:` link with it.
fn seed(secret: &Secret) -> Option<SecretBytes> {
    let text = secret.expose();
    let text = match text.strip_prefix("otpauth:") {
        Some(link) => {
            let (_, query) = link.split_once('?')?;
            query
                .split('&')
                .find_map(|field| field.strip_prefix("secret="))?
        }
        None => text,
    };
    let text = text.trim_end_matches('=');
    let mut bytes = SecretBytes::zeroed(text.len().checked_mul(5)?.checked_div(8)?).ok()?;
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut digits = text.bytes();
    for place in bytes.as_mut_slice() {
        while held < 8 {
            let value = match digits.next()?.to_ascii_uppercase() {
                letter @ b'A'..=b'Z' => letter.wrapping_sub(b'A'),
                digit @ b'2'..=b'7' => digit.wrapping_sub(b'2').wrapping_add(26),
                _ => return None,
            };
            bits = (bits.wrapping_shl(5) | u32::from(value)) & 0xffff;
            held = held.saturating_add(5);
        }
        held = held.saturating_sub(8);
        *place = u8::try_from(bits.wrapping_shr(held) & 0xff).ok()?;
    }
    Some(bytes)
}

/// How long a code is good, in seconds.
pub const STEP: i64 = 30;

/// The code at `seconds` since 1970. `None` where the secret is no seed.
#[must_use]
pub fn code(secret: &Secret, seconds: i64) -> Option<String> {
    let seed = seed(secret)?;
    let mut mac = Hmac::<Sha1>::new_from_slice(seed.as_slice()).ok()?;
    mac.update(&seconds.div_euclid(STEP).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last()? & 0x0f);
    let four: [u8; 4] = hash.get(offset..)?.first_chunk().copied()?;
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(format!("{:06}", number.checked_rem(1_000_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B: the last six of eight digits, seed "12345678901234567890".
        let plain = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let link = format!("otpauth://totp/x?issuer=pve&secret={plain}");
        for text in [plain, &plain.to_lowercase(), &link] {
            let secret = Secret::copy_of(text).ok().unwrap();
            for (seconds, digits) in [
                (59, "287082"),
                (1_111_111_109, "081804"),
                (20_000_000_000, "353130"),
            ] {
                assert_eq!(code(&secret, seconds).as_deref(), Some(digits));
            }
        }
        let other = Secret::copy_of("not base 32!").ok().unwrap();
        assert!(code(&other, 0).is_none());
    }
}

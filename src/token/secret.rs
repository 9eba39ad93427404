//! A secret in memory.
use std::fmt;

use subtle::ConstantTimeEq;

use crate::system::SecretBytes;

/// Longest secret, in bytes. The longest known, a TOTP seed in a link, has a few hundred.
pub const LIMIT: usize = 4096;

/// Why a text is no secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SecretError {
    /// There is nothing in it.
    Empty,
    /// It is longer than any secret.
    TooLong,
    /// It has more than one line.
    MultipleLines,
    /// It is not UTF-8, or has a NUL or another control character in it.
    NotText,
    /// The system has no memory for it.
    NoMemory,
}

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SecretError::Empty => f.write_str("it is empty"),
            SecretError::TooLong => write!(f, "it is longer than {LIMIT} bytes"),
            SecretError::MultipleLines => f.write_str("it has more than one line"),
            SecretError::NotText => f.write_str(
                "it is not text: it has a NUL or another control character in it, or is not UTF-8",
            ),
            SecretError::NoMemory => f.write_str("the system has no memory for it"),
        }
    }
}

impl std::error::Error for SecretError {}

/// A secret: one line of text in memory of its own, out of swap and core dumps, zeroised at its end.
/// It can be neither copied nor printed:
///
/// ```compile_fail
/// fn print(secret: time_shift::token::Secret) {
///     println!("{secret:?}");
/// }
/// ```
pub struct Secret(SecretBytes);

impl Secret {
    /// Takes bytes from outside. One newline at their end is not part of it.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn new(mut bytes: SecretBytes) -> Result<Secret, SecretError> {
        let line = bytes.as_slice();
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let length = line.strip_suffix(b"\r").unwrap_or(line).len();
        bytes.truncate(length);
        let text = match bytes.as_slice() {
            [] => return Err(SecretError::Empty),
            long if long.len() > LIMIT => return Err(SecretError::TooLong),
            other => std::str::from_utf8(other).map_err(|_| SecretError::NotText)?,
        };
        if text.contains(['\n', '\r']) {
            return Err(SecretError::MultipleLines);
        }
        if text.chars().any(char::is_control) {
            return Err(SecretError::NotText);
        }
        Ok(Secret(bytes))
    }

    /// A copy of `text`, which the caller zeroises.
    ///
    /// # Errors
    /// As for [`Secret::new`].
    pub fn copy_of(text: &str) -> Result<Secret, SecretError> {
        let bytes = SecretBytes::copy_of(text.as_bytes()).map_err(|_| SecretError::NoMemory)?;
        Secret::new(bytes)
    }

    /// The text, for the one place that needs it. Whatever is made of it is a secret too.
    #[must_use]
    pub fn expose(&self) -> &str {
        // Checked when it was made.
        std::str::from_utf8(self.0.as_slice()).unwrap_or_default()
    }

    /// Whether both are the same, in a time that depends on their lengths only.
    #[must_use]
    pub fn same_as(&self, other: &Secret) -> bool {
        self.0.as_slice().ct_eq(other.0.as_slice()).into()
    }
}

#[cfg(test)]
mod tests {
    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(Secret: Clone, Copy, std::fmt::Debug, std::fmt::Display, serde::Serialize, PartialEq);

    fn read(bytes: &[u8]) -> Result<Secret, SecretError> {
        Secret::new(SecretBytes::copy_of(bytes).unwrap())
    }

    #[test]
    fn a_secret_is_one_line_of_text() {
        for (bytes, text) in [
            (&b"abc"[..], "abc"),
            (b"abc\n", "abc"),
            (b"abc\r\n", "abc"),
            (b" a b ", " a b "),
            ("pä".as_bytes(), "pä"),
        ] {
            assert_eq!(read(bytes).ok().unwrap().expose(), text);
        }
        for (bytes, why) in [
            (&b""[..], SecretError::Empty),
            (b"\n", SecretError::Empty),
            (b"\r\n", SecretError::Empty),
            (b"a\nb", SecretError::MultipleLines),
            (b"a\rb", SecretError::MultipleLines),
            (b"a\n\n", SecretError::MultipleLines),
            (b"a\0b", SecretError::NotText),
            (b"a\x1b", SecretError::NotText),
            (b"a\xff", SecretError::NotText),
            (&[b'a'; LIMIT + 1], SecretError::TooLong),
        ] {
            assert_eq!(read(bytes).err(), Some(why));
        }
        assert!(read(&[b'a'; LIMIT]).is_ok());
    }

    #[test]
    fn secrets_are_compared_whole() {
        let secret = read(b"abc").ok().unwrap();
        for (other, same) in [
            ("abc", true),
            ("abd", false),
            ("ab", false),
            ("abcd", false),
        ] {
            assert_eq!(secret.same_as(&read(other.as_bytes()).ok().unwrap()), same);
        }
    }
}

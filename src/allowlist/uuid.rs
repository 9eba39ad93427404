//! The identity of a VM behind its number (`smbios1: uuid=...`).
use std::fmt;

/// A UUID, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uuid(String);

/// Why a text is no UUID.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UuidError;

impl fmt::Display for UuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a uuid has 8-4-4-4-12 hexadecimal digits, as `qm config VMID` shows it at smbios1",
        )
    }
}

impl std::error::Error for UuidError {}

impl Uuid {
    /// Reads a UUID in any case (RFC 9562 section 4: 8-4-4-4-12 hexadecimal digits).
    ///
    /// # Errors
    /// [`UuidError`] for everything else.
    pub fn parse(text: &str) -> Result<Uuid, UuidError> {
        const FORM: &[u8; 36] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        let fits = text.len() == FORM.len()
            && text.bytes().zip(FORM).all(|(byte, form)| match form {
                b'x' => byte.is_ascii_hexdigit(),
                _ => byte == *form,
            });
        if fits {
            Ok(Uuid(text.to_ascii_lowercase()))
        } else {
            Err(UuidError)
        }
    }

    /// The 36 characters, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_case_does_not_matter_and_the_form_does() {
        let text = "4C4C4544-0042-3510-8052-B4C04F4A3132";
        assert_eq!(Uuid::parse(text).unwrap().as_str(), text.to_lowercase());
        for bad in [
            "",
            "4c4c4544004235108052b4c04f4a3132",
            "{4c4c4544-0042-3510-8052-b4c04f4a3132}",
            "4c4c4544-0042-3510-8052-b4c04f4a313g",
            "4c4c4544-0042-3510-8052-b4c04f4a313",
            "4c4c4544-0042-3510-8052-b4c04f4a31\u{e4}",
        ] {
            assert_eq!(Uuid::parse(bad), Err(UuidError), "{bad}");
        }
    }
}

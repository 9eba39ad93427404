//! Text from outside, made safe for a log line, a terminal and the task log.
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// Untrusted text in a form that cannot forge a line, move a cursor or reverse the reading
/// direction: printable ASCII and letters and digits of any script stay, everything else becomes
/// an escape like `\u{1b}`, and what is longer than the cap ends in `...`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub struct Printable(String);

impl Printable {
    /// How many characters of a text from outside are kept at most.
    pub const CAP: usize = 200;

    /// How many characters of a whole sentence are kept at most.
    pub const SENTENCE_CAP: usize = 1000;

    /// Sanitises bytes that may not even be text.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Printable {
        Printable::capped(bytes, Printable::CAP)
    }

    /// Sanitises a sentence of our own, with what it quotes.
    #[must_use]
    pub fn sentence(text: &str) -> Printable {
        Printable::capped(text.as_bytes(), Printable::SENTENCE_CAP)
    }

    fn capped(bytes: &[u8], cap: usize) -> Printable {
        // Four bytes a character at most: what lies beyond cannot be among the first `cap`.
        let bounded = bytes.get(..cap.saturating_mul(4)).unwrap_or(bytes);
        let cut = bounded.len() < bytes.len();
        let text = String::from_utf8_lossy(bounded);
        let mut safe = String::with_capacity(text.len());
        for (index, character) in text.chars().enumerate() {
            if index >= cap {
                safe.push_str("...");
                return Printable(safe);
            }
            if character == ' ' || character.is_ascii_graphic() || character.is_alphanumeric() {
                safe.push(character);
            } else {
                // Writing to a String cannot fail.
                let _ = write!(safe, "{}", character.escape_unicode());
            }
        }
        if cut {
            safe.push_str("...");
        }
        Printable(safe)
    }

    /// The safe text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text as a file of ours holds it.
#[derive(Deserialize)]
struct Stored(String);

impl From<Stored> for Printable {
    fn from(stored: Stored) -> Printable {
        Printable::sentence(&stored.0)
    }
}

impl From<&str> for Printable {
    fn from(text: &str) -> Printable {
        Printable::new(text.as_bytes())
    }
}

impl From<String> for Printable {
    fn from(text: String) -> Printable {
        Printable::new(text.as_bytes())
    }
}

impl fmt::Display for Printable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn control_characters_and_direction_marks_become_escapes() {
        let text = Printable::from("web\n\u{1b}[31m01\u{202e}\u{9b}");
        assert_eq!(text.as_str(), "web\\u{a}\\u{1b}[31m01\\u{202e}\\u{9b}");
        assert_eq!(Printable::from("Büro 7").as_str(), "Büro 7");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = Printable::new(&vec![b'x'; 10_000_000]);
        assert_eq!(text.as_str().len(), Printable::CAP + 3);
        assert!(text.as_str().ends_with("x..."));
    }

    proptest! {
        #[test]
        fn no_bytes_make_an_unsafe_character(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let text = Printable::new(&bytes);
            prop_assert!(text.as_str().chars().all(|c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()));
        }
    }
}

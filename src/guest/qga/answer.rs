//! One line of an agent, and the types that its answers must have.
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::error::{AgentError, Broken};
use crate::model::Printable;

/// What an agent may say.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Answer {
    /// The command was carried out.
    Return(Value),
    /// It was not.
    Error {
        /// The error class.
        class: Printable,
        /// The agent's words.
        text: Printable,
    },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "return")]
    value: Option<Value>,
    error: Option<RawError>,
}

#[derive(Deserialize)]
struct RawError {
    class: String,
    desc: String,
}

impl Answer {
    /// Reads a line; `None` where it is neither of the two.
    pub(super) fn parse(line: &[u8]) -> Option<Answer> {
        let raw: Raw = serde_json::from_slice(line).ok()?;
        match (raw.value, raw.error) {
            (Some(value), None) => Some(Answer::Return(value)),
            (None, Some(error)) => Some(Answer::Error {
                class: Printable::from(error.class),
                text: Printable::from(error.desc),
            }),
            _ => None,
        }
    }
}

/// Reads what a command returned into its type.
pub(super) fn typed<T: DeserializeOwned>(
    command: &'static str,
    value: Value,
) -> Result<T, AgentError> {
    serde_json::from_value(value)
        .map_err(|_| AgentError::Broken(Broken::UnexpectedAnswer { command }))
}

/// A text of the guest's that need not be there.
pub(super) fn maybe_printable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Printable>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Printable::from))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_two_forms_are_told_apart() {
        let parse = |text: &str| Answer::parse(text.as_bytes());
        assert_eq!(
            parse("{\"return\": 7}\r"),
            Some(Answer::Return(Value::from(7)))
        );
        let refused = parse(r#"{"error": {"class": "GenericError", "desc": "no\n\u0000"}}"#);
        assert!(
            matches!(refused, Some(Answer::Error { text, .. }) if text.as_str() == "no\\u{a}\\u{0}")
        );
    }

    #[test]
    fn what_is_neither_is_refused() {
        let deep = format!("{{\"return\": {}", "[".repeat(30_000));
        for bad in [
            "",
            "{}",
            "null",
            "7",
            r#"{"return": null}"#,
            r#"{"return": {}, "error": {"class": "a", "desc": "b"}}"#,
            r#"{"return": {}, "return": {}}"#,
            r#"{"error": {"class": 1, "desc": "b"}}"#,
            r#"{"error": {"class": "a"}}"#,
            r#"{"return": {}"#,
            &deep,
        ] {
            assert_eq!(Answer::parse(bad.as_bytes()), None, "{bad:.40}");
        }
    }

    #[test]
    fn a_time_is_a_whole_number_of_63_bits() {
        let time = |text: &str| typed::<i64>("x", serde_json::from_str(text).unwrap()).ok();
        assert_eq!(time("9223372036854775807"), Some(i64::MAX));
        assert_eq!(time("-1"), Some(-1));
        for bad in [
            "9223372036854775808",
            "1e3",
            "1.0",
            "\"1\"",
            "true",
            "{}",
            "[1]",
        ] {
            assert_eq!(time(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Answer::parse(&bytes);
        }
    }
}

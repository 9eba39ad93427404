//! One line of QMP.
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::model::Printable;

/// What QEMU may say.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Message {
    /// The first line of a session.
    Greeting,
    /// A command succeeded.
    Return {
        /// Whose answer it is; `None` where it was not an id of ours.
        id: Option<u64>,
        /// What it returned.
        value: Value,
    },
    /// A command failed.
    Error {
        /// Whose answer it is; `None` where QEMU could not even read the id.
        id: Option<u64>,
        /// QEMU's error class.
        class: Printable,
        /// QEMU's words.
        text: Printable,
    },
    /// Something happened.
    Event {
        /// What.
        name: String,
    },
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "QMP")]
    greeting: Option<IgnoredAny>,
    id: Option<Value>,
    #[serde(rename = "return")]
    value: Option<Value>,
    error: Option<RawError>,
    event: Option<String>,
}

#[derive(Deserialize)]
struct RawError {
    class: String,
    desc: String,
}

impl Message {
    /// Reads a line; `None` where it is not one of the four.
    pub(super) fn parse(line: &[u8]) -> Option<Message> {
        let raw: Raw = serde_json::from_slice(line).ok()?;
        let id = raw.id.as_ref().and_then(Value::as_u64);
        match raw {
            Raw {
                greeting: Some(_),
                value: None,
                error: None,
                event: None,
                ..
            } => Some(Message::Greeting),
            Raw {
                greeting: None,
                value: Some(value),
                error: None,
                event: None,
                ..
            } => Some(Message::Return { id, value }),
            Raw {
                greeting: None,
                value: None,
                error: Some(error),
                event: None,
                ..
            } => {
                let (class, text) = (Printable::from(error.class), Printable::from(error.desc));
                Some(Message::Error { id, class, text })
            }
            Raw {
                greeting: None,
                value: None,
                error: None,
                event: Some(name),
                ..
            } => Some(Message::Event { name }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_four_forms_are_told_apart() {
        let parse = |text: &str| Message::parse(text.as_bytes());
        assert_eq!(
            parse(r#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#),
            Some(Message::Greeting)
        );
        assert_eq!(
            parse("{\"return\": {}, \"id\": 7}\r"),
            Some(Message::Return {
                id: Some(7),
                value: Value::Object(Default::default())
            })
        );
        assert!(matches!(
            parse(r#"{"error": {"class": "GenericError", "desc": "no\n"}}"#),
            Some(Message::Error { id: None, text, .. }) if text.as_str() == "no\\u{a}"
        ));
        assert!(matches!(
            parse(r#"{"timestamp": {"seconds": 1}, "event": "STOP"}"#),
            Some(Message::Event { name }) if name == "STOP"
        ));
    }

    #[test]
    fn what_is_none_of_them_is_refused() {
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        for bad in [
            "",
            "{}",
            "null",
            "[]",
            r#"{"return": {}, "error": {"class": "a", "desc": "b"}}"#,
            r#"{"event": 1}"#,
            r#"{"return": {}"#,
            &deep,
            r#"{"error": "x"}"#,
        ] {
            assert_eq!(Message::parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Message::parse(&bytes);
        }
    }
}

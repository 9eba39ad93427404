//! The parser's errors in an operator's words.
use toml::de::Error;

use super::value::quoted;

/// Whether the error is about a key or table that is set twice: the file is readable all the same.
pub(super) fn is_duplicate(error: &Error) -> bool {
    error.message() == "duplicate key"
}

/// Where the error is.
pub(super) fn offset(error: &Error) -> usize {
    error.span().map_or(0, |span| span.start)
}

/// What is wrong there.
pub(super) fn describe(error: &Error, text: &str) -> String {
    let there = error
        .span()
        .and_then(|span| text.get(span))
        .unwrap_or_default();
    // One line is enough to recognise the place by.
    let there = there.lines().next().unwrap_or_default().trim();
    if is_duplicate(error) {
        return format!(
            "{} is already set further up; keep one of the two",
            quoted(there)
        );
    }
    let message = match error.message() {
        "cannot recurse further; max recursion depth met" | "recursion limit" => {
            "nested too deeply (at most 80 levels)"
        }
        message if message.starts_with("string values must be quoted") && there.is_empty() => {
            "a value is missing here"
        }
        message
            if message.starts_with("string values must be quoted")
                || message.starts_with("invalid float") =>
        {
            "a text is written in quotes"
        }
        message => message,
    };
    // Messages are the parser's own words, but some quote what was expected or found.
    let message = crate::model::Printable::from(message);
    if there.is_empty() {
        format!("no valid TOML: {message}")
    } else {
        format!("no valid TOML: {message}; here is {}", quoted(there))
    }
}

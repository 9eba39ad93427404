//! A value of a file and the types it can be read as.
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::reader::{Mark, Reader};
use super::table::{Table, read_table};
use super::tree::{Item, Kind};
use crate::model::{Printable, parse_lapse};

/// A value and where it is.
#[derive(Clone)]
pub struct Value<'d> {
    name: &'d str,
    in_list: bool,
    value: Item<'d>,
    reader: &'d Reader<'d>,
}

/// Text from a file, sanitised, cut and in backticks.
#[must_use]
pub fn quoted(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        None => format!("`{}`", Printable::from(text)),
        Some((end, _)) => format!(
            "`{}...`",
            Printable::from(text.get(..end).unwrap_or_default())
        ),
    }
}

impl<'d> Value<'d> {
    pub(super) fn new(name: &'d str, value: Item<'d>, reader: &'d Reader<'d>) -> Value<'d> {
        Value {
            name,
            in_list: false,
            value,
            reader,
        }
    }

    /// The key that the value is for.
    #[must_use]
    pub fn name(&self) -> &'d str {
        self.name
    }

    /// Where the value is.
    #[must_use]
    pub fn mark(&self) -> Mark {
        Mark::new(self.value.place().start)
    }

    /// The value as the file has it.
    #[must_use]
    pub fn source(&self) -> &'d str {
        self.reader
            .text()
            .get(self.value.place())
            .unwrap_or_default()
    }

    /// Whether it is an integer.
    #[must_use]
    pub fn is_integer(&self) -> bool {
        self.value.kind() == Kind::Integer
    }

    /// Reports `text` about the value and gives nothing.
    pub fn refuse<T>(&self, text: impl Display) -> Option<T> {
        self.say(format!(": {text}"))
    }

    /// Reports a sentence that starts with the name of the key, and gives nothing.
    pub fn say<T>(&self, text: impl Display) -> Option<T> {
        self.reader
            .error(self.mark(), format!("{}{text}", self.title()));
        None
    }

    /// Reports that the value should be `want` and gives nothing.
    pub fn wrong_type<T>(&self, want: &str) -> Option<T> {
        let found = match self.value.kind() {
            Kind::String => "a string",
            Kind::Integer => "an integer",
            Kind::Float => "a float",
            Kind::Boolean(_) => "a boolean",
            Kind::Datetime => "a datetime without quotes",
            Kind::Array => "an array",
            Kind::Table => "a table",
        };
        let hint = match self.value.kind() {
            Kind::Datetime => format!("; write \"{}\"", Printable::from(self.source())),
            _ => String::new(),
        };
        self.say(format!(" must be {want}, not {found}{hint}"))
    }

    /// A string that is not empty, has at most `cap` characters, and none that controls a terminal
    /// or ends a line.
    pub fn string(&self, want: &str, cap: usize) -> Option<&'d str> {
        let Some(text) = self.value.as_str() else {
            return self.wrong_type(want);
        };
        if text.is_empty() {
            return self.say(format!(" is empty; it must be {want}"));
        }
        if text.len() > cap && text.chars().nth(cap).is_some() {
            return self.say(format!(" has more than {cap} characters"));
        }
        let printable = |byte: &u8| matches!(byte, b' '..=b'~');
        if !text.as_bytes().iter().all(printable) && text.chars().any(char::is_control) {
            return self.refuse(format!(
                "{} has a control character (NUL, newline ...)",
                quoted(text)
            ));
        }
        Some(text)
    }

    /// A string that `parse` understands; its error is the operator's.
    pub fn parsed<T, E: Display>(
        &self,
        want: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        const CAP: usize = 512;
        let text = self.string(want, CAP)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => self.refuse(format!("{}: {error}", quoted(text))),
        }
    }

    /// One of a few words.
    pub fn choice<T: Copy>(&self, choices: &[(&str, T)]) -> Option<T> {
        let found = |text: &str| choices.iter().find(|(word, _)| *word == text);
        if let Some((_, choice)) = self.value.as_str().and_then(found) {
            return Some(*choice);
        }
        let words: Vec<String> = choices
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect();
        let want = match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, others)) => format!("{} or {last}", others.join(", ")),
            None => String::new(),
        };
        let text = self.string(&want, usize::MAX)?;
        self.refuse(format!("{} is not known; it must be {want}", quoted(text)))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.kind() {
            Kind::Boolean(boolean) => Some(boolean),
            _ => self.wrong_type("true or false (without quotes)"),
        }
    }

    /// A length of time within `range`, which the operator knows as `bounds`.
    pub fn duration(&self, range: RangeInclusive<Duration>, bounds: &str) -> Option<Duration> {
        self.parsed(
            "a duration in quotes, like \"10m\"",
            |text| match parse_lapse(text) {
                Ok(length) if range.contains(&length) => Ok(length),
                Ok(_) => Err(format!("it must be {bounds}")),
                Err(error) => Err(error.to_string()),
            },
        )
    }

    /// The entries that `read` could read. An empty list is the file's error unless `may_be_empty`.
    pub fn list<T>(
        &self,
        want: &str,
        may_be_empty: bool,
        read: impl FnMut(Value<'d>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.value.kind() != Kind::Array {
            return self.wrong_type(want);
        }
        let mut items = self.value.values().peekable();
        if items.peek().is_none() && !may_be_empty {
            // What a syntax error left empty has been reported as that.
            self.reader.missing(
                self.mark(),
                format!("{} is empty; it must be {want}", self.title()),
            );
            return None;
        }
        let item = |value: Item<'d>| Value {
            in_list: true,
            ..Value::new(self.name, value, self.reader)
        };
        Some(items.map(item).filter_map(read).collect())
    }

    /// A table.
    pub fn table<T>(
        &self,
        what: &'static str,
        schema: impl FnOnce(&mut Table<'d>) -> Option<T>,
    ) -> Option<T> {
        match self.value.kind() {
            Kind::Table => read_table(self.value, self.mark(), what, self.reader, schema),
            _ => self.wrong_type("a table"),
        }
    }

    fn title(&self) -> String {
        let name = quoted(self.name);
        if self.in_list {
            format!("an entry of {name}")
        } else {
            name
        }
    }
}

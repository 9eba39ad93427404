//! A table of a file and the keys it may have.
use super::near::nearest;
use super::reader::{Mark, Reader};
use super::tree::{Item, Keys, Values};
use super::value::{Value, quoted};

/// A table. Every key that was asked for is allowed in it, every other one is an error.
pub struct Table<'d> {
    table: Item<'d>,
    keys: Keys,
    /// What stands behind the value that was found last: most files have keys in the order in which they
    /// are asked for.
    next: Values<'d>,
    mark: Mark,
    what: &'static str,
    /// Where the keys that it was asked for begin among those of the [`Reader`].
    asked: usize,
    /// How many of them are there.
    found: usize,
    /// How many keys the table has.
    count: usize,
    open: bool,
    reader: &'d Reader<'d>,
}

/// Reads a table by `schema`, then reports the keys that it did not ask for.
pub(super) fn read_table<'d, T>(
    table: Item<'d>,
    mark: Mark,
    what: &'static str,
    reader: &'d Reader<'d>,
    schema: impl FnOnce(&mut Table<'d>) -> Option<T>,
) -> Option<T> {
    let mut keys = Keys::default();
    let mut count: usize = 0;
    for value in table.values() {
        keys.add(value.key_bytes());
        count = count.saturating_add(1);
    }
    let mut table = Table {
        table,
        keys,
        next: table.values(),
        mark,
        what,
        asked: reader.asked().len(),
        found: 0,
        count,
        open: false,
        reader,
    };
    let value = schema(&mut table);
    let asked = table.asked;
    table.report_unknown();
    reader.asked().truncate(asked);
    value
}

impl<'d> Table<'d> {
    /// The value of a key that has to be there.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Option<T>,
    ) -> Option<T> {
        let value = self.value(key);
        if value.is_none() {
            self.reader.missing(
                self.mark,
                format!("`{key}` is missing: {} needs it", self.what),
            );
        }
        value.and_then(read)
    }

    /// The value of a key that may be left out. Nothing is also the answer to a bad value, but then
    /// the file has an error and is not used.
    pub fn optional<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(Value<'d>) -> Option<T>,
    ) -> Option<T> {
        self.value(key).and_then(read)
    }

    /// The value of a key, or what holds if it is left out.
    pub fn or<T>(
        &mut self,
        key: &'static str,
        default: T,
        read: impl FnOnce(Value<'d>) -> Option<T>,
    ) -> T {
        self.optional(key, read).unwrap_or(default)
    }

    /// All entries of a table whose keys are names that the file gives, so none is unknown.
    pub fn entries(&mut self) -> impl Iterator<Item = Value<'d>> + use<'d> {
        self.open = true;
        let reader = self.reader;
        let values = self.table.values();
        values.map(move |value| Value::new(value.key(), value, reader))
    }

    /// Where the table is: its header.
    #[must_use]
    pub fn mark(&self) -> Mark {
        self.mark
    }

    /// Where errors are reported.
    #[must_use]
    pub fn reader(&self) -> &'d Reader<'d> {
        self.reader
    }

    fn value(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.reader.asked().push(key);
        if !self.keys.may_have(key.as_bytes()) {
            return None;
        }
        let value = self.find(key)?;
        self.found = self.found.saturating_add(1);
        // The parser puts a value without a place where it found none; it has reported that.
        if self.reader.is_broken() && value.place().is_empty() {
            return None;
        }
        Some(Value::new(key, value, self.reader))
    }

    fn find(&mut self, key: &str) -> Option<Item<'d>> {
        let has_key = |value: &Item<'d>| value.has_key(key.as_bytes());
        if let Some(value) = self.next.clone().next().filter(has_key) {
            self.next.next();
            return Some(value);
        }
        let mut values = self.table.values();
        let value = values.find(has_key)?;
        self.next = values;
        Some(value)
    }

    fn report_unknown(&self) {
        if self.open || self.count == self.found {
            return;
        }
        let all = self.reader.asked();
        let asked = all.get(self.asked..).unwrap_or_default();
        for value in self.table.values() {
            let name = value.key();
            if asked.contains(&name) {
                continue;
            }
            let near = if self.reader.is_full() {
                None
            } else {
                nearest(name, asked.iter().copied())
            };
            let hint = near
                .map(|near| format!("did you mean `{near}`? "))
                .unwrap_or_default();
            let text = format!(
                "unknown key {}; {hint}{} may have: {}",
                quoted(name),
                self.what,
                asked.join(", ")
            );
            self.reader.error(Mark::new(value.key_start()), text);
        }
    }
}

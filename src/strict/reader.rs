//! Collects what is wrong with a file and gives its content only if nothing is.
use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeSet;

use super::finding::{Finding, Lines};
use super::syntax;

/// How many findings an operator gets to see of one file.
const SHOWN: usize = 100;
/// How many are kept to be sorted; more are only counted.
const KEPT: usize = 10_000;

/// A place in the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mark(usize);

impl Mark {
    /// The first character of the file.
    pub(super) const START: Mark = Mark(0);

    /// The place of a byte.
    pub(super) fn new(offset: usize) -> Mark {
        Mark(offset)
    }
}

/// The errors found so far.
pub struct Reader<'t> {
    lines: Lines<'t>,
    found: RefCell<Vec<(Mark, String)>>,
    uncounted: Cell<usize>,
    /// The keys that the tables which are being read were asked for, the innermost table's last: one list for
    /// all, since there are many tables.
    asked: RefCell<Vec<&'static str>>,
    /// Lines that are no TOML: what seems wrong with their values follows from that.
    broken: BTreeSet<usize>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, errors: &[toml::de::Error]) -> Reader<'t> {
        let lines = Lines::new(text);
        let mut broken = BTreeSet::new();
        let mut found = Vec::new();
        // The parser goes over the text more than once, so its errors are not in its order.
        let mut sorted: Vec<_> = errors
            .iter()
            .map(|error| (syntax::offset(error), error))
            .collect();
        sorted.sort_by_key(|(offset, _)| *offset);
        for (offset, error) in sorted.into_iter().take(KEPT) {
            // The first error of a line is the cause of those that follow in it.
            if syntax::is_duplicate(error) || broken.insert(lines.line(offset)) {
                found.push((Mark(offset), syntax::describe(error, text)));
            }
        }
        let uncounted = Cell::new(errors.len().saturating_sub(KEPT));
        Reader {
            lines,
            found: RefCell::new(found),
            uncounted,
            asked: RefCell::new(Vec::new()),
            broken,
        }
    }

    pub(super) fn asked(&self) -> RefMut<'_, Vec<&'static str>> {
        self.asked.borrow_mut()
    }

    /// Reports an error.
    pub fn error(&self, mark: Mark, text: impl Into<String>) {
        if !self.broken.contains(&self.lines.line(mark.0)) {
            self.add(mark, text.into());
        }
    }

    /// Reports that something is missing elsewhere in the file. Where the file is no valid TOML,
    /// it may just not have been understood, so nothing is said then.
    pub fn missing(&self, mark: Mark, text: impl Into<String>) {
        if !self.is_broken() {
            self.error(mark, text);
        }
    }

    /// The line of a place.
    #[must_use]
    pub fn line(&self, mark: Mark) -> usize {
        self.lines.line(mark.0)
    }

    /// A finding that is no error.
    #[must_use]
    pub fn remark(&self, mark: Mark, text: impl Into<String>) -> Finding {
        let (line, column) = self.lines.position(mark.0);
        Finding {
            line,
            column,
            text: text.into(),
        }
    }

    /// Whether more findings would not be shown: hints that cost time are not worth it then.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.borrow().len() >= SHOWN
    }

    /// Whether parts of the file are no TOML.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// The text of the file.
    pub(super) fn text(&self) -> &'t str {
        self.lines.text()
    }

    fn add(&self, mark: Mark, text: String) {
        let mut found = self.found.borrow_mut();
        if found.len() < KEPT {
            found.push((mark, text));
        } else {
            self.uncounted.set(self.uncounted.get().saturating_add(1));
        }
    }

    /// `value`, unless there were errors.
    pub(super) fn finish<T>(self, value: Option<T>) -> Result<T, Vec<Finding>> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        let uncounted = self.uncounted.get();
        if found.is_empty() {
            // A schema that gives nothing has reported why; if not, the file still is not read.
            let silent = || (Mark::START, "this file could not be read".to_owned());
            match value {
                Some(value) if uncounted == 0 => return Ok(value),
                _ => found.push(silent()),
            }
        }
        let more = found.len().saturating_sub(SHOWN).saturating_add(uncounted);
        let mut findings = Vec::with_capacity(found.len().min(SHOWN).saturating_add(1));
        for (mark, text) in found {
            let (line, column) = self.lines.position(mark.0);
            if findings.len() == SHOWN {
                findings.push(Finding {
                    line,
                    column,
                    text: format!("{more} more from here on"),
                });
                break;
            }
            findings.push(Finding { line, column, text });
        }
        Err(findings)
    }
}

//! Reads TOML strictly: every error of a file at once, each with its line and column.
//!
//! A schema is a function over [`Table`] and [`Value`]: it asks for the keys it knows, and whatever
//! it did not ask for is an unknown key. It gives nothing as soon as there is one error: no
//! caller can go on with half a file. Knows TOML and nothing of what the files are about.
#![forbid(unsafe_code)]

mod finding;
mod near;
mod plain;
mod reader;
mod syntax;
mod table;
mod tree;
mod value;
mod whole;

pub use finding::Finding;
pub use near::nearest;
pub use reader::{Mark, Reader};
pub use table::Table;
pub use value::{Value, quoted};

/// Reads `text` by `schema`, which gets the table of the whole file.
///
/// Nesting is bounded by the parser (80 levels); the size of the text is the caller's to bound.
///
/// # Errors
/// All that is wrong with the file, in the order of the text; at most 100 findings and one that
/// counts the rest.
pub fn read<T>(
    text: &str,
    schema: impl FnOnce(&mut Table<'_>) -> Option<T>,
) -> Result<T, Vec<Finding>> {
    let (tree, errors) = match plain::read(text) {
        Some(tree) => (tree, Vec::new()),
        None => whole::read(text),
    };
    let reader = Reader::new(text, &errors);
    let value = table::read_table(tree.root(), Mark::START, "this file", &reader, schema);
    reader.finish(value)
}

/// The text of a file's bytes.
///
/// # Errors
/// One finding at the first byte that is not UTF-8.
pub fn utf8(bytes: &[u8]) -> Result<&str, Vec<Finding>> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let good = String::from_utf8_lossy(good);
        let (line, column) = finding::Lines::new(&good).position(good.len());
        let text = "this is not UTF-8 text: TOML allows no other encoding".to_owned();
        vec![Finding { line, column, text }]
    })
}

#[cfg(test)]
mod agreement_tests;
#[cfg(test)]
mod tests;

//! Reads any TOML there is, and all that is wrong with it.
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, Error};

use super::tree::{Id, Key, Kind, Stretch, Tree};

/// The values of the file as far as it could be read, and what is wrong with it as TOML.
pub(super) fn read(text: &str) -> (Tree<'_>, Vec<Error>) {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut tree = Tree::new(text);
    // There are places for 4 GiB. The callers bound their files to a fraction of that.
    let _ = table(&mut tree, Id::ROOT, root.get_ref(), text);
    (tree, errors)
}

fn table(tree: &mut Tree<'_>, parent: Id, table: &DeTable<'_>, text: &str) -> Option<()> {
    for (key, value) in table {
        let key = self::key(tree, key, text)?;
        add(tree, parent, key, value, text)?;
    }
    Some(())
}

fn key(tree: &mut Tree<'_>, key: &Spanned<DeString<'_>>, text: &str) -> Option<Key> {
    let words: &str = key.get_ref();
    let place = key.span();
    let stretch = Stretch::new(place.start, place.end)?;
    let words = match text.get(place) == Some(words) {
        true => stretch,
        false => tree.keep(words)?,
    };
    Some(Key {
        words,
        start: stretch.start,
    })
}

fn add(
    tree: &mut Tree<'_>,
    parent: Id,
    key: Key,
    value: &Spanned<DeValue<'_>>,
    text: &str,
) -> Option<()> {
    let place = Stretch::new(value.span().start, value.span().end)?;
    let mut content = Stretch::default();
    let kind = match value.get_ref() {
        DeValue::String(string) => {
            content = tree.keep(string)?;
            Kind::String
        }
        DeValue::Integer(_) => Kind::Integer,
        DeValue::Float(_) => Kind::Float,
        DeValue::Boolean(boolean) => Kind::Boolean(*boolean),
        DeValue::Datetime(_) => Kind::Datetime,
        DeValue::Array(_) => Kind::Array,
        DeValue::Table(_) => Kind::Table,
    };
    let id = tree.add(parent, key, place, kind, content)?;
    match value.get_ref() {
        DeValue::Array(array) => {
            for item in array.iter() {
                add(tree, id, Key::default(), item, text)?;
            }
        }
        DeValue::Table(entries) => table(tree, id, entries, text)?,
        _ => {}
    }
    Some(())
}

//! The values of a file, in one block of memory.
//!
//! A file of a megabyte has a hundred thousand values: as maps of strings they would cost ten times the
//! memory, and most of the time that goes into reading the file.
use std::collections::BTreeMap;
use std::ops::Range;

/// What a value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    String,
    Integer,
    Float,
    Boolean(bool),
    Datetime,
    Array,
    Table,
}

/// A stretch of the file, or behind its end of what its escapes stand for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Stretch {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Stretch {
    /// Nothing beyond 4 GiB.
    pub(super) fn new(start: usize, end: usize) -> Option<Stretch> {
        Some(Stretch {
            start: u32::try_from(start).ok()?,
            end: u32::try_from(end).ok()?,
        })
    }

    #[inline(always)]
    pub(super) fn length(self) -> u32 {
        self.end.wrapping_sub(self.start)
    }

    #[inline(always)]
    fn range(self) -> Range<usize> {
        let at = |offset: u32| usize::try_from(offset).unwrap_or(usize::MAX);
        at(self.start)..at(self.end)
    }
}

/// The number of a value; the whole file's table is the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Id(u32);

impl Id {
    pub(super) const ROOT: Id = Id(0);
    /// No value has it: the file's table is in none.
    const NONE: Id = Id::ROOT;

    fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A key: what it says, and where it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Key {
    pub(super) words: Stretch,
    pub(super) start: u32,
}

/// There are many, and each page of them that is new costs as much as a hundred of them.
struct Node {
    /// Where the key starts; its words begin there too, and go on for so many bytes.
    key_start: u32,
    key_length: u16,
    /// Whether they do not: then [`Tree::odd`] has them.
    odd: bool,
    kind: Kind,
    place: Stretch,
    /// A string's text, or a table's or array's first value and last one.
    content: Stretch,
    next: Id,
}

/// A table without anything.
const EMPTY: Node = Node {
    key_start: 0,
    key_length: 0,
    odd: false,
    kind: Kind::Table,
    place: Stretch { start: 0, end: 0 },
    content: Stretch { start: 0, end: 0 },
    next: Id::NONE,
};

/// The values of a file.
pub(super) struct Tree<'t> {
    text: &'t str,
    /// Keys and strings that the file does not hold as they are.
    decoded: String,
    /// The words of keys that do not begin where the key does, by where it does.
    odd: BTreeMap<u32, Stretch>,
    nodes: Vec<Node>,
}

impl<'t> Tree<'t> {
    /// An empty file.
    pub(super) fn new(text: &'t str) -> Tree<'t> {
        Tree {
            text,
            decoded: String::new(),
            odd: BTreeMap::new(),
            nodes: vec![EMPTY],
        }
    }

    /// The table of the whole file.
    pub(super) fn root(&self) -> Item<'_> {
        self.item(Id::ROOT)
    }

    pub(super) fn item(&self, id: Id) -> Item<'_> {
        Item {
            tree: self,
            node: self.nodes.get(id.index()).unwrap_or(&EMPTY),
        }
    }

    /// The values of a table or array with their numbers.
    pub(super) fn values(&self, id: Id) -> impl Iterator<Item = (Id, Item<'_>)> {
        let mut values = self.item(id).values();
        std::iter::from_fn(move || Some((values.next, values.next()?)))
    }

    /// Puts a value behind the others of its table or array. Nothing where there are too many.
    pub(super) fn add(
        &mut self,
        parent: Id,
        key: Key,
        place: Stretch,
        kind: Kind,
        text: Stretch,
    ) -> Option<Id> {
        let id = Id(u32::try_from(self.nodes.len()).ok()?);
        let key_length = u16::try_from(key.words.length()).ok();
        let key_length = key_length.filter(|_| key.words.start == key.start);
        if key_length.is_none() {
            self.odd.insert(key.start, key.words);
        }
        self.nodes.push(Node {
            key_start: key.start,
            key_length: key_length.unwrap_or_default(),
            odd: key_length.is_none(),
            kind,
            place,
            content: text,
            next: Id::NONE,
        });
        let content = &mut self.nodes.get_mut(parent.index())?.content;
        let last = Id(content.end);
        content.end = id.0;
        if last == Id::NONE {
            content.start = id.0;
        } else {
            self.nodes.get_mut(last.index())?.next = id;
        }
        Some(id)
    }

    /// Lets an array that is still open end there.
    pub(super) fn end(&mut self, id: Id, end: u32) {
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.place.end = end;
        }
    }

    /// Takes up text that the file does not hold as it is.
    pub(super) fn keep(&mut self, text: &str) -> Option<Stretch> {
        let start = self.text.len().checked_add(self.decoded.len())?;
        self.decoded.push_str(text);
        Stretch::new(start, start.checked_add(text.len())?)
    }

    /// The same as bytes, which takes no look at where characters begin.
    #[inline(always)]
    pub(super) fn bytes(&self, stretch: Stretch) -> &[u8] {
        match self.text.as_bytes().get(stretch.range()) {
            Some(bytes) => bytes,
            None => self.words(stretch).as_bytes(),
        }
    }

    pub(super) fn words(&self, stretch: Stretch) -> &str {
        let range = stretch.range();
        let of_file = || self.text.get(range.clone());
        let of_decoded = || {
            let start = range.start.checked_sub(self.text.len())?;
            let end = range.end.checked_sub(self.text.len())?;
            self.decoded.get(start..end)
        };
        of_file().or_else(of_decoded).unwrap_or_default()
    }
}

/// A value of a file, with the key that it has in its table.
#[derive(Clone, Copy)]
pub(super) struct Item<'d> {
    tree: &'d Tree<'d>,
    node: &'d Node,
}

impl<'d> Item<'d> {
    pub(super) fn kind(self) -> Kind {
        self.node.kind
    }

    /// Its key; empty in an array.
    pub(super) fn key(self) -> &'d str {
        self.tree.words(self.key_words())
    }

    /// The same as bytes.
    #[inline(always)]
    pub(super) fn key_bytes(self) -> &'d [u8] {
        self.tree.bytes(self.key_words())
    }

    #[inline(always)]
    fn key_words(self) -> Stretch {
        let start = self.node.key_start;
        if self.node.odd {
            return self.tree.odd.get(&start).copied().unwrap_or_default();
        }
        let end = start.saturating_add(u32::from(self.node.key_length));
        Stretch { start, end }
    }

    /// Where its key starts.
    pub(super) fn key_start(self) -> usize {
        usize::try_from(self.node.key_start).unwrap_or(usize::MAX)
    }

    /// Where it is.
    pub(super) fn place(self) -> Range<usize> {
        self.node.place.range()
    }

    pub(super) fn as_str(self) -> Option<&'d str> {
        (self.node.kind == Kind::String).then(|| self.tree.words(self.node.content))
    }

    /// The values of a table or array, in the order in which they were put there.
    #[inline(always)]
    pub(super) fn values(self) -> Values<'d> {
        let first = match self.node.kind {
            Kind::Array | Kind::Table => Id(self.node.content.start),
            _ => Id::NONE,
        };
        Values {
            tree: self.tree,
            next: first,
        }
    }

    /// Whether that is its key.
    #[inline(always)]
    pub(super) fn has_key(self, key: &[u8]) -> bool {
        // Most keys differ in length, and to compare that is quicker than to find the words.
        let words = self.key_words();
        u32::try_from(key.len()) == Ok(words.length()) && self.tree.bytes(words) == key
    }
}

/// Which keys a table may have: what is not among these is not in it, and need not be looked for.
#[derive(Clone, Copy, Default)]
pub(super) struct Keys(u64);

impl Keys {
    /// Takes a key up; whether it may have been there.
    #[inline(always)]
    pub(super) fn add(&mut self, key: &[u8]) -> bool {
        let before = self.may_have(key);
        self.0 |= Keys::mark(key);
        before
    }

    #[inline(always)]
    pub(super) fn may_have(self, key: &[u8]) -> bool {
        self.0 & Keys::mark(key) != 0
    }

    /// One of 64, by length and first letter, in which the keys of most tables differ.
    #[inline(always)]
    fn mark(key: &[u8]) -> u64 {
        let first = key.first().copied().unwrap_or_default();
        let length = u32::try_from(key.len()).unwrap_or_default();
        1_u64.rotate_left(u32::from(first).wrapping_add(length << 4))
    }
}

#[derive(Clone)]
pub(super) struct Values<'d> {
    tree: &'d Tree<'d>,
    next: Id,
}

impl<'d> Iterator for Values<'d> {
    type Item = Item<'d>;

    #[inline(always)]
    fn next(&mut self) -> Option<Item<'d>> {
        if self.next == Id::NONE {
            return None;
        }
        let node = self.tree.nodes.get(self.next.index())?;
        self.next = node.next;
        Some(Item {
            tree: self.tree,
            node,
        })
    }
}

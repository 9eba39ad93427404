//! Reads a file as most are: tables with a name or two, keys with a value or a flat list, no escapes.
//!
//! The words, and what is TOML and what is not, are the same library's as for all other files; only the
//! tables are built here, in one pass and without the library's maps. For whatever goes beyond this, or
//! is wrong, there is no answer, and the library reads the whole file again.
use toml_parser::decoder::{Encoding, IntegerRadix, ScalarKind};
use toml_parser::lexer::{Token, TokenKind};
use toml_parser::parser::{EventReceiver, ValidateWhitespace, parse_document};
use toml_parser::{ErrorSink, ParseError, Raw, Source, Span};

use super::tree::{Id, Item, Key, Keys, Kind, Stretch, Tree};

/// How many tokens are held before they are read up to the end of a statement.
const TOKENS: usize = 1_024;
/// Most keys of a table: whether one is there twice is found by looking at all of them.
const KEYS: usize = 64;

/// The values of a file that is plain and without any error.
pub(super) fn read(text: &str) -> Option<Tree<'_>> {
    let source = Source::new(text);
    let mut builder = Builder::new(text);
    let mut tokens: Vec<Token> = Vec::with_capacity(TOKENS);
    let mut depth = 0_usize;
    let mut lexer = source.lex();
    let mut take = |token: &Option<Token>| -> Option<bool> {
        let Some(token) = token else {
            return Some(false);
        };
        tokens.push(*token);
        match token.kind() {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => {
                depth = depth.saturating_add(1);
            }
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                // One too many is an error of the statement that it is in.
                depth = depth.saturating_sub(1);
            }
            // The end of a line outside of all brackets ends a statement.
            TokenKind::Newline if depth == 0 && tokens.len() >= TOKENS => {
                builder.take(&tokens, source)?;
                tokens.clear();
            }
            _ => {}
        }
        Some(true)
    };
    // Two in turn, each taken once the other has been made: a token that is copied right after the lexer has
    // written it has to be waited for, a tenth of the whole time.
    let mut one = lexer.next();
    loop {
        let other = lexer.next();
        if !take(&one)? {
            break;
        }
        one = lexer.next();
        if !take(&other)? {
            break;
        }
    }
    builder.take(&tokens, source)?;
    (builder.at == At::Line).then_some(builder.tree)
}

/// What the next event belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum At {
    /// A statement begins.
    Line,
    /// Between the brackets of a table's or a table list's name.
    Header { list: bool, start: u32 },
    /// Behind a key.
    Key(Key),
    /// In a list of values.
    List(Id),
}

struct Builder<'t> {
    tree: Tree<'t>,
    text: &'t str,
    at: At,
    /// The keys of the header that is being read.
    names: Vec<Key>,
    /// The table that keys are put into, and those that it has.
    table: Id,
    keys: Keys,
    /// Whether there was anything that is not for here.
    beyond: bool,
}

/// Takes any error down as one.
struct Refusal(bool);

impl ErrorSink for Refusal {
    fn report_error(&mut self, _: ParseError) {
        self.0 = true;
    }
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Builder<'t> {
        Builder {
            tree: Tree::new(text),
            text,
            at: At::Line,
            names: Vec::new(),
            table: Id::ROOT,
            keys: Keys::default(),
            beyond: false,
        }
    }

    fn take(&mut self, tokens: &[Token], source: Source<'_>) -> Option<()> {
        let mut refusal = Refusal(false);
        parse_document(
            tokens,
            &mut ValidateWhitespace::new(self, source),
            &mut refusal,
        );
        (!self.beyond && !refusal.0).then_some(())
    }

    /// Whatever is not done is beyond this.
    #[inline(always)]
    fn expect(&mut self, done: Option<()>) {
        if done.is_none() {
            self.beyond = true;
        }
    }

    fn open(&mut self, list: bool, span: Span) -> Option<()> {
        if self.at != At::Line {
            return None;
        }
        self.names.clear();
        self.at = At::Header {
            list,
            start: stretch(span)?.start,
        };
        Some(())
    }

    fn close(&mut self, list: bool, span: Span) -> Option<()> {
        let At::Header {
            list: opened,
            start,
        } = self.at
        else {
            return None;
        };
        let place = Stretch {
            start,
            end: stretch(span)?.end,
        };
        self.at = At::Line;
        if list != opened {
            return None;
        }
        self.keys = Keys::default();
        self.table = match (self.names.as_slice(), list) {
            (&[name], false) => self.put(Id::ROOT, name, place, Kind::Table)?,
            (&[outer, name], false) => {
                let parent = match self.find(Id::ROOT, outer)? {
                    // A table without a header of its own is where its name stands first.
                    None => self.put(Id::ROOT, outer, outer.words, Kind::Table)?,
                    Some((table, item)) if item.kind() == Kind::Table => table,
                    Some(_) => return None,
                };
                self.put(parent, name, place, Kind::Table)?
            }
            (&[name], true) => {
                let array = match self.find(Id::ROOT, name)? {
                    None => self.put(Id::ROOT, name, place, Kind::Array)?,
                    Some((array, item)) if is_list_of_tables(item) => array,
                    Some(_) => return None,
                };
                self.tree.add(
                    array,
                    Key::default(),
                    place,
                    Kind::Table,
                    Stretch::default(),
                )?
            }
            _ => return None,
        };
        Some(())
    }

    #[inline(always)]
    fn key(&mut self, span: Span, encoding: Option<Encoding>) -> Option<()> {
        if encoding.is_some() {
            return None;
        }
        let name = self.text.as_bytes().get(span.start()..span.end())?;
        let bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.is_empty() || !name.iter().all(bare) {
            return None;
        }
        let words = stretch(span)?;
        let key = Key {
            words,
            start: words.start,
        };
        match self.at {
            At::Header { .. } => self.names.push(key),
            At::Line => self.at = At::Key(key),
            At::Key(_) | At::List(_) => return None,
        }
        Some(())
    }

    #[inline(always)]
    fn value(&mut self, span: Span, encoding: Option<Encoding>) -> Option<()> {
        let mut refusal = Refusal(false);
        let mut words = "";
        let raw = self.raw(span, encoding)?;
        // Where more than one piece makes up the text, the words cannot be lent, and that is an error here.
        let kind = raw.decode_scalar(&mut words, &mut refusal);
        if refusal.0 {
            return None;
        }
        let place = stretch(span)?;
        let mut content = Stretch::default();
        let kind = match (kind, encoding) {
            (ScalarKind::String, Some(Encoding::BasicString | Encoding::LiteralString)) => {
                content = Stretch::new(span.start().checked_add(1)?, span.end().checked_sub(1)?)?;
                // Lent from the file, as it has it between the quotes, or it is not plain.
                let plain = self.tree.bytes(content);
                if !std::ptr::eq(plain, words.as_bytes()) {
                    return None;
                }
                Kind::String
            }
            (ScalarKind::Integer(IntegerRadix::Dec), None) => Kind::Integer,
            (ScalarKind::Boolean(boolean), None) => Kind::Boolean(boolean),
            _ => return None,
        };
        match self.at {
            At::Key(key) => {
                self.put_here(key, place, kind, content)?;
                self.at = At::Line;
            }
            At::List(list) => {
                self.tree.add(list, Key::default(), place, kind, content)?;
            }
            At::Line | At::Header { .. } => return None,
        }
        Some(())
    }

    fn list(&mut self, span: Span) -> Option<()> {
        let At::Key(key) = self.at else { return None };
        let place = stretch(span)?;
        self.at = At::List(self.put_here(key, place, Kind::Array, Stretch::default())?);
        Some(())
    }

    fn list_end(&mut self, span: Span) -> Option<()> {
        let At::List(list) = self.at else { return None };
        self.tree.end(list, stretch(span)?.end);
        self.at = At::Line;
        Some(())
    }

    /// Puts a value into the table that is being read, where nothing has that key yet.
    #[inline(always)]
    fn put_here(&mut self, key: Key, place: Stretch, kind: Kind, text: Stretch) -> Option<Id> {
        if self.keys.add(self.tree.bytes(key.words)) {
            self.unique(self.table, key)?;
        }
        self.tree.add(self.table, key, place, kind, text)
    }

    /// Puts a table or a list of tables where nothing has that key yet.
    fn put(&mut self, parent: Id, key: Key, place: Stretch, kind: Kind) -> Option<Id> {
        self.unique(parent, key)?;
        self.tree.add(parent, key, place, kind, Stretch::default())
    }

    fn unique(&self, table: Id, key: Key) -> Option<()> {
        self.find(table, key)?.is_none().then_some(())
    }

    /// What has that key there; no answer where there are too many to look through.
    fn find(&self, table: Id, key: Key) -> Option<Option<(Id, Item<'_>)>> {
        let words = self.tree.bytes(key.words);
        for (number, (id, value)) in self.tree.values(table).enumerate() {
            if number == KEYS {
                return None;
            }
            if value.has_key(words) {
                return Some(Some((id, value)));
            }
        }
        Some(None)
    }

    #[inline(always)]
    fn raw(&self, span: Span, encoding: Option<Encoding>) -> Option<Raw<'t>> {
        let text = self.text.get(span.start()..span.end())?;
        Some(Raw::new_unchecked(text, encoding, span))
    }
}

#[inline(always)]
fn stretch(span: Span) -> Option<Stretch> {
    Stretch::new(span.start(), span.end())
}

/// Only the headers of tables put tables into a list here.
fn is_list_of_tables(list: Item<'_>) -> bool {
    let first = list.values().next();
    list.kind() == Kind::Array && first.is_some_and(|first| first.kind() == Kind::Table)
}

impl EventReceiver for Builder<'_> {
    fn std_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        let done = self.open(false, span);
        self.expect(done);
    }

    fn std_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        let done = self.close(false, span);
        self.expect(done);
    }

    fn array_table_open(&mut self, span: Span, _: &mut dyn ErrorSink) {
        let done = self.open(true, span);
        self.expect(done);
    }

    fn array_table_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        let done = self.close(true, span);
        self.expect(done);
    }

    fn inline_table_open(&mut self, _: Span, _: &mut dyn ErrorSink) -> bool {
        self.beyond = true;
        false
    }

    fn array_open(&mut self, span: Span, _: &mut dyn ErrorSink) -> bool {
        let done = self.list(span);
        self.expect(done);
        done.is_some()
    }

    fn array_close(&mut self, span: Span, _: &mut dyn ErrorSink) {
        let done = self.list_end(span);
        self.expect(done);
    }

    fn simple_key(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        let done = self.key(span, encoding);
        self.expect(done);
    }

    fn scalar(&mut self, span: Span, encoding: Option<Encoding>, _: &mut dyn ErrorSink) {
        let done = self.value(span, encoding);
        self.expect(done);
    }

    fn error(&mut self, _: Span, _: &mut dyn ErrorSink) {
        self.beyond = true;
    }
}

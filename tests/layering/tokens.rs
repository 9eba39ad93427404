//! Splits Rust into tokens, as far as the layers need it: comments and literals must not count.

/// A piece of code. Comments are gone, literals are empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) line: usize,
    /// Whether it belongs to an item under `#[cfg(test)]`.
    pub(crate) test: bool,
}

impl Token {
    /// Whether it can be part of a path.
    pub(crate) fn is_ident(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
            && !KEYWORDS.contains(&self.text.as_str())
    }
}

/// Words that can stand before a path without being part of it.
const KEYWORDS: &[&str] = &[
    "as", "break", "const", "dyn", "else", "enum", "extern", "fn", "for", "if", "impl", "in",
    "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct",
    "trait", "type", "unsafe", "use", "where", "while",
];

/// Splits a text into identifiers, `::`, and single signs; every literal becomes `"`.
pub(crate) fn tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let char_at = |at: usize| chars.get(at).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut tokens, mut at, mut line) = (Vec::new(), 0, 1);
    while at < chars.len() {
        let start = at;
        let token = match (char_at(at), char_at(at + 1)) {
            ('/', '/') => {
                at = find(&chars, at, '\n');
                None
            }
            ('/', '*') => {
                at = block_comment_end(&chars, at);
                None
            }
            (c, _) if c.is_whitespace() => {
                at += 1;
                None
            }
            ('"', _) => {
                at = string_end(&chars, at + 1);
                Some("\"".to_owned())
            }
            // A lifetime or label, not a character: 'a but not 'a'.
            ('\'', c) if is_word(c) && char_at(at + 2) != '\'' => {
                at += 1;
                while is_word(char_at(at)) {
                    at += 1;
                }
                Some("'".to_owned())
            }
            ('\'', c) => {
                at = find(&chars, if c == '\\' { at + 3 } else { at + 2 }, '\'') + 1;
                Some("\"".to_owned())
            }
            (':', ':') => {
                at += 2;
                Some("::".to_owned())
            }
            (c, _) if is_word(c) => {
                while is_word(char_at(at)) {
                    at += 1;
                }
                let word: String = chars[start..at].iter().collect();
                match literal_end(&chars, at, &word) {
                    Some(end) => {
                        at = end;
                        Some("\"".to_owned())
                    }
                    // `r#type`: the name follows as a word of its own.
                    None if word == "r" && char_at(at) == '#' && is_word(char_at(at + 1)) => {
                        at += 1;
                        None
                    }
                    None => Some(word),
                }
            }
            (c, _) => {
                at += 1;
                Some(c.to_string())
            }
        };
        if let Some(text) = token {
            tokens.push(Token {
                text,
                line,
                test: false,
            });
        }
        at = at.min(chars.len());
        line += chars[start..at].iter().filter(|c| **c == '\n').count();
    }
    tokens
}

/// The end of a literal with the prefix `word`: `b"x"`, `b'x'`, `r#"x"#`, `cr"x"`.
fn literal_end(chars: &[char], at: usize, word: &str) -> Option<usize> {
    let hashes = chars[at..].iter().take_while(|c| **c == '#').count();
    match (word, chars.get(at + hashes)) {
        ("b", Some('\'')) if hashes == 0 => {
            let escaped = chars.get(at + 1) == Some(&'\\');
            Some(find(chars, if escaped { at + 3 } else { at + 2 }, '\'') + 1)
        }
        ("b" | "c", Some('"')) if hashes == 0 => Some(string_end(chars, at + 1)),
        ("r" | "br" | "cr", Some('"')) => {
            let mut end = at + hashes + 1;
            while end < chars.len() {
                let closing = chars[end + 1..]
                    .iter()
                    .take(hashes)
                    .filter(|c| **c == '#')
                    .count();
                if chars[end] == '"' && closing == hashes {
                    return Some(end + 1 + hashes);
                }
                end += 1;
            }
            Some(end)
        }
        _ => None,
    }
}

fn find(chars: &[char], from: usize, wanted: char) -> usize {
    (from..chars.len())
        .find(|at| chars[*at] == wanted)
        .unwrap_or(chars.len())
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    at + 1
}

fn block_comment_end(chars: &[char], mut at: usize) -> usize {
    let mut depth = 0;
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

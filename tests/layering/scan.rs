//! Reads source files and finds the paths that are named in them.
use std::fs;
use std::path::Path;

use crate::tokens::{Token, tokenize};

/// A path as it is written, with groups resolved: `use a::{b, c::D}` is two of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Named {
    pub(crate) segments: Vec<String>,
    /// The module it stands in.
    pub(crate) module: Vec<String>,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// A source file.
pub(crate) struct Source {
    /// For messages: `src/model/vmid.rs`.
    pub(crate) file: String,
    /// The folder or file below `src` that it belongs to; `lib` for the root.
    pub(crate) module: String,
    /// Where its items are: `["model", "vmid"]`.
    pub(crate) path: Vec<String>,
    pub(crate) first_line: String,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    /// Reads one file; `file` is its path below `src`, with slashes.
    pub(crate) fn new(file: &str, text: &str) -> Source {
        let mut path: Vec<String> = file
            .trim_end_matches(".rs")
            .split('/')
            .map(str::to_owned)
            .collect();
        let module = path[0].clone();
        match path.last().map(String::as_str) {
            Some("mod") => drop(path.pop()),
            // The root of the library or of a program.
            Some("lib" | "main") => path.clear(),
            _ => {}
        }
        let mut tokens = tokenize(text);
        mark_tests(&mut tokens);
        Source {
            file: format!("src/{file}"),
            module,
            path,
            first_line: text.lines().next().unwrap_or_default().to_owned(),
            tokens,
        }
    }

    /// Reads every file below a folder. A file that only a test module declares is test code.
    pub(crate) fn tree(root: &Path) -> Vec<Source> {
        let mut sources = Vec::new();
        let mut folders = vec![root.to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    let name = path.strip_prefix(root).unwrap().to_str().unwrap();
                    sources.push(Source::new(name, &fs::read_to_string(&path).unwrap()));
                }
            }
        }
        sources.sort_by(|a, b| a.file.cmp(&b.file));
        let test_modules: Vec<_> = sources.iter().flat_map(Source::test_modules).collect();
        for source in &mut sources {
            if test_modules
                .iter()
                .any(|module| source.path.starts_with(module))
            {
                source.tokens.iter_mut().for_each(|token| token.test = true);
            }
        }
        sources
    }

    /// The modules with a file of their own (`mod x;`) that are declared under `#[cfg(test)]`.
    fn test_modules(&self) -> Vec<Vec<String>> {
        let declared = self
            .tokens
            .windows(3)
            .filter(|tokens| tokens[0].test && tokens[0].text == "mod" && tokens[2].text == ";");
        declared
            .map(|tokens| [self.path.clone(), vec![tokens[1].text.clone()]].concat())
            .collect()
    }

    /// Every path in the file.
    pub(crate) fn names(&self) -> Vec<Named> {
        let mut names = Vec::new();
        let mut module = self.path.clone();
        let mut depth = 0_usize;
        let mut inline: Vec<usize> = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            match self.text(at) {
                "{" => depth += 1,
                "}" => {
                    if inline.last() == Some(&depth) {
                        inline.pop();
                        module.pop();
                    }
                    depth = depth.saturating_sub(1);
                }
                "mod" if self.text(at + 2) == "{" => {
                    module.push(self.text(at + 1).to_owned());
                    inline.push(depth + 1);
                    at += 1;
                }
                _ if self.starts_path(at) => {
                    at = self.walk(at, &[], &module, &mut names);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        names
    }

    pub(crate) fn text(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.text.as_str())
    }

    /// Whether a path starts here: an identifier that is neither a field, nor a later segment.
    fn starts_path(&self, at: usize) -> bool {
        let before = |distance: usize| at.checked_sub(distance).map(|at| &self.tokens[at]);
        let is = |token: Option<&Token>, text: &str| token.is_some_and(|token| token.text == text);
        // `use ::std` starts a path after the sign, `a::std` and `<T>::std` go on.
        let goes_on =
            is(before(1), "::") && before(2).is_some_and(|t| t.is_ident() || t.text == ">");
        self.tokens[at].is_ident() && !is(before(1), ".") && !goes_on
    }

    /// Follows a path and its groups, notes what is named, and returns where the path ends.
    fn walk(
        &self,
        mut at: usize,
        prefix: &[String],
        module: &[String],
        names: &mut Vec<Named>,
    ) -> usize {
        let mut segments = prefix.to_vec();
        let (line, test) = (self.tokens[at].line, self.tokens[at].test);
        loop {
            match self.text(at) {
                "{" => {
                    at += 1;
                    while !matches!(self.text(at), "}" | "") {
                        at = if self.text(at) == "," {
                            at + 1
                        } else {
                            self.walk(at, &segments, module, names)
                        };
                    }
                    return at + 1;
                }
                "*" => {
                    segments.push("*".to_owned());
                    at += 1;
                    break;
                }
                "::" => at += 1,
                _ if self.tokens.get(at).is_some_and(Token::is_ident) => {
                    segments.push(self.text(at).to_owned());
                    at += 1;
                    if self.text(at) != "::" {
                        break;
                    }
                }
                _ if at < self.tokens.len() && segments.len() == prefix.len() => {
                    at += 1;
                    break;
                }
                _ => break,
            }
        }
        // `use std as s`: the whole of `std` may be meant by `s`.
        let renamed = self.text(at) == "as";
        if renamed && segments.len() == 1 {
            segments.push("*".to_owned());
        }
        let mut note = |segments| {
            names.push(Named {
                segments,
                module: module.to_vec(),
                line,
                test,
            });
        };
        // A macro counts by its last name: `std::println!` is `println!`.
        if self.text(at) == "!" && self.text(at + 1) != "=" {
            note(
                segments
                    .last()
                    .map(|name| format!("{name}!"))
                    .into_iter()
                    .collect(),
            );
        }
        note(segments);
        // In a group, the new name is not a path.
        if renamed && !prefix.is_empty() {
            at + 2
        } else {
            at
        }
    }
}

/// Marks the items under `#[cfg(test)]`, or all of a file with `#![cfg(test)]`.
fn mark_tests(tokens: &mut [Token]) {
    let matches = |tokens: &[Token], at: usize, wanted: &[&str]| {
        wanted
            .iter()
            .enumerate()
            .all(|(n, text)| tokens.get(at + n).is_some_and(|t| t.text == *text))
    };
    for at in 0..tokens.len() {
        if matches(tokens, at, &["#", "!", "[", "cfg", "(", "test", ")", "]"]) {
            tokens.iter_mut().for_each(|token| token.test = true);
        } else if matches(tokens, at, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            let end = item_end(tokens, at + 7);
            tokens[at..end]
                .iter_mut()
                .for_each(|token| token.test = true);
        }
    }
}

/// Where the item that starts at `from` (perhaps with more attributes) is over.
fn item_end(tokens: &[Token], from: usize) -> usize {
    let mut depth = 0_i32;
    let mut import = false;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.text.as_str() {
            "use" if depth == 0 => import = true,
            "(" | "[" | "{" => depth += 1,
            ")" | "]" => depth -= 1,
            "}" => {
                depth -= 1;
                if depth == 0 && !import {
                    return at + 1;
                }
            }
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        if depth < 0 {
            return at;
        }
    }
    tokens.len()
}

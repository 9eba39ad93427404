//! The rules themselves: each gives a sentence, with file and line, for everything against it.
use crate::scan::{Named, Source};

/// A table of modules and what each may use.
type Table = [(&'static str, &'static [&'static str])];

/// Where the tables are, for the messages.
const HERE: &str = "tests/layering.rs";

/// The module of the crate's root that a path names, if it does: `Some("*")` for all of them.
fn root_module(named: &Named) -> Option<&str> {
    let segments: Vec<&str> = named.segments.iter().map(String::as_str).collect();
    let rest = match segments.first()? {
        // A lone `crate` is a visibility.
        &"crate" | &"time_shift" if segments.len() > 1 => &segments[1..],
        &"self" | &"super" => {
            let up = segments
                .iter()
                .take_while(|s| matches!(**s, "self" | "super"))
                .count();
            let supers = segments[..up]
                .iter()
                .filter(|segment| **segment == "super")
                .count();
            let stays = named.module.len().saturating_sub(supers);
            match (stays, supers) {
                (0, 1..) => &segments[up..],
                _ => return None,
            }
        }
        _ => return None,
    };
    match rest.first() {
        None | Some(&"self") => Some("*"),
        Some(name) => Some(name),
    }
}

/// Modules use only what the table lets them, in tests too.
pub(crate) fn layers(source: &Source, table: &Table) -> Vec<String> {
    if source.module == "lib" {
        return Vec::new();
    }
    let (file, module) = (&source.file, source.module.as_str());
    let Some((_, may)) = table.iter().find(|(name, _)| *name == module) else {
        return vec![format!(
            "{file}:1: the module `{module}` is not in the table: add it to MODULES in {HERE}, \
             below everything it may use"
        )];
    };
    let mut violations = Vec::new();
    for named in source.names() {
        let line = named.line;
        match root_module(&named) {
            Some("*") => violations.push(format!(
                "{file}:{line}: this names the crate's root as a whole: name the module instead"
            )),
            Some(used) if !table.iter().any(|(name, _)| *name == used) => {
                violations.push(format!(
                    "{file}:{line}: `{used}` is not a module in the table: name things by their \
                     module, or add it to MODULES in {HERE} with what it may use"
                ));
            }
            Some(used) if used != module && !may.contains(&used) => violations.push(format!(
                "{file}:{line}: `{module}` must not use `{used}` (it may use: {}): move the code, \
                 or change MODULES in {HERE}",
                if may.is_empty() {
                    "nothing".to_owned()
                } else {
                    may.join(" ")
                }
            )),
            _ => {}
        }
    }
    // A group names the same module once for each of its members.
    violations.dedup();
    for (at, token) in source.tokens.iter().enumerate() {
        let next = source.text(at + 1);
        let hidden = (token.text == "include" && next == "!")
            || (token.text == "path" && next == "=" && at > 1 && source.text(at - 2) == "#");
        if hidden || (token.text == "extern" && next == "crate") {
            let line = token.line;
            violations.push(format!(
                "{file}:{line}: `include!`, `#[path]` and `extern crate` hide what a module uses: \
                 declare the module where it is"
            ));
        }
    }
    violations
}

/// The table names each module once, and only modules that stand above.
pub(crate) fn table(table: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    for (at, (module, may)) in table.iter().enumerate() {
        let above = &table[..at];
        if above.iter().any(|(name, _)| name == module) {
            violations.push(format!("{HERE}: `{module}` is in MODULES twice"));
        }
        for used in *may {
            if !above.iter().any(|(name, _)| name == used) {
                violations.push(format!(
                    "{HERE}: `{module}` may use `{used}`, which does not stand above it in MODULES: \
                     a cycle, or the wrong order"
                ));
            }
        }
    }
    violations
}

/// None of `forbidden` is named outside of tests. The module above a forbidden item may not be
/// taken in whole either (`use std::time;`, `use std::*;`), or the item could be named unseen.
pub(crate) fn forbidden(source: &Source, forbidden: &[&str], why: &str) -> Vec<String> {
    let mut violations = Vec::new();
    for named in source.names().iter().filter(|named| !named.test) {
        let whole = named.segments.len() > 1;
        let path: Vec<&str> = named
            .segments
            .iter()
            .map(String::as_str)
            .filter(|s| !matches!(*s, "*" | "self"))
            .collect();
        for name in forbidden {
            let wanted: Vec<&str> = name.split("::").collect();
            if path.starts_with(&wanted) || (whole && !path.is_empty() && wanted.starts_with(&path))
            {
                let written = named.segments.join("::");
                let (file, line) = (&source.file, named.line);
                violations.push(format!(
                    "{file}:{line}: `{written}` gives `{}` the use of `{name}`: {why}",
                    source.module
                ));
            }
        }
    }
    violations
}

/// `unsafe` stands in one module only, and every other one forbids it.
pub(crate) fn unsafe_code(source: &Source, allowed: &str) -> Vec<String> {
    if source.module == allowed {
        return Vec::new();
    }
    let file = &source.file;
    let mut violations: Vec<String> = source
        .tokens
        .iter()
        .filter(|token| token.text == "unsafe")
        .map(|token| {
            format!(
                "{file}:{}: `unsafe` belongs in src/{allowed} only: move it there",
                token.line
            )
        })
        .collect();
    let is_root = source.path.len() == 1 && source.path[0] == source.module;
    let forbids = ["#", "!", "[", "forbid", "(", "unsafe_code", ")", "]"];
    let mut windows = source.tokens.windows(forbids.len());
    if is_root && !windows.any(|window| window.iter().map(|token| token.text.as_str()).eq(forbids))
    {
        violations.push(format!(
            "{file}:1: add `#![forbid(unsafe_code)]` at the top"
        ));
    }
    violations
}

/// The first line says what the file is for.
pub(crate) fn header(source: &Source) -> Vec<String> {
    if source
        .first_line
        .strip_prefix("//!")
        .is_some_and(|rest| !rest.trim().is_empty())
    {
        return Vec::new();
    }
    vec![format!(
        "{}:1: the first line must be `//!` and say what the file is for",
        source.file
    )]
}

//! VMIDs taken out of, and put into, a list as somebody has laid it out.
//!
//! What stands between two entries belongs to the second one, after the last one to the list. So a
//! comment behind an entry belongs, for the parser, to the next; none is lost here.
use toml_edit::{Array, Decor, RawString, Value};

use crate::model::VmId;

/// Puts a VMID at the end.
pub(super) fn add(list: &mut Array, vmid: VmId) {
    let trailing = text(Some(list.trailing()));
    let last = list
        .get(list.len().saturating_sub(1))
        .map_or_else(String::new, |last| text(last.decor().prefix()));
    let (before, after) = match (trailing.rfind('\n'), last.rfind('\n')) {
        // A comment behind the last entry stays there.
        (Some(end), _) if trailing.contains('#') => (
            format!("{}{}", before_indent(&trailing, end), indent(&last)),
            format!("\n{}", indent(&trailing)),
        ),
        (_, Some(_)) => (format!("\n{}", indent(&last)), trailing),
        _ if list.is_empty() => (String::new(), trailing),
        _ => (" ".to_owned(), trailing),
    };
    list.set_trailing(after);
    list.push_formatted(number(vmid).decorated(before, ""));
}

/// Takes a VMID out; false where it is in no entry.
pub(super) fn remove(list: &mut Array, vmid: VmId) -> bool {
    let holds = |value: &Value| {
        ends(value).is_some_and(|(first, last)| (first..=last).contains(&vmid.get()))
    };
    let Some(at) = list.iter().position(holds) else {
        return false;
    };
    let Some((first, last)) = list.get(at).and_then(ends) else {
        return false;
    };
    let below = range(first, vmid.get().saturating_sub(1));
    let above = range(vmid.get().saturating_add(1), last);
    match (below, above) {
        (None, None) => drop_entry(list, at),
        (Some(one), None) | (None, Some(one)) => put(list, at, one),
        (Some(below), Some(above)) => {
            let prefix = list
                .get(at)
                .map_or_else(String::new, |value| text(value.decor().prefix()));
            let between = match prefix.rfind('\n') {
                Some(_) => format!("\n{}", indent(&prefix)),
                None => " ".to_owned(),
            };
            // A comment before a comma stays before the comma.
            let suffix = list
                .get(at)
                .map_or_else(String::new, |value| text(value.decor().suffix()));
            put(list, at, below);
            if let Some(value) = list.get_mut(at) {
                value.decor_mut().set_suffix("");
            }
            list.insert_formatted(at.saturating_add(1), above.decorated(between, suffix));
        }
    }
    true
}

/// Writes an entry over another.
fn put(list: &mut Array, at: usize, mut value: Value) {
    if let Some(old) = list.get_mut(at) {
        *value.decor_mut() = old.decor().clone();
        *old = value;
    }
}

/// Removes an entry; comments around it stay.
fn drop_entry(list: &mut Array, at: usize) {
    let removed = list.remove(at);
    let (own, behind) = parts(removed.decor());
    let kept = |next: String| match (
        own.contains('#') || behind.contains('#'),
        next.contains('#'),
    ) {
        (true, true) => format!("{own}{behind}{next}"),
        (true, false) => format!("{own}{behind}"),
        // The first entry of a list has no blank before it.
        (false, false) if at == 0 => own.clone(),
        (false, _) => next,
    };
    match list.get_mut(at) {
        Some(next) => {
            let prefix = kept(text(next.decor().prefix()));
            next.decor_mut().set_prefix(prefix);
        }
        None => {
            let trailing = text(Some(list.trailing()));
            let has_comment = own.contains('#') || behind.contains('#');
            if has_comment {
                list.set_trailing(format!("{own}{behind}{trailing}"));
            }
        }
    }
}

fn parts(decor: &Decor) -> (String, String) {
    (text(decor.prefix()), text(decor.suffix()))
}

fn text(raw: Option<&RawString>) -> String {
    raw.and_then(RawString::as_str)
        .unwrap_or_default()
        .to_owned()
}

/// What stands before the first character of the last line.
fn indent(text: &str) -> String {
    let last = text.rsplit('\n').next().unwrap_or_default();
    last.chars().take_while(|c| c.is_whitespace()).collect()
}

/// The text up to and with the newline at `end`.
fn before_indent(text: &str, end: usize) -> &str {
    text.get(..=end).unwrap_or_default()
}

/// The first and last VMID of an entry.
fn ends(value: &Value) -> Option<(u32, u32)> {
    if let Some(number) = value.as_integer() {
        let number = u32::try_from(number).ok()?;
        return Some((number, number));
    }
    let (first, last) = value.as_str()?.split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

fn range(first: u32, last: u32) -> Option<Value> {
    match first.cmp(&last) {
        std::cmp::Ordering::Less => Some(Value::from(format!("{first}-{last}"))),
        std::cmp::Ordering::Equal => Some(Value::from(i64::from(first))),
        std::cmp::Ordering::Greater => None,
    }
}

/// A VMID as an entry.
pub(super) fn number(vmid: VmId) -> Value {
    Value::from(i64::from(vmid.get()))
}

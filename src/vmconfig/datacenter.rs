//! The one thing that datacenter.cfg decides: which tags only privileged users may set.
use super::values::{MOST_TAGS, trim};
use crate::model::Tag;

/// Reads `registered-tags` as `parse_config` of pve-common does: `key: value` lines, `#` comments,
/// the last line of a key counts.
///
/// Stricter than the tags of a VM: where Proxmox VE finds the list malformed (an invalid tag,
/// another separator than `;`) it ignores all of it, so then every user can set those tags and
/// none may pass for registered.
#[must_use]
pub fn parse_registered_tags(bytes: &[u8]) -> Vec<Tag> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| trim(line).strip_prefix(b"registered-tags:"))
        .next_back()
        .and_then(|value| std::str::from_utf8(trim(value)).ok())
        .and_then(list)
        .unwrap_or_default()
}

/// `(?:TAG;)*TAG`. A tag longer than ours may be is valid there but cannot be met here.
fn list(value: &str) -> Option<Vec<Tag>> {
    let mut tags = Vec::new();
    for part in value.split(';') {
        match Tag::parse(part) {
            Ok(tag) if tags.len() < MOST_TAGS => tags.push(tag),
            Ok(_) => {}
            Err(_) if is_long_tag(part) => {}
            Err(_) => return None,
        }
    }
    Some(tags)
}

/// Whether only its length keeps the text from being a tag.
fn is_long_tag(text: &str) -> bool {
    // A piece of a tag with a letter before it is a tag: so each piece is checked by that rule.
    text.get(..1).is_some_and(|first| Tag::parse(first).is_ok())
        && text.chars().all(|c| Tag::parse(&format!("x{c}")).is_ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn names(text: &str) -> String {
        let tags = parse_registered_tags(text.as_bytes());
        tags.iter().map(Tag::as_str).collect::<Vec<_>>().join("|")
    }

    #[test]
    fn the_registered_tags_are_found_among_the_other_settings() {
        let text = "#registered-tags: no\nkeyboard: de\nmac_prefix: BC:24:11\n\
                    registered-tags: ts-idrac-2016;prod;B.1\ntag-style: shape=full\n";
        assert_eq!(names(text), "ts-idrac-2016|prod|B.1");
        assert_eq!(names(&text.replace('\n', "\r\n")), "ts-idrac-2016|prod|B.1");
        assert_eq!(names("  registered-tags:a"), "a");
        assert_eq!(names("keyboard: de\n"), "");
        assert_eq!(names(""), "");
    }

    #[test]
    fn a_list_that_proxmox_ignores_registers_nothing() {
        for bad in [
            "a,b", "a b", "a;", ";a", "a;;b", "-a;b", "a!;b", "", "a;\u{e4}",
        ] {
            assert_eq!(names(&format!("registered-tags: {bad}\n")), "", "{bad}");
        }
        assert_eq!(names("registered-tags: a\nregistered-tags: b,\n"), "");
        assert_eq!(names("registered-tags : a\n"), "");
    }

    #[test]
    fn a_tag_that_is_only_too_long_for_us_does_not_hide_the_others() {
        assert_eq!(
            names(&format!("registered-tags: a;{};b", "x".repeat(500))),
            "a|b"
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse_registered_tags(&bytes);
            let _ = parse_registered_tags(&[b"registered-tags: ", bytes.as_slice()].concat());
        }
    }
}

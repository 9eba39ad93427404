//! The hookscript's copy in a storage: what it is called and how it is known.

/// What is copied. The package has the same text in /usr/share/time-shift.
pub(super) const TEXT: &str = include_str!("../../hooks/time-shift");
/// The copy's name.
pub(super) const NAME: &str = "time-shift";
/// Largest file that is looked at, in bytes.
pub(super) const LIMIT: usize = 64 * 1024;
/// How a file is known for a copy; what follows is the version.
const MARK: &str = "\n# time-shift snippet, version ";
/// The line that `--strict` changes, and what it becomes.
const STRICT: (&str, &str) = ("\nwithout=start\n", "\nwithout=block\n");

/// What is copied with `--strict`.
pub(super) fn strict() -> String {
    TEXT.replacen(STRICT.0, STRICT.1, 1)
}

/// Whether a file is a copy, of whichever version.
pub(super) fn is_copy(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).contains(MARK)
}

/// The version of what is copied.
pub(super) fn version() -> Option<u32> {
    let (_, rest) = TEXT.split_once(MARK)?;
    rest.split(':').next()?.trim().parse().ok()
}

/// The copy in a storage as Proxmox VE names it.
pub(super) fn volume(storage: &str) -> String {
    format!("{storage}:snippets/{NAME}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snippet_has_the_mark_and_the_line_that_strict_changes() {
        assert_eq!(TEXT.matches(MARK).count(), 1);
        assert_eq!(TEXT.matches(STRICT.0).count(), 1);
    }
}

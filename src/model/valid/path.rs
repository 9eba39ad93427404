//! Paths and file names.

use crate::model::names::name_type;

/// Bytes of a path, its end included (`PATH_MAX`, path_resolution(7)).
const PATH_CAP: usize = 4_095;
/// Bytes of a name in a folder (`NAME_MAX`).
const NAME_CAP: usize = 255;

/// Control characters are allowed by the system, and by nobody who has to read a line about them.
fn is_part(part: &str) -> bool {
    (1..=NAME_CAP).contains(&part.len())
        && !matches!(part, "." | "..")
        && !part.contains(char::is_control)
}

name_type!(
    /// A path that says one place only: absolute, no `.`, no `..`, nothing empty between its slashes and
    /// none at its end, no NUL, no other control character (path_resolution(7)).
    AbsolutePath,
    |text| {
        text.len() <= PATH_CAP
            && text
                .strip_prefix('/')
                .is_some_and(|rest| rest.split('/').all(is_part))
    },
    "a path is absolute and plain: it starts with `/`, has no `.`, `..`, `//` or control character in it and no `/` at its end"
);

name_type!(
    /// A file's name: no slash, neither `.` nor `..`, not like an option, no control character.
    FileName,
    |text| is_part(text) && !text.contains('/') && !text.starts_with('-'),
    "a file's name has 1 to 255 bytes without `/` and control characters, is neither `.` nor `..` and does not start with `-`"
);

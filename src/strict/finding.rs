//! What is wrong in a file, and in which line and column.
use std::cell::{Cell, OnceCell};
use std::fmt;

/// Something in a file that the operator has to look at.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// Line, the first is 1.
    pub line: usize,
    /// Column in characters, the first is 1.
    pub column: usize,
    /// What is wrong and what is allowed there; text from the file is sanitised.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.text
        )
    }
}

/// Turns byte offsets of a text into lines and columns. Costs nothing until it is asked, and for lines
/// no memory as long as it is asked from the beginning to the end of the text.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: OnceCell<Vec<usize>>,
    /// The offset that was asked for last, and its line.
    last: Cell<(usize, usize)>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Lines<'t> {
        Lines {
            text,
            starts: OnceCell::new(),
            last: Cell::new((0, 1)),
        }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The line that holds `offset`, and where that line starts.
    fn line_and_start(&self, offset: usize) -> (usize, usize) {
        let starts = self.starts.get_or_init(|| {
            let after = self
                .text
                .match_indices('\n')
                .map(|(at, _)| at.saturating_add(1));
            std::iter::once(0).chain(after).collect()
        });
        let line = starts.partition_point(|start| *start <= offset).max(1);
        (
            line,
            starts.get(line.saturating_sub(1)).copied().unwrap_or(0),
        )
    }

    /// The line that holds `offset`.
    pub(super) fn line(&self, offset: usize) -> usize {
        let (from, line) = self.last.get();
        let between = self.text.as_bytes().get(from..offset);
        let (Some(between), None) = (between, self.starts.get()) else {
            return self.line_and_start(offset).0;
        };
        let line = line.saturating_add(line_ends(between));
        self.last.set((offset, line));
        line
    }

    /// Line and column of `offset`; beyond the text means its end.
    pub(super) fn position(&self, offset: usize) -> (usize, usize) {
        let offset = offset.min(self.text.len());
        let (line, start) = self.line_and_start(offset);
        let before = self.text.as_bytes().get(start..offset).unwrap_or_default();
        // An editor does not show a byte order mark.
        let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
        // Bytes that go on with a character (0b10xx_xxxx) do not start one.
        let characters = before.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        (line, characters.saturating_add(1))
    }
}

/// How many line ends there are, eight bytes at once.
fn line_ends(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const LOW: u64 = ONES.wrapping_mul(0x7f);
    let words = bytes.chunks_exact(8);
    let rest = words
        .remainder()
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    words.fold(rest, |count, word| {
        let word: [u8; 8] = word.try_into().unwrap_or_default();
        // Zero where there is a line end; the high bit of each other byte gets set.
        let other = u64::from_ne_bytes(word) ^ ONES.wrapping_mul(u64::from(b'\n'));
        let nonzero = (other & LOW).wrapping_add(LOW) | other | LOW;
        let ends = usize::try_from(nonzero.count_zeros()).unwrap_or_default();
        count.saturating_add(ends)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_counted_wherever_they_stand() {
        let mut bytes: Vec<u8> = (0..=255).cycle().take(1_003).collect();
        for (place, byte) in [
            (0, b'\n'),
            (7, b'\n'),
            (8, b'\n'),
            (1_002, b'\n'),
            (50, 0x8a),
            (51, 0x0b),
        ] {
            if let Some(there) = bytes.get_mut(place) {
                *there = byte;
            }
        }
        for from in 0..9 {
            let some = bytes.get(from..).unwrap();
            let naive = some.iter().filter(|byte| **byte == b'\n').count();
            assert_eq!(line_ends(some), naive, "{from}");
        }
    }

    #[test]
    fn columns_are_characters_and_lines_may_end_as_in_windows() {
        let lines = Lines::new("a\r\nbü€x\n\nc");
        let at = |needle: &str| lines.position(lines.text().find(needle).unwrap());
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("b"), (2, 1));
        assert_eq!(at("x"), (2, 4));
        assert_eq!(at("c"), (4, 1));
        assert_eq!(lines.position(usize::MAX), (4, 2));
    }

    #[test]
    fn a_line_is_the_same_forwards_and_backwards() {
        let text = "a\n\nb\r\nc";
        let forwards = Lines::new(text);
        for (offset, line) in [(0, 1), (1, 1), (2, 2), (3, 3), (6, 4), (7, 4), (99, 4)] {
            assert_eq!(forwards.line(offset), line, "{offset}");
            let once = Lines::new(text);
            once.line(4);
            assert_eq!(once.line(offset), line, "{offset}");
        }
    }

    #[test]
    fn an_empty_text_has_a_first_line() {
        assert_eq!(Lines::new("").position(0), (1, 1));
    }

    #[test]
    fn a_byte_order_mark_is_no_column() {
        assert_eq!(Lines::new("\u{feff}ab").position(4), (1, 2));
    }
}

//! How it looks on a terminal: colours, and tables no wider than it.
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::report::{self, Colors, Tone, When, columns};
use crate::system;

/// Narrower than this, running text is no column but a paragraph.
const NARROWEST: usize = 32;

static COLORS: OnceLock<Colors> = OnceLock::new();

/// Settles for the whole run whether there are colours.
pub(super) fn settle(when: When) {
    let variable = |name| std::env::var_os(name).unwrap_or_else(OsString::new);
    let colors = Colors::new(
        when,
        std::io::stdout().is_terminal(),
        variable("NO_COLOR").as_bytes(),
        variable("TERM").as_bytes(),
    );
    let _ = COLORS.set(colors);
}

/// The colours of this run.
pub(super) fn colors() -> Colors {
    COLORS.get().copied().unwrap_or_default()
}

/// Lines of a name and a value, the values aligned; one that is too wide goes on below itself.
pub(super) fn pairs(lines: &[(&str, String)]) -> String {
    pairs_within(system::terminal_width(), lines)
}

fn pairs_within(width: Option<usize>, lines: &[(&str, String)]) -> String {
    let Some(width) = width else {
        return report::pairs(lines);
    };
    let names = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&hanging_within(
            Some(width),
            &format!("  {name:names$}  "),
            value,
        ));
    }
    text
}

/// A text after what it begins with, which may have no colours; it goes on below itself.
pub(super) fn hanging(begin: &str, text: &str) -> String {
    hanging_within(system::terminal_width(), begin, text)
}

fn hanging_within(width: Option<usize>, begin: &str, text: &str) -> String {
    let taken = begin.chars().count();
    let room = match width {
        Some(width) if taken.saturating_add(text.chars().count()) > width => {
            width.saturating_sub(taken)
        }
        _ => return format!("{begin}{text}\n"),
    };
    // Where there is no room beside it, it goes on below what it begins with.
    let (indent, room) = match room >= NARROWEST {
        true => (taken, room),
        false => (4, width.unwrap_or(room).saturating_sub(4).max(1)),
    };
    let mut lines = broken(text, room).into_iter();
    let mut whole = begin.trim_end().to_owned();
    if indent == taken {
        whole = format!("{begin}{}", lines.next().unwrap_or_default());
    }
    for line in lines {
        whole.push_str(&format!("\n{:indent$}{line}", ""));
    }
    whole.push('\n');
    whole
}

/// A table with a tone for each row; where it is wider than the terminal, each row as a paragraph.
pub(super) fn table(header: &[&str], rows: &[(Vec<String>, Option<Tone>)]) -> String {
    let cells: Vec<Vec<String>> = rows.iter().map(|(row, _)| row.clone()).collect();
    let text = columns(header, &cells);
    let widest = text.lines().map(|line| line.chars().count()).max();
    match system::terminal_width() {
        Some(width) if widest.unwrap_or(0) > width => paragraphs(header, rows),
        _ => painted(&text, rows),
    }
}

/// The same where the last column is running text: it goes on below itself, as long as there is room.
/// With `goes_on` it follows a table that had the header.
pub(super) fn running(
    header: &[&str],
    rows: &[(Vec<String>, Option<Tone>)],
    goes_on: bool,
) -> String {
    let (text, has_header) = running_within(system::terminal_width(), header, rows);
    match text.split_once('\n') {
        Some((_, rest)) if goes_on && has_header => rest.to_owned(),
        _ => text,
    }
}

/// Also whether the first line is the header.
fn running_within(
    width: Option<usize>,
    header: &[&str],
    rows: &[(Vec<String>, Option<Tone>)],
) -> (String, bool) {
    let last = header.len().saturating_sub(1);
    let before: Vec<Vec<String>> = rows
        .iter()
        .map(|(row, _)| row.iter().take(last).cloned().collect())
        .collect();
    let head = header.get(..last).unwrap_or_default();
    let taken = columns(head, &before)
        .lines()
        .map(|line| line.chars().count())
        .max();
    let room = width.map(|width| width.saturating_sub(taken.unwrap_or(0).saturating_add(2)));
    let Some(room) = room.filter(|room| *room >= NARROWEST) else {
        return match width {
            Some(_) => (paragraphs(header, rows), false),
            None => (table(header, rows), true),
        };
    };
    let mut lines = Vec::with_capacity(rows.len());
    for (row, tone) in rows {
        let text = row.get(last).map_or("", String::as_str);
        for (number, part) in broken(text, room).into_iter().enumerate() {
            let mut line: Vec<String> = match number {
                0 => row.iter().take(last).cloned().collect(),
                _ => vec![String::new(); last],
            };
            line.push(part);
            lines.push((line, *tone));
        }
    }
    let cells: Vec<Vec<String>> = lines.iter().map(|(line, _)| line.clone()).collect();
    (painted(&columns(header, &cells), &lines), true)
}

/// A text in lines of at most `width` characters, broken at blanks where there are any.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut taken: usize = 0;
    for word in text.split_ascii_whitespace() {
        let length = word.chars().count();
        let blank = usize::from(taken > 0);
        if taken > 0 && taken.saturating_add(blank).saturating_add(length) > width {
            lines.push(String::new());
            taken = 0;
        } else if taken > 0 {
            taken = taken.saturating_add(1);
            lines.last_mut().into_iter().for_each(|line| line.push(' '));
        }
        for character in word.chars() {
            if taken >= width {
                lines.push(String::new());
                taken = 0;
            }
            taken = taken.saturating_add(1);
            lines
                .last_mut()
                .into_iter()
                .for_each(|line| line.push(character));
        }
    }
    lines
}

fn painted(text: &str, rows: &[(Vec<String>, Option<Tone>)]) -> String {
    let tones = rows.iter().map(|(_, tone)| *tone);
    let tones = std::iter::once(Some(Tone::Head)).chain(tones);
    let mut painted = String::with_capacity(text.len());
    for (line, tone) in text.lines().zip(tones) {
        match tone {
            Some(tone) => painted.push_str(&colors().paint(tone, line)),
            None => painted.push_str(line),
        }
        painted.push('\n');
    }
    painted
}

fn paragraphs(header: &[&str], rows: &[(Vec<String>, Option<Tone>)]) -> String {
    let mut text = String::new();
    for (row, tone) in rows {
        let mut cells = header.iter().zip(row);
        if let Some((title, first)) = cells.next() {
            let line = format!("{title} {first}");
            text.push_str(&colors().paint(tone.unwrap_or(Tone::Head), &line));
            text.push('\n');
        }
        let lines: Vec<(&str, String)> = cells
            .filter(|(_, cell)| !cell.is_empty() && *cell != "-")
            .map(|(title, cell)| (*title, cell.clone()))
            .collect();
        text.push_str(&pairs(&lines));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_below_themselves_and_where_there_is_no_room_below_their_names() {
        let lines = [
            ("a", "short".to_owned()),
            ("name", "x ".repeat(30).trim().to_owned()),
        ];
        assert_eq!(pairs_within(None, &lines), report::pairs(&lines));
        assert_eq!(pairs_within(Some(100), &lines), report::pairs(&lines));
        let text = pairs_within(Some(42), &lines);
        let x = |count: usize| "x ".repeat(count).trim().to_owned();
        assert_eq!(
            text,
            format!("  a     short\n  name  {}\n        {}\n", x(17), x(13))
        );
        let text = pairs_within(Some(30), &lines);
        assert_eq!(
            text,
            format!(
                "  a     short\n  name\n    {}\n    {}\n    {}\n",
                x(13),
                x(13),
                x(4)
            )
        );
        for width in 0..5 {
            assert!(pairs_within(Some(width), &lines).contains('x'));
        }
    }

    #[test]
    fn running_text_goes_on_below_itself_and_where_it_has_no_room_in_paragraphs() {
        let row = |what: &str| (vec!["100".to_owned(), what.to_owned()], None);
        let rows = [
            row("a sentence that is wider than the room for it"),
            row(&"x".repeat(40)),
        ];
        let header = ["VMID", "WHAT"];
        assert_eq!(
            running_within(Some(38), &header, &rows).0,
            format!(
                "VMID  WHAT\n100   a sentence that is wider than\n      the room for it\n\
                 100   {}\n      {}\n",
                "x".repeat(32),
                "x".repeat(8)
            )
        );
        for wide in [Some(200), None] {
            let (text, has_header) = running_within(wide, &header, &rows);
            assert_eq!((text.lines().count(), has_header), (3, true), "{text}");
        }
        let (text, has_header) = running_within(Some(37), &header, &rows);
        assert!(text.starts_with("VMID 100\n") && !has_header, "{text}");
        assert_eq!(broken("", 32), [""]);
        assert_eq!(broken("büro  x", 5), ["büro", "x"]);
    }
}

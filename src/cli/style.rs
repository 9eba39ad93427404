//! How it looks on a terminal: colours, and tables no wider than it.
use std::ffi::OsString;
use std::io::IsTerminal;
use std::os::unix::ffi::OsStrExt;
use std::sync::OnceLock;

use crate::report::{Colors, Tone, When, columns, pairs};
use crate::system;

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

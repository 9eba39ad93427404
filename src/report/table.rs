//! Aligned text.
use crate::model::VmId;

/// Lines of a name and a value, the values aligned, indented by two.
#[must_use]
pub fn pairs(lines: &[(&str, String)]) -> String {
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in lines {
        text.push_str(&format!("  {name:width$}  {value}\n"));
    }
    text
}

/// A table with a header, each column as wide as its widest cell.
#[must_use]
pub fn columns(header: &[&str], rows: &[Vec<String>]) -> String {
    let width_of = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        let title = header.get(column).map_or(0, |title| title.len());
        cells.max().unwrap_or(0).max(title)
    };
    let widths: Vec<usize> = (0..header.len()).map(width_of).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text.push_str(padded.join("  ").trim_end());
        text.push('\n');
    };
    line(&mut header.iter().copied());
    for row in rows {
        line(&mut row.iter().map(String::as_str));
    }
    text
}

/// Ranges of VMIDs as the allowlist writes them: `100, 200-299`.
#[must_use]
pub fn vmid_ranges(ranges: &[(VmId, VmId)]) -> String {
    let words: Vec<String> = ranges
        .iter()
        .map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        })
        .collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_leave_no_blanks_at_the_end() {
        let rows = vec![
            vec!["100".to_owned(), "büro".to_owned()],
            vec!["999999999".to_owned(), String::new()],
        ];
        assert_eq!(
            columns(&["VMID", "NAME"], &rows),
            "VMID       NAME\n100        büro\n999999999\n"
        );
    }

    #[test]
    fn values_of_pairs_line_up() {
        let lines = [("decision", "deny".to_owned()), ("why", "x".to_owned())];
        assert_eq!(pairs(&lines), "  decision  deny\n  why       x\n");
    }
}

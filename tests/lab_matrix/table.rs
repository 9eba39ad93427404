//! The matrix as Markdown, ready for the README.
use std::fmt::Write;

use crate::cell::Setup;
use crate::debian::Debian;

/// A row of the matrix: a machine, and a cell for each year.
pub(super) type Row<'r> = (&'r Setup<'r>, Vec<String>);

/// The whole, with the date and the versions of what was measured. Where a machine and firmware came
/// to the same with every QEMU and number of vCPUs, they share a line.
pub(super) fn markdown(debians: &[Debian], years: &[i16], rows: &[Row<'_>]) -> String {
    let today = jiff::Timestamp::now().strftime("%Y-%m-%d");
    let mut text = format!("Measured on {today}");
    for debian in debians {
        let _ = write!(text, "; Debian {}: {}", debian.version, debian.packages);
    }
    text += "\n\n| Machine, firmware | vCPUs | QEMU |";
    for year in years {
        let _ = write!(text, " {year} |");
    }
    text += &format!("\n|---|---|---|{}\n", "---|".repeat(years.len()));
    let kind = |row: &Row<'_>| (row.0.machine, row.0.ovmf);
    for group in rows.chunk_by(|one, next| kind(one) == kind(next)) {
        if group.iter().all(|row| row.1 == group[0].1) {
            text += &line(group);
        } else {
            text.extend(group.chunks(1).map(line));
        }
    }
    text
}

/// A line for rows with the same cells.
fn line(rows: &[Row<'_>]) -> String {
    let (first, cells) = &rows[0];
    format!(
        "| `{}`, {} | {} | {} | {} |\n",
        first.machine,
        first.firmware(),
        distinct(rows, |setup| setup.vcpus.to_string()),
        distinct(rows, |setup| setup.debian.qemu.clone()),
        cells.join(" | "),
    )
}

/// What `value` says of each, every answer once.
fn distinct(rows: &[Row<'_>], value: impl Fn(&Setup<'_>) -> String) -> String {
    let mut values: Vec<String> = Vec::new();
    for (setup, _) in rows {
        let value = value(setup);
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values.join(", ")
}

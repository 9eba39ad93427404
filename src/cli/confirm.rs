//! Asking a person before a clock is changed.
use std::io::{IsTerminal, Write};

use super::{Failure, complain};

/// Asks on the terminal, and takes nothing but `y` or `yes` for a yes. Without a terminal to ask on
/// there is no yes but `--yes`.
///
/// # Errors
/// [`Failure`] where the terminal cannot be read.
pub(super) fn confirmed(yes: bool, question: &str) -> Result<bool, Failure> {
    if yes {
        return Ok(true);
    }
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        complain(&format!(
            "{question}? Nobody can be asked here; say --yes if it is meant"
        ));
        return Ok(false);
    }
    let mut terminal = std::io::stderr();
    write!(terminal, "{question}? [y/N] ")?;
    terminal.flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    let agreed = matches!(answer.trim(), "y" | "Y" | "yes" | "Yes");
    if !agreed {
        complain(&"nothing was changed");
    }
    Ok(agreed)
}

//! How wide the terminal is.
use rustix::termios::tcgetwinsize;

/// The columns of the terminal that standard output is; none where it is none, or does not say.
#[must_use]
pub fn terminal_width() -> Option<usize> {
    let size = tcgetwinsize(std::io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

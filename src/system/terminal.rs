//! Secrets from a terminal without echo, from a descriptor, and to standard output.
use std::io::{Error, ErrorKind, IsTerminal};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr};
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

use super::file::write_all;
use super::secret::SecretBytes;

/// What somebody did who was asked.
pub enum Typed {
    /// Typed a line.
    Line(SecretBytes),
    /// Pressed Ctrl-C or Ctrl-D.
    Nothing,
    /// There is no terminal, so nobody was asked.
    NoTerminal,
}

/// A terminal that does not show what is typed, until it is dropped.
struct Hidden {
    terminal: OwnedFd,
    before: Termios,
}

impl Hidden {
    /// Without signals too: ended by one, the program would leave the terminal without echo.
    fn new(terminal: OwnedFd) -> Result<Hidden, Errno> {
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        // What was typed before the question was not meant for it.
        tcsetattr(&terminal, OptionalActions::Flush, &hidden)?;
        Ok(Hidden { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
        let _ = write_all(&self.terminal, b"\n");
    }
}

/// Asks on this process's terminal, and does not show what is typed. More than `limit` bytes of a line
/// are an error.
///
/// # Errors
/// The system's, or [`ErrorKind::InvalidData`].
pub fn ask_hidden(question: &str, limit: usize) -> std::io::Result<Typed> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(terminal) = openat(CWD, "/dev/tty", flags, Mode::empty()) else {
        return Ok(Typed::NoTerminal);
    };
    let hidden = Hidden::new(terminal)?;
    write_all(&hidden.terminal, question.as_bytes())?;
    let mut line = SecretBytes::zeroed(limit)?;
    let mut length: usize = 0;
    loop {
        let byte = match next_byte(hidden.terminal.as_fd())? {
            // Ctrl-C, Ctrl-D, Ctrl-\; or the terminal is gone.
            None | Some(0x03 | 0x04 | 0x1c) => return Ok(Typed::Nothing),
            Some(b'\n' | b'\r') => break,
            Some(byte) => byte,
        };
        match byte {
            // Backspace takes a whole character of UTF-8.
            0x08 | 0x7f => {
                let typed = line.as_slice().get(..length).unwrap_or_default();
                length = typed
                    .iter()
                    .rposition(|byte| byte & 0xc0 != 0x80)
                    .unwrap_or(0);
            }
            // Ctrl-U
            0x15 => length = 0,
            byte => {
                let place = line.as_mut_slice().get_mut(length);
                *place.ok_or_else(|| Error::from(ErrorKind::InvalidData))? = byte;
                length = length.saturating_add(1);
            }
        }
    }
    line.truncate(length);
    Ok(Typed::Line(line))
}

/// A line from a descriptor that this process was started with, without its newline. What follows the
/// newline is left in it.
///
/// # Errors
/// The system's where there is no such descriptor, or [`ErrorKind::InvalidData`] for more than `limit`
/// bytes.
#[allow(unsafe_code)]
pub fn read_line_of(descriptor: RawFd, limit: usize) -> std::io::Result<SecretBytes> {
    if descriptor < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: only read from, here and now; where it is not open the kernel says so.
    let file = unsafe { BorrowedFd::borrow_raw(descriptor) };
    let mut line = SecretBytes::zeroed(limit)?;
    let mut length: usize = 0;
    while let Some(byte) = next_byte(file)? {
        if byte == b'\n' {
            break;
        }
        let place = line.as_mut_slice().get_mut(length);
        *place.ok_or_else(|| Error::from(ErrorKind::InvalidData))? = byte;
        length = length.saturating_add(1);
    }
    line.truncate(length);
    Ok(line)
}

fn next_byte(file: BorrowedFd<'_>) -> Result<Option<u8>, Errno> {
    let mut byte = [0];
    let count = retry_on_intr(|| rustix::io::read(file, &mut byte))?;
    Ok((count == 1).then_some(byte[0]))
}

/// All of standard input, at most `limit` bytes (more is `None`); a terminal is not read from.
///
/// # Errors
/// The system's.
pub fn read_secret_input(limit: usize) -> std::io::Result<Option<SecretBytes>> {
    let input = std::io::stdin();
    if input.is_terminal() {
        return Err(ErrorKind::NotFound.into());
    }
    SecretBytes::read_from(input, limit)
}

/// Writes to standard output past the buffer that would keep a copy. A reader that has seen enough is no
/// failure.
///
/// # Errors
/// The system's.
pub fn write_out(bytes: &[u8]) -> std::io::Result<()> {
    let output = std::io::stdout();
    let mut rest = bytes;
    while !rest.is_empty() {
        let count = match retry_on_intr(|| rustix::io::write(&output, rest)) {
            Err(Errno::PIPE) => return Ok(()),
            other => other?,
        };
        if count == 0 {
            return Err(ErrorKind::WriteZero.into());
        }
        rest = rest.get(count..).unwrap_or_default();
    }
    Ok(())
}

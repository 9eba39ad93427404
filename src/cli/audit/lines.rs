//! The lines of a file of the trail, packed or not, however large or odd it is.
use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;

use crate::audit::{LINE_LIMIT, LogFile};
use crate::system::OpenFile;

const BUFFER: usize = 256 * 1024;

/// Calls `each` for every line, without its end, and whether it had one. What is longer than a line
/// can be comes once, cut.
///
/// # Errors
/// The file's error, or that it is not packed as its name says.
pub(super) fn each_line(
    file: &LogFile,
    mut each: impl FnMut(&[u8], bool) -> Flow,
) -> Result<(), String> {
    let compressed = file.is_compressed();
    let content = file.content.as_ref().map_err(ToString::to_string)?;
    // What is written from now on is left for the next time.
    let content = FromStart(content, 0).take(content.size());
    let mut reader: Box<dyn BufRead> = if compressed {
        Box::new(BufReader::with_capacity(
            BUFFER,
            MultiGzDecoder::new(content),
        ))
    } else {
        Box::new(BufReader::with_capacity(BUFFER, content))
    };
    let (mut line, mut scratch) = (Vec::new(), Vec::new());
    let limit = u64::try_from(LINE_LIMIT).unwrap_or(u64::MAX);
    loop {
        line.clear();
        let count = (&mut reader)
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(|error| format!("{}: {error}", file.name))?;
        if count == 0 {
            return Ok(());
        }
        let mut whole = line.last() == Some(&b'\n');
        if whole {
            line.pop();
        } else if count == LINE_LIMIT {
            whole = skip_line(&mut reader, &mut scratch)
                .map_err(|error| format!("{}: {error}", file.name))?;
        }
        if each(&line, whole) == Flow::Stop {
            return Ok(());
        }
    }
}

/// Reads a file from its start, whoever else does.
struct FromStart<'a>(&'a OpenFile, u64);

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let FromStart(file, offset) = self;
        let read = file.read_at(buffer, *offset);
        let count = read.map_err(|error| std::io::Error::other(error.to_string()))?;
        *offset = offset.saturating_add(u64::try_from(count).unwrap_or(0));
        Ok(count)
    }
}

/// Whether to go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Flow {
    Next,
    Stop,
}

/// Skips the rest of a line; whether it has an end.
fn skip_line(reader: &mut dyn BufRead, scratch: &mut Vec<u8>) -> std::io::Result<bool> {
    let limit = u64::try_from(LINE_LIMIT).unwrap_or(u64::MAX);
    loop {
        scratch.clear();
        let count = (&mut *reader).take(limit).read_until(b'\n', scratch)?;
        if scratch.last() == Some(&b'\n') {
            return Ok(true);
        }
        if count < LINE_LIMIT {
            return Ok(false);
        }
    }
}

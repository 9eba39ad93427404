//! Bounded bytes from an agent's socket, as lines and as what comes after a 0xFF.
use super::error::Broken;
use crate::system::{Deadline, Stream, StreamError};

/// The byte that no JSON has: the agent's parser starts afresh at it, and so do we.
pub(super) const DELIMITER: u8 = 0xff;

/// Longest answer that is taken, and most that is taken in one exchange.
pub(super) const ANSWER_LIMIT: usize = 64 * 1024;

/// Most that is passed over on the way to the answer to a sync. The largest answer that another
/// client can leave behind is a program's output: 16 MiB (`GUEST_EXEC_MAX_OUTPUT` in QEMU's
/// `qga/commands.c`), as base64. None of it is kept, and the time is bounded besides.
const DISCARD_LIMIT: usize = 32 * 1024 * 1024;

/// Why no line came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum WireError {
    /// Not yet.
    TimedOut,
    /// Never.
    Broken(Broken),
}

impl From<StreamError> for WireError {
    fn from(error: StreamError) -> WireError {
        match error {
            StreamError::TimedOut => WireError::TimedOut,
            other => WireError::Broken(other.into()),
        }
    }
}

/// A stream and what has come through it and was not handed out yet.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    buffer: Vec<u8>,
    /// What may still come in this exchange.
    allowance: usize,
}

impl Wire {
    pub(super) fn new(stream: Stream) -> Wire {
        Wire {
            stream,
            buffer: Vec::new(),
            allowance: 0,
        }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Whether something is here that nobody asked for.
    pub(super) fn has_leftovers(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Begins an exchange with a request whose answer is the next line.
    pub(super) fn ask(&mut self, request: &[u8], deadline: Deadline) -> Result<(), WireError> {
        self.allowance = ANSWER_LIMIT;
        Ok(self.stream.send_all(request, deadline)?)
    }

    /// Begins an exchange with a request whose answer comes right after a [`DELIMITER`].
    pub(super) fn ask_delimited(
        &mut self,
        request: &[u8],
        deadline: Deadline,
    ) -> Result<(), WireError> {
        self.ask(request, deadline)?;
        self.allowance = DISCARD_LIMIT;
        Ok(())
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self, deadline: Deadline) -> Result<Vec<u8>, WireError> {
        let mut searched = 0;
        loop {
            if let Some(line) = self.cut_line(searched) {
                return Ok(line);
            }
            searched = self.buffer.len();
            self.fill(deadline)?;
        }
    }

    /// The next line that has a [`DELIMITER`] in it: what comes after the last one. Everything
    /// before is passed over. It may be called again after a [`WireError::TimedOut`].
    pub(super) fn delimited(&mut self, deadline: Deadline) -> Result<Vec<u8>, WireError> {
        loop {
            match self.buffer.iter().position(|byte| *byte == DELIMITER) {
                // It stays at the front, as a mark for the next call.
                Some(at) => drop(self.buffer.drain(..at)),
                None => self.buffer.clear(),
            }
            if let Some(mut line) = self.cut_line(0) {
                let mark = line.iter().rposition(|byte| *byte == DELIMITER);
                return Ok(line.split_off(mark.map_or(0, |at| at.saturating_add(1))));
            }
            self.fill(deadline)?;
        }
    }

    fn cut_line(&mut self, searched: usize) -> Option<Vec<u8>> {
        let unsearched = self.buffer.get(searched..).unwrap_or_default();
        let end = searched.saturating_add(unsearched.iter().position(|byte| *byte == b'\n')?);
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    fn fill(&mut self, deadline: Deadline) -> Result<(), WireError> {
        // Bytes that are there come in whatever the time is, and a flood would never end.
        if deadline.passed() {
            return Err(WireError::TimedOut);
        }
        let mut chunk = [0_u8; 4096];
        let count = self.stream.receive(&mut chunk, deadline)?;
        let too_long = self.buffer.len().saturating_add(count) > ANSWER_LIMIT;
        match self.allowance.checked_sub(count) {
            Some(left) if !too_long => self.allowance = left,
            _ => return Err(WireError::Broken(Broken::TooLong)),
        }
        self.buffer
            .extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(())
    }
}

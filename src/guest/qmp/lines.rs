//! Bounded lines from a socket.
use std::os::fd::{AsRawFd, RawFd};

use super::error::QmpError;
use crate::system::{Deadline, Stream};

/// Longest line that is taken. The greeting has 200 bytes, the longest answer used here 300.
const LINE_LIMIT: usize = 64 * 1024;

/// Most that one session takes, events included.
const SESSION_LIMIT: usize = 1024 * 1024;

/// A stream read line by line.
#[derive(Debug)]
pub(super) struct Lines {
    stream: Stream,
    buffer: Vec<u8>,
    /// Where the part of `buffer` begins that was not handed out yet.
    start: usize,
    /// Up to where it was searched for a line's end.
    searched: usize,
    received: usize,
    limit: usize,
}

impl Lines {
    pub(super) fn new(stream: Stream) -> Lines {
        Lines {
            stream,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            received: 0,
            limit: SESSION_LIMIT,
        }
    }

    /// Takes any number of lines from now on: for a guardian, which drops most of them.
    pub(super) fn lift_session_limit(&mut self) {
        self.limit = usize::MAX;
    }

    pub(super) fn raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }

    pub(super) fn send(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), QmpError> {
        Ok(self.stream.send_all(bytes, deadline)?)
    }

    /// The next line, without its end.
    pub(super) fn next(&mut self, deadline: Deadline) -> Result<&[u8], QmpError> {
        loop {
            let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
            if let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') {
                let end = self.searched.saturating_add(at);
                let begin = self.start;
                self.start = end.saturating_add(1);
                self.searched = self.start;
                return Ok(self.buffer.get(begin..end).unwrap_or_default());
            }
            self.searched = self.buffer.len();
            self.fill(deadline)?;
        }
    }

    fn fill(&mut self, deadline: Deadline) -> Result<(), QmpError> {
        self.buffer.drain(..self.start);
        self.searched = self.searched.saturating_sub(self.start);
        self.start = 0;
        let mut chunk = [0_u8; 4096];
        let count = self.stream.receive(&mut chunk, deadline)?;
        self.received = self.received.saturating_add(count);
        if self.received > self.limit || self.buffer.len().saturating_add(count) > LINE_LIMIT {
            return Err(QmpError::TooLong);
        }
        self.buffer
            .extend_from_slice(chunk.get(..count).unwrap_or_default());
        Ok(())
    }
}

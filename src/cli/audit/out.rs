//! Where the records that are shown go: to a pager where a person reads, else to standard output.
use std::io::{ErrorKind, IsTerminal, Write};

use super::lines::Flow;
use crate::cli::role::Access;
use crate::cli::{Failure, complain};
use crate::exec::{Pager, Paging, pager};

/// Where text goes.
pub(super) struct Out {
    /// The one to start with the first text.
    pager: Option<Pager>,
    paging: Option<Paging>,
    /// What is to be said once the pager has left the terminal.
    remarks: Vec<String>,
}

impl Out {
    /// To the pager, unless it is not `wanted`, nobody sits there, or one through sudo who may only
    /// read: a pager can be told to do other things than to show.
    pub(super) fn new(access: Access, wanted: bool) -> Out {
        let is_for_person = wanted && access.is_admin() && std::io::stdout().is_terminal();
        Out {
            pager: if is_for_person { pager() } else { None },
            paging: None,
            remarks: Vec::new(),
        }
    }

    /// Puts text there. [`Flow::Stop`] once nobody reads any more, which is no failure.
    pub(super) fn put(&mut self, text: &str) -> Result<Flow, Failure> {
        if let Some(pager) = self.pager.take() {
            match pager.start() {
                Ok(paging) => self.paging = Some(paging),
                Err(error) => complain(&format!("the pager {pager}: {error}; without it:")),
            }
        }
        let written = match &mut self.paging {
            Some(paging) => paging.write(text),
            None => std::io::stdout().write_all(text.as_bytes()),
        };
        match written {
            Ok(()) => Ok(Flow::Next),
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Flow::Stop),
            Err(error) => Err(error.into()),
        }
    }

    /// Says something on standard error: not into the pager's picture, but after it.
    pub(super) fn remark(&mut self, text: &str) {
        match self.pager.is_some() || self.paging.is_some() {
            true => self.remarks.push(text.to_owned()),
            false => complain(&text),
        }
    }

    /// That was all: waits for who reads.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let waited = self.paging.map_or(Ok(()), Paging::finish);
        for remark in &self.remarks {
            complain(remark);
        }
        Ok(waited?)
    }
}

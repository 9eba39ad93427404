//! A connection: TCP, and TLS over it. It knows whether a request left this host, and what the answer's
//! first line says, where Proxmox VE has its reason.
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io::{Read, Write};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use ureq::Error;
use ureq::unversioned::transport::time::{Duration, Instant};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, Either, LazyBuffers, NextTimeout, Transport,
    TransportAdapter,
};

/// Longest first line that is looked at.
const LINE: usize = 512;

thread_local! {
    /// Whether a byte of this thread's request was given to a connection.
    static SENT: Cell<bool> = const { Cell::new(false) };
    /// What came first after that.
    static FIRST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Begins a request in this thread.
pub(super) fn begin() {
    SENT.set(false);
}

/// Whether a byte of it left this thread.
pub(super) fn was_sent() -> bool {
    SENT.get()
}

/// The reason in the first line of the answer to it.
pub(super) fn reason() -> Option<String> {
    FIRST.with_borrow(|first| {
        let line = first
            .split(|byte| *byte == b'\r' || *byte == b'\n')
            .next()?;
        let line = String::from_utf8_lossy(line);
        // HTTP/1.1 SP status SP reason
        let reason = line.splitn(3, ' ').nth(2)?.trim().to_owned();
        (!reason.is_empty()).then_some(reason)
    })
}

/// Why a connection was not made.
#[derive(Debug)]
pub(super) struct Handshake(pub(super) String);

impl fmt::Display for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Handshake {}

/// Puts TLS over a connection.
#[derive(Debug)]
pub(super) struct Tls(pub(super) Arc<ClientConfig>);

impl<In: Transport> Connector<In> for Tls {
    type Out = Either<In, Secured>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let Some(transport) = chained else {
            return Ok(None);
        };
        // The way to a proxy is asked for with the same connectors.
        if !details.needs_tls() {
            return Ok(Some(Either::A(transport)));
        }
        let host = details.uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| failed(&error.to_string()))?;
        let mut connection = ClientConnection::new(Arc::clone(&self.0), name)
            .map_err(|error| failed(&error.to_string()))?;
        let mut socket =
            TransportAdapter::new(transport.boxed(), Arc::clone(&details.current_time));
        socket.set_timeout(left(details));
        while connection.is_handshaking() {
            if let Err(error) = connection.complete_io(&mut socket) {
                // The verifier's own sentence, without what wraps it.
                let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
                return Err(match inner {
                    Some(rustls::Error::General(why)) => failed(why),
                    Some(other) => failed(&format!("TLS: {other}")),
                    None => error.into(),
                });
            }
        }
        let config = details.config;
        Ok(Some(Either::B(Secured {
            buffers: LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size()),
            stream: StreamOwned::new(connection, socket),
        })))
    }
}

/// What is left of the time for a connection.
fn left(details: &ConnectionDetails<'_>) -> NextTimeout {
    let mut timeout = details.timeout;
    if let (Duration::Exact(whole), Instant::Exact(begun), Instant::Exact(now)) =
        (timeout.after, details.now, (details.current_time)())
    {
        let spent = now.saturating_duration_since(begun);
        timeout.after = Duration::Exact(whole.saturating_sub(spent));
    }
    timeout
}

fn failed(why: &str) -> Error {
    Error::Other(Box::new(Handshake(why.to_owned())))
}

/// A connection with TLS.
pub(super) struct Secured {
    buffers: LazyBuffers,
    stream: StreamOwned<ClientConnection, TransportAdapter>,
}

impl fmt::Debug for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Its buffers have secrets in them.
        f.write_str("Secured")
    }
}

impl Transport for Secured {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        SENT.set(true);
        FIRST.with_borrow_mut(Vec::clear);
        self.stream.sock.set_timeout(timeout);
        let output = self.buffers.output().get(..amount).unwrap_or_default();
        self.stream.write_all(output)?;
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.stream.sock.set_timeout(timeout);
        let input = self.buffers.input_append_buf();
        let amount = self.stream.read(input)?;
        FIRST.with_borrow_mut(|first| {
            let room = LINE.saturating_sub(first.len());
            let came = input.get(..amount.min(room)).unwrap_or_default();
            first.extend_from_slice(came);
        });
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.stream.sock.get_mut().is_open()
    }

    fn is_tls(&self) -> bool {
        true
    }
}

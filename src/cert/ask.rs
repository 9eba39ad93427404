//! Asking a server in one way after the other, until it shows its certificates.
use std::net::SocketAddr;
use std::time::Duration;

use super::certificate::Certificate;
use super::dial::{Wire, addresses};
use super::error::ReadError;
use super::hello::{Offer, hello};
use super::inbox::{Inbox, Progress};
use super::modern;
use super::protocol::{Protocol, is_outdated, suite_name};
use crate::model::Peer;
use crate::system::{Deadline, random_bytes};

/// What a server shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reading {
    /// Where it was reached.
    pub address: SocketAddr,
    /// The newest version of the protocol that it takes.
    pub protocol: Protocol,
    /// The suite that it chose.
    pub suite: String,
    /// Whether it takes no suite that a current browser has; none where that was not asked.
    pub outdated_suites_only: Option<bool>,
    /// Its certificates, its own first.
    pub leaf: Certificate,
    /// Those that it sends along.
    pub others: Vec<Certificate>,
}

impl Reading {
    /// All its certificates, its own first.
    pub fn chain(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.others)
    }
}

/// What a server says to `GET /`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Http {
    /// This status.
    Status(u16),
    /// It was not asked, for this reason.
    NotAsked(String),
    /// Nothing, for this reason.
    Failed(ReadError),
}

/// One way to ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    Hello(Protocol),
    Handshake,
}

impl Way {
    /// Most servers answer this one.
    const FIRST: Way = Way::Hello(Protocol::Tls12);

    /// How many there are.
    const COUNT: usize = 4;

    /// The others, after the first. Those that do not answer it are either so old that they refuse what
    /// they do not know, or so new that they speak only TLS 1.3. Both may say so with the same alert
    /// (RFC 8446, appendix D.2), and the old are what this is for.
    const OTHERS: [Way; 3] = [
        Way::Hello(Protocol::Tls10),
        Way::Handshake,
        Way::Hello(Protocol::Ssl3),
    ];

    fn name(self) -> &'static str {
        match self {
            Way::Hello(protocol) => protocol.as_str(),
            Way::Handshake => Protocol::Tls13.as_str(),
        }
    }
}

/// How much is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// The certificates.
    Certificates,
    /// Also whether it takes suites that current browsers have, where it chose one that they have not.
    Suites,
}

/// Reads a server's certificates within `limit`.
///
/// # Errors
/// [`ReadError`].
pub fn read(peer: &Peer, depth: Depth, limit: Duration) -> Result<Reading, ReadError> {
    let deadline = Deadline::after(limit);
    let addresses = addresses(peer, deadline)?;
    let mut unreached = Vec::new();
    let mut failed = None;
    for (number, address) in addresses.iter().enumerate() {
        match read_at(
            *address,
            peer,
            depth,
            share(deadline, addresses.len().saturating_sub(number)),
        ) {
            Ok(reading) => return Ok(reading),
            Err(ReadError::NotConnected(why)) => unreached.push(why),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| ReadError::NotConnected(unreached.join("; "))))
}

/// What is left, shared among `parts`.
fn share(deadline: Deadline, parts: usize) -> Deadline {
    let parts = u32::try_from(parts.max(1)).unwrap_or(u32::MAX);
    Deadline::after(deadline.left().checked_div(parts).unwrap_or_default())
}

fn read_at(
    address: SocketAddr,
    peer: &Peer,
    depth: Depth,
    deadline: Deadline,
) -> Result<Reading, ReadError> {
    let mut ended = Vec::new();
    let mut ways = vec![Way::FIRST];
    while let Some(way) = ways.get(ended.len()).copied() {
        let last = ended.len().saturating_add(1) == Way::COUNT;
        // Half of the time for each: who is silent on the first is not necessarily so on the others.
        let parts = if last { 1 } else { 2 };
        let error = match ask(address, peer, way, Offer::All, deadline, parts) {
            Ok(Progress::Done {
                protocol,
                suite,
                chain,
            }) => return understand(address, peer, depth, deadline, (protocol, suite, chain)),
            Ok(Progress::Hungry) => ReadError::NoCertificate,
            Err(error @ (ReadError::Alert(_) | ReadError::HungUp | ReadError::Silent)) => error,
            // rustls words many things as broken that an old server means as a refusal.
            Err(error @ ReadError::NotTls(_)) if way == Way::Handshake => error,
            Err(error) => return Err(error),
        };
        if way == Way::FIRST {
            ways.extend(Way::OTHERS);
        }
        ended.push((way.name(), error));
    }
    Err(ReadError::All(ended))
}

/// What a server says within one of `parts` of the time that is left once it is connected to.
fn ask(
    address: SocketAddr,
    peer: &Peer,
    way: Way,
    offer: Offer,
    deadline: Deadline,
    parts: usize,
) -> Result<Progress, ReadError> {
    let mut wire = Wire::connect(address, deadline)?;
    wire.until(share(deadline, parts));
    let Way::Hello(version) = way else {
        return modern::certificates(&mut wire, peer);
    };
    let mut random = [0; 32];
    for half in random.chunks_mut(16) {
        half.copy_from_slice(&random_bytes());
    }
    wire.send(&hello(version, peer, random, offer))?;
    let mut inbox = Inbox::default();
    let mut buffer = [0; 4096];
    loop {
        let count = wire.receive(&mut buffer)?;
        let progress = inbox.take(buffer.get(..count).unwrap_or_default())?;
        if progress != Progress::Hungry {
            return Ok(progress);
        }
    }
}

fn understand(
    address: SocketAddr,
    peer: &Peer,
    depth: Depth,
    deadline: Deadline,
    (protocol, suite, chain): (Protocol, u16, Vec<Vec<u8>>),
) -> Result<Reading, ReadError> {
    let mut certificates = Vec::with_capacity(chain.len());
    for (number, der) in chain.iter().enumerate() {
        let certificate = Certificate::parse(der).map_err(|error| match number {
            0 => error,
            _ => ReadError::Certificate(format!(
                "{error} (number {number} of those that it sends along)"
            )),
        })?;
        certificates.push(certificate);
    }
    let mut certificates = certificates.into_iter();
    let leaf = certificates.next().ok_or(ReadError::NoCertificate)?;
    let outdated_suites_only = match depth {
        Depth::Certificates => None,
        Depth::Suites if !is_outdated(suite) => Some(false),
        Depth::Suites => {
            let way = Way::Hello(protocol.min(Protocol::Tls12));
            match ask(address, peer, way, Offer::Current, deadline, 1) {
                Ok(_) => Some(false),
                Err(ReadError::Alert(_) | ReadError::HungUp) => Some(true),
                // Some boards serve one connection at a time: silence says nothing about suites.
                Err(_) => None,
            }
        }
    };
    Ok(Reading {
        address,
        protocol,
        suite: suite_name(suite),
        outdated_suites_only,
        leaf,
        others: certificates.collect(),
    })
}

/// Asks the server that was read for `/`.
#[must_use]
pub fn http(peer: &Peer, reading: &Reading, limit: Duration) -> Http {
    if reading.protocol < Protocol::Tls12 {
        return Http::NotAsked(format!(
            "it speaks {} at most, and a page is asked for by TLS 1.2 or 1.3 alone",
            reading.protocol.as_str()
        ));
    }
    let deadline = Deadline::after(limit);
    let status = Wire::connect(reading.address, deadline)
        .and_then(|mut wire| modern::status(&mut wire, peer));
    match status {
        Ok(status) => Http::Status(status),
        Err(error) => Http::Failed(error),
    }
}

//! Everything that is done with what a server says, beside its network: what the fuzzers call. A4, F4.
//!
//! A panic is a bug that was found; so are a text that is not fit for a terminal, a date outside of a
//! window, and an answer that means something else when it comes in other pieces.
#![allow(clippy::panic, clippy::unwrap_used)]

use std::net::SocketAddr;

use time_shift::cert::{
    Certificate, Conflict, Inbox, Progress, Protocol, ReadError, Reading, Window, choose, verdict,
};
use time_shift::model::{CalendarSecond, Peer, Standing, Validity};

/// How much comes at once from a connection.
const PIECE: usize = 4096;

/// What came of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It is not over.
    Hungry,
    /// It has no chain that is taken, or one with a certificate that is not to be understood.
    Refused(ReadError),
    /// A chain of this many certificates.
    Chain(Protocol, usize),
}

/// Takes `bytes` for all that a server says.
pub(crate) fn answer(bytes: &[u8]) -> Outcome {
    let taken = take(bytes, PIECE);
    let odd = usize::from(bytes.first().copied().unwrap_or_default()) % 97;
    assert_eq!(taken, take(bytes, odd + 1), "in pieces of {}", odd + 1);
    match taken {
        Err(error) => {
            fit(&error.to_string());
            Outcome::Refused(error)
        }
        Ok(Progress::Hungry) => Outcome::Hungry,
        Ok(Progress::Done {
            protocol, chain, ..
        }) => match understand(protocol, &chain) {
            Ok(()) => Outcome::Chain(protocol, chain.len()),
            Err(error) => Outcome::Refused(error),
        },
    }
}

/// Takes `bytes` for a certificate; whether it is one comes back.
// Not every program that this is part of does.
#[allow(dead_code)]
pub(crate) fn certificate(bytes: &[u8]) -> bool {
    understand(Protocol::Tls13, &[bytes.to_vec()]).is_ok()
}

fn take(bytes: &[u8], piece: usize) -> Result<Progress, ReadError> {
    let mut inbox = Inbox::default();
    for piece in bytes.chunks(piece) {
        match inbox.take(piece)? {
            Progress::Hungry => {}
            done @ Progress::Done { .. } => return Ok(done),
        }
    }
    Ok(Progress::Hungry)
}

fn understand(protocol: Protocol, chain: &[Vec<u8>]) -> Result<(), ReadError> {
    let parsed: Result<Vec<_>, _> = chain.iter().map(|der| Certificate::parse(der)).collect();
    let mut parsed = parsed.inspect_err(|error| fit(&error.to_string()))?;
    for certificate in &parsed {
        seen(certificate);
    }
    date(&parsed);
    let leaf = parsed.remove(0);
    let reading = Reading {
        address: SocketAddr::from(([10, 0, 0, 20], 443)),
        protocol,
        suite: "TLS_RSA_WITH_RC4_128_SHA".to_owned(),
        outdated_suites_only: Some(true),
        leaf,
        others: parsed,
    };
    for peer in ["10.0.0.20", "a.lab.example:8443", "[fe80::1%vmbr0]"] {
        for remark in verdict(&Peer::parse(peer).unwrap(), &reading) {
            fit(&remark.text);
        }
    }
    Ok(())
}

/// All that is printed of a certificate.
fn seen(certificate: &Certificate) {
    let words = [
        &certificate.key.to_string(),
        &certificate.signature,
        certificate.subject.as_str(),
        certificate.issuer.as_str(),
        certificate.serial.as_str(),
    ];
    for word in words {
        fit(word);
        // A chain of 64 KiB cannot fill a terminal or a record either.
        assert!(word.len() <= 4 * 64 * 1024, "{} bytes", word.len());
    }
    fit(&serde_json::to_string(certificate).unwrap());
}

/// Nothing in it commands a terminal or a log.
fn fit(text: &str) {
    let odd = text.chars().find(|c| c.is_control());
    assert_eq!(odd, None, "{text:?}");
}

fn date(certificates: &[Certificate]) {
    let windows: Vec<Window> = certificates
        .iter()
        .map(|certificate| Window {
            label: certificate.subject.to_string(),
            validity: certificate.validity,
        })
        .collect();
    match choose(&windows, Validity::MARGIN) {
        Ok(date) => {
            for window in &windows {
                assert_eq!(
                    window.validity.standing(date),
                    Standing::Valid,
                    "{window:?}"
                );
            }
            // One beyond the last date that a guest can have is an error, not a panic.
            let _ = date.timestamp();
        }
        Err(Conflict::Nothing) => panic!("there is a certificate"),
        Err(conflict) => fit(&conflict.to_string()),
    }
    let written = certificates.iter().map(|one| one.validity.not_after);
    for end in written {
        assert_eq!(CalendarSecond::try_from(end.to_string()), Ok(end));
    }
}

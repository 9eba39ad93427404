//! `time-shift cert HOST...`: what servers show, a date for it, and what a browser will mind.
use serde::Serialize;

use super::super::arguments::cert::{Show, StartTls};
use super::super::{Exit, Failure, complain, put, put_json};
use super::{AT_ONCE, LIMIT, ask_all, exit_of, text};
use crate::cert::{
    Certificate, Conflict, Depth, Http, Protocol, ReadError, Reading, Remark, Window, choose, http,
    read, verdict,
};
use crate::model::{CalendarSecond, Peer, Standing};
use crate::system::{self, Deadline};

/// What is known about a server, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Row<'a> {
    pub(super) server: &'a Peer,
    pub(super) error: Option<String>,
    #[serde(flatten)]
    pub(super) found: Option<Found>,
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Found {
    pub(super) address: std::net::SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) suite: String,
    pub(super) state: Standing,
    pub(super) date: Option<CalendarSecond>,
    pub(super) no_date: Option<String>,
    pub(super) chain_length: usize,
    pub(super) certificates: Vec<Certificate>,
    pub(super) remarks: Vec<Remark>,
    pub(super) http: Option<Page>,
}

/// What is behind it.
#[derive(Debug, Serialize)]
pub(super) struct Page {
    pub(super) status: Option<u16>,
    pub(super) text: String,
}

/// All of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Answer<'a> {
    servers: Vec<Row<'a>>,
    date: Option<CalendarSecond>,
    no_date: Option<String>,
}

pub(super) fn run(options: &Show) -> Result<Exit, Failure> {
    let StartTls::None = options.starttls;
    let now = CalendarSecond::of(system::now()?.real)?;
    let mut exit = Exit::Done;
    let mut servers = Vec::new();
    let mut windows = Vec::new();
    let asked = ask_all(&options.peers, AT_ONCE, |peer| {
        let deadline = Deadline::after(LIMIT);
        let reading = read(peer, Depth::Suites, LIMIT)?;
        let page = options.http.then(|| http(peer, &reading, deadline.left()));
        Ok((reading, page))
    });
    for (peer, asked) in asked {
        let mut row = Row {
            server: peer,
            error: None,
            found: None,
        };
        match asked {
            Ok((reading, http)) => {
                let own = windows_of(peer, &reading);
                let page = http.as_ref().map(page);
                let date = choose(&own, options.margin);
                row.found = Some(found(peer, reading, now, date, page));
                windows.extend(own);
            }
            Err(error) => {
                if exit != Exit::Failed {
                    exit = exit_of(&error);
                }
                row.error = Some(error.to_string());
            }
        }
        servers.push(row);
    }
    let date = choose(&windows, options.margin);
    if date.is_err() && exit == Exit::Done {
        exit = Exit::Failed;
    }
    let answer = Answer {
        date: date.as_ref().ok().copied(),
        no_date: date.as_ref().err().map(ToString::to_string),
        servers,
    };
    if options.json {
        put_json(&answer)?;
        return Ok(exit);
    }
    for row in &answer.servers {
        match (&row.found, &row.error) {
            (Some(found), _) => put(&text::server(row.server, found))?,
            (None, Some(error)) => complain(&format!("{}: {error}", row.server)),
            (None, None) => {}
        }
    }
    if options.peers.len() > 1 && !windows.is_empty() {
        match date {
            Ok(date) => put(&format!("A date for all that were read: {date}\n"))?,
            Err(conflict) => complain(&conflict),
        }
    }
    Ok(exit)
}

/// When each certificate of a server is valid.
pub(super) fn windows_of(peer: &Peer, reading: &Reading) -> Vec<Window> {
    let chain = reading.chain().enumerate();
    chain
        .map(|(number, certificate)| Window {
            label: match number {
                0 => format!("{peer}'s certificate"),
                _ => format!(
                    "{peer}'s chain certificate {number} ({})",
                    certificate.subject
                ),
            },
            validity: certificate.validity,
        })
        .collect()
}

fn found(
    peer: &Peer,
    reading: Reading,
    now: CalendarSecond,
    date: Result<CalendarSecond, Conflict>,
    http: Option<Page>,
) -> Found {
    let remarks = verdict(peer, &reading);
    Found {
        address: reading.address,
        protocol: reading.protocol,
        state: reading.leaf.validity.standing(now),
        no_date: date.as_ref().err().map(ToString::to_string),
        date: date.ok(),
        chain_length: reading.others.len().saturating_add(1),
        remarks,
        http,
        suite: reading.suite,
        certificates: std::iter::once(reading.leaf)
            .chain(reading.others)
            .collect(),
    }
}

fn page(http: &Http) -> Page {
    let (status, text) = match http {
        Http::Status(status @ (200 | 401 | 403)) | Http::Status(status @ 300..=399) => {
            (Some(*status), format!("status {status}: it is alive"))
        }
        Http::Status(status) => (Some(*status), format!("status {status}")),
        Http::NotAsked(why) => (None, format!("not asked: {why}")),
        Http::Failed(ReadError::Alert(40 | 70 | 71)) => (
            None,
            "not asked: it and this program have no suite in common that encrypts the question"
                .to_owned(),
        ),
        Http::Failed(error) => (None, format!("no answer: {error}")),
    };
    Page { status, text }
}

//! The client of one host.
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};
use ureq::{Agent, Proxy, ProxyProtocol};
use zeroize::Zeroizing;

use super::auth::{Credentials, SecondFactor, Session, Ticket};
use super::error::{Error, Kind};
use super::exchange::Answer;
use super::gate::{ALL, Gate, TOTAL, share};
use super::path::segment;
use super::wire::Tls;
use super::{Api, Method, Path, tls};
use crate::config::ApiHost;
use crate::model::Peer;
use crate::system;
use crate::token::Secret;

/// Largest body of an answer that is read.
pub(super) const BODY: u64 = 8 * 1024 * 1024;
/// Largest head of an answer that is read.
pub(super) const HEAD: usize = 64 * 1024;
/// How often a request is repeated.
const REPEATS: u32 = 3;
/// How long a connection is kept for the next request: less than Proxmox VE keeps it (5 s,
/// PVE::APIServer::AnyEvent).
const IDLE: Duration = Duration::from_secs(4);
/// The pause before the first repetition; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a client cannot be made.
pub type ClientError = String;

/// The client of one host: its connections, and who is known there.
pub struct Client {
    pub(super) name: String,
    pub(super) base: String,
    pub(super) timeout: Duration,
    pub(super) agent: Agent,
    pub(super) gate: Gate,
    lanes: usize,
    who: Who,
}

enum Who {
    Token(Secret),
    Ticket {
        user: String,
        session: Session,
        password: Option<Secret>,
        second: Option<SecondFactor>,
    },
}

impl Client {
    /// A client of `host`, one of `hosts` that are asked in one run. Connects to nothing yet.
    ///
    /// # Errors
    /// What is wrong with the certificates to check it with.
    pub fn new(
        host: &ApiHost,
        credentials: Credentials,
        cluster_ca: &FilePath,
        hosts: usize,
    ) -> Result<Client, ClientError> {
        let name = host.name.to_string();
        let tls = tls::settings(&host.trust, cluster_ca).map_err(|why| format!("{name}: {why}"))?;
        let lanes = share(hosts);
        // Where there are more hosts than connections, none is kept open.
        let idle = if hosts > TOTAL { 0 } else { lanes };
        let proxy = host.proxy.as_ref().map(proxy).transpose();
        let proxy = proxy.map_err(|error| format!("{name}: its proxy: {error}"))?;
        let config = Agent::config_builder()
            .proxy(proxy)
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .max_response_header_size(HEAD)
            .max_idle_connections(idle)
            .max_idle_connections_per_host(idle)
            .max_idle_age(IDLE)
            .timeout_connect(Some(host.connect_timeout))
            .timeout_resolve(Some(host.connect_timeout))
            .user_agent("time-shift")
            .build();
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(Tls(tls));
        let who = match credentials {
            Credentials::Token(token) => Who::Token(token),
            Credentials::Ticket {
                user,
                kept,
                password,
                second,
            } => Who::Ticket {
                user,
                session: Session::new(kept),
                password,
                second,
            },
        };
        Ok(Client {
            base: format!(
                "https://{}:{}/api2/json",
                host.address.before_port(),
                host.port
            ),
            name,
            timeout: host.timeout,
            agent: Agent::with_parts(config, connector, DefaultResolver::default()),
            gate: Gate::new(lanes),
            lanes,
            who,
        })
    }

    /// One attempt, as whoever the client is. `refused` is the ticket that was refused before.
    fn attempt(
        &self,
        method: Method,
        path: &Path,
        parameters: &[(&str, &str)],
        deadline: Instant,
        refused: &mut Option<u64>,
    ) -> Result<Answer, Error> {
        let write = method != Method::Get;
        let headers = match &self.who {
            Who::Token(token) => {
                let token = format!("PVEAPIToken={}", token.expose());
                vec![("Authorization", Zeroizing::new(token))]
            }
            Who::Ticket {
                user,
                session,
                password,
                second,
            } => {
                let (headers, number) = session.with(
                    *refused,
                    |old| self.renew(old, user, password.as_ref(), second.as_ref()),
                    |ticket| {
                        let mut headers = vec![("Cookie", Zeroizing::new(ticket.cookie()))];
                        if write {
                            let csrf = Zeroizing::new(ticket.csrf().to_owned());
                            headers.push(("CSRFPreventionToken", csrf));
                        }
                        headers
                    },
                )?;
                *refused = Some(number);
                headers
            }
        };
        let form = write.then(|| encoded(parameters));
        let path = match (write, parameters) {
            (true, _) | (_, []) => path.clone(),
            (false, _) => path.asking(&encoded(parameters)),
        };
        self.send(method, &path, form, &headers, deadline)
    }
}

impl Api for Client {
    fn call(
        &self,
        method: Method,
        path: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Error> {
        let _passes = (self.gate.pass(), ALL.pass());
        let deadline = after(self.timeout);
        let mut refused = None;
        let mut again = false;
        let mut repeats = 0;
        loop {
            let mut used = match again {
                true => refused,
                false => None,
            };
            let done = self.attempt(method, path, parameters, deadline, &mut used);
            let done = match done {
                // A ticket that is refused is renewed once; nothing was done by the request.
                Ok(answer) if answer.status == 401 && used.is_some() && !again => {
                    (refused, again) = (used, true);
                    continue;
                }
                Ok(answer) => self.read(&answer),
                // The host could not look at a login, so that nothing else was asked.
                Err(error) if matches!(error.kind, Kind::Refused(_)) => return Err(error),
                Err(error) => Err(error),
            };
            let mut error = match done {
                Ok(data) => return Ok(data),
                Err(error) => error,
            };
            error.kind = meaning(method, error.kind);
            let safe = method == Method::Get || error.kind == Kind::NotSent;
            let pause = pause(repeats);
            if !error.passing || !safe || repeats >= REPEATS || after(pause) >= deadline {
                return Err(error);
            }
            std::thread::sleep(pause);
            repeats = repeats.saturating_add(1);
        }
    }

    fn enter(&self) -> Result<(), Error> {
        match &self.who {
            Who::Token(_) => Ok(()),
            Who::Ticket {
                user,
                session,
                password,
                second,
            } => {
                let _passes = (self.gate.pass(), ALL.pass());
                let login = |old: Option<&Ticket>| {
                    self.renew(old, user, password.as_ref(), second.as_ref())
                };
                session.with(None, login, |_| ()).map(|_| ())
            }
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn shown(&self, method: Method, path: &Path, parameters: &[(&str, &str)]) -> String {
        let form = encoded(parameters);
        let (word, path) = (method.as_str(), path.as_str());
        match (method, form.as_str()) {
            (_, "") => format!("{word} {}{path}", self.base),
            (Method::Get, form) => format!("{word} {}{path}?{form}", self.base),
            (_, form) => format!("{word} {}{path} {form}", self.base),
        }
    }

    fn lanes(&self) -> usize {
        self.lanes
    }
}

/// What a failure says about a request of this method.
fn meaning(method: Method, kind: Kind) -> Kind {
    match (method, kind) {
        (Method::Get, Kind::Unknown) => Kind::NoAnswer,
        (Method::Get, kind) => kind,
        // Somebody in between had no answer in time: pveproxy, which passes on what is another node's or
        // root's (`PVE::APIServer::AnyEvent`, `AnyEvent::HTTP`), or a proxy before it. 595 is a connection
        // that was not made.
        (_, Kind::Refused(502 | 504 | 596..=599)) => Kind::Unknown,
        (_, kind) => kind,
    }
}

fn proxy(peer: &Peer) -> Result<Proxy, ureq::Error> {
    Proxy::builder(ProxyProtocol::Http)
        .host(&peer.host().before_port())
        .port(peer.port().get())
        .build()
}

/// The pause before a repetition: growing, and not the same for all who wait.
fn pause(repeats: u32) -> Duration {
    let whole = PAUSE.saturating_mul(2_u32.saturating_pow(repeats));
    let [random, ..] = system::random_bytes();
    // Half of it to all of it.
    let part = u32::from(random).saturating_add(256);
    whole.saturating_mul(part).checked_div(512).unwrap_or(whole)
}

pub(super) fn after(length: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(length).unwrap_or(now)
}

/// A form, which may have a password in it: wiped after use, and never moved while it grows.
pub(super) fn encoded(form: &[(&str, &str)]) -> Zeroizing<String> {
    let fields = form.iter();
    let most = fields.map(|(name, value)| name.len().saturating_add(value.len()).saturating_add(2));
    let most = most.fold(0_usize, usize::saturating_add);
    // A byte becomes three at most.
    let mut text = Zeroizing::new(String::with_capacity(most.saturating_mul(3)));
    for (number, (name, value)) in form.iter().enumerate() {
        let mark = if number == 0 { "" } else { "&" };
        let value = Zeroizing::new(segment(value));
        for part in [mark, segment(name).as_str(), "=", value.as_str()] {
            text.push_str(part);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_that_somebody_in_between_gave_up_may_have_been_made() {
        for status in [502, 504, 596, 599] {
            assert_eq!(meaning(Method::Post, Kind::Refused(status)), Kind::Unknown);
            let read = meaning(Method::Get, Kind::Refused(status));
            assert_eq!(read, Kind::Refused(status));
        }
        for status in [400, 403, 500, 595] {
            let kind = Kind::Refused(status);
            assert_eq!(meaning(Method::Put, kind), kind);
        }
        assert_eq!(meaning(Method::Get, Kind::Unknown), Kind::NoAnswer);
    }

    #[test]
    fn pauses_grow_and_differ() {
        for (repeats, most) in [(0, 250), (1, 500), (2, 1_000)] {
            let pauses: Vec<u128> = (0..50).map(|_| pause(repeats).as_millis()).collect();
            assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}

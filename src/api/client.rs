//! The client of one host.
use std::io::ErrorKind;
use std::path::Path as FilePath;
use std::time::{Duration, Instant};

use serde_json::Value;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector, TcpConnector};
use ureq::{Agent, Proxy, ProxyProtocol, Timeout};
use zeroize::Zeroizing;

use super::auth::{self, Credentials, Session, Ticket};
use super::error::{Error, Kind};
use super::gate::{ALL, Gate, TOTAL, share};
use super::path::segment;
use super::wire::{self, Handshake, Tls};
use super::{Api, Method, Path, tls, totp};
use crate::config::ApiHost;
use crate::model::{BootInstant, Peer};
use crate::system;
use crate::token::Secret;

/// Largest body of an answer that is read.
const BODY: u64 = 8 * 1024 * 1024;
/// Largest head of an answer that is read.
const HEAD: usize = 64 * 1024;
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
    name: String,
    base: String,
    timeout: Duration,
    agent: Agent,
    gate: Gate,
    lanes: usize,
    who: Who,
}

enum Who {
    Token(Secret),
    Ticket {
        user: String,
        session: Session,
        password: Option<Secret>,
        totp: Option<Secret>,
    },
}

/// The answer to a request, as it came.
struct Answer {
    status: u16,
    body: Vec<u8>,
    reason: Option<String>,
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
                totp,
            } => Who::Ticket {
                user,
                session: Session::new(kept),
                password,
                totp,
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

    /// Logs in with a password, and a second factor where the host wants one, which `second` knows. What
    /// may have been sent once is not sent again.
    ///
    /// # Errors
    /// [`Error`].
    pub fn login(
        &self,
        user: &str,
        password: &Secret,
        second: &dyn Fn() -> Option<Secret>,
    ) -> Result<Ticket, Error> {
        let _passes = (self.gate.pass(), ALL.pass());
        self.log_in(user, password, second)
    }

    fn log_in(
        &self,
        user: &str,
        password: &Secret,
        second: &dyn Fn() -> Option<Secret>,
    ) -> Result<Ticket, Error> {
        let form = |password: &str, challenge: Option<&str>| {
            let mut form = vec![("username", user), ("password", password)];
            form.extend(challenge.map(|challenge| ("tfa-challenge", challenge)));
            encoded(&form)
        };
        let made = auth::now()?;
        let answer = self.ask_login(form(password.expose(), None))?;
        let wants_more = |answer: &Value| answer.get("NeedTFA").is_some_and(truthy);
        if !wants_more(&answer) {
            return self.ticket(&answer, made);
        }
        let challenge = answer.get("ticket").and_then(Value::as_str);
        let (Some(challenge), Some(code)) = (challenge, second()) else {
            return Err(self.no_login(
                "a second factor is wanted, and none is known: name its seed in config.toml (`totp`), or log \
                 in with `time-shift login`, or use an API token",
            ));
        };
        let code = Zeroizing::new(format!("totp:{}", code.expose()));
        let answer = self.ask_login(form(&code, Some(challenge)))?;
        if wants_more(&answer) {
            return Err(self.no_login("the second factor was not taken"));
        }
        self.ticket(&answer, made)
    }

    fn ask_login(&self, form: Zeroizing<String>) -> Result<Value, Error> {
        let deadline = after(self.timeout);
        let sent = self.send(Method::Post, &Path::ticket(), Some(form), &[], deadline);
        let answer = sent.map_err(|error| match error.kind {
            // Whether the password was right is not known, and it is not sent again to find out.
            Kind::Unknown => Error {
                kind: Kind::NoLogin,
                passing: false,
                ..error
            },
            _ => error,
        })?;
        match answer.status {
            401 => Err(self.no_login("the login was refused: user, password or second factor")),
            _ => self.read(&answer).map_err(|error| Error {
                kind: Kind::NoLogin,
                passing: false,
                ..error
            }),
        }
    }

    fn ticket(&self, answer: &Value, made: BootInstant) -> Result<Ticket, Error> {
        Ticket::of_answer(answer, made)
            .ok_or_else(|| self.no_login("the login was answered with something that is no ticket"))
    }

    fn no_login(&self, text: &str) -> Error {
        Error::new(Kind::NoLogin, &self.name, text)
    }

    /// Gets another ticket: by the old one while that is good, else by the password.
    fn renew(
        &self,
        old: Option<&Ticket>,
        user: &str,
        password: Option<&Secret>,
        totp: Option<&Secret>,
    ) -> Result<Ticket, Error> {
        let none = || None;
        if let Some(as_password) = old.and_then(Ticket::as_password) {
            let renewed = self.log_in(user, &as_password, &none);
            if renewed.is_ok() || password.is_none() {
                return renewed;
            }
        }
        let Some(password) = password else {
            return Err(self.no_login(&format!(
                "{user} is not logged in there, or the ticket has run out: time-shift login {}",
                self.name
            )));
        };
        let second = || {
            let now = system::now().ok()?.real.floor_seconds();
            Secret::copy_of(&totp::code(totp?, now)?).ok()
        };
        self.log_in(user, password, &second)
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
                totp,
            } => {
                let (headers, number) = session.with(
                    *refused,
                    |old| self.renew(old, user, password.as_ref(), totp.as_ref()),
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

    fn send(
        &self,
        method: Method,
        path: &Path,
        form: Option<Zeroizing<String>>,
        headers: &[(&str, Zeroizing<String>)],
        deadline: Instant,
    ) -> Result<Answer, Error> {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Error::new(
                Kind::NotSent,
                &self.name,
                "there was no time left for it",
            ));
        }
        wire::begin();
        let failed = |error: &ureq::Error| self.failure(error);
        let mut request = ureq::http::Request::builder()
            .method(method.as_str())
            .uri(format!("{}{}", self.base, path.as_str()));
        for (name, value) in headers {
            let value = ureq::http::HeaderValue::from_str(value).map(|mut value| {
                value.set_sensitive(true);
                value
            });
            let Ok(value) = value else {
                return Err(
                    self.no_login("the token or ticket has something in it that cannot be sent")
                );
            };
            request = request.header(*name, value);
        }
        let answer = match form {
            Some(form) => {
                let request = request
                    .header("Content-Type", "application/x-www-form-urlencoded")
                    .body(form.as_str())
                    .map_err(|error| failed(&error.into()))?;
                let request = self
                    .agent
                    .configure_request(request)
                    .timeout_global(Some(left))
                    .build();
                self.agent.run(request)
            }
            None => {
                let request = request.body(()).map_err(|error| failed(&error.into()))?;
                let request = self
                    .agent
                    .configure_request(request)
                    .timeout_global(Some(left))
                    .build();
                self.agent.run(request)
            }
        };
        let mut answer = answer.map_err(|error| failed(&error))?;
        let reason = wire::reason();
        let status = answer.status().as_u16();
        let body = answer
            .body_mut()
            .with_config()
            .limit(BODY)
            .read_to_vec()
            .map_err(|error| failed(&error))?;
        Ok(Answer {
            status,
            body,
            reason,
        })
    }

    fn failure(&self, error: &ureq::Error) -> Error {
        let kind = match wire::was_sent() {
            true => Kind::Unknown,
            false => Kind::NotSent,
        };
        let (text, passing) = match error {
            ureq::Error::Other(why) if why.is::<Handshake>() => (why.to_string(), false),
            ureq::Error::Timeout(Timeout::Connect) => ("no connection in time".to_owned(), true),
            ureq::Error::Timeout(Timeout::Resolve) => {
                ("its name was not resolved in time".to_owned(), true)
            }
            ureq::Error::Timeout(_) if kind == Kind::NotSent => {
                ("no connection in time".to_owned(), true)
            }
            ureq::Error::Timeout(_) => (
                format!("no whole answer within {} ms", self.timeout.as_millis()),
                false,
            ),
            ureq::Error::HostNotFound => {
                ("there is no host of that name or address".to_owned(), false)
            }
            ureq::Error::BodyExceedsLimit(_) => {
                (format!("its answer is longer than {BODY} bytes"), false)
            }
            ureq::Error::LargeResponseHeader(..) => (
                format!("the head of its answer is longer than {HEAD} bytes"),
                false,
            ),
            ureq::Error::Protocol(why) => (format!("its answer is no HTTP: {why}"), false),
            ureq::Error::Io(why) => (
                match why.kind() {
                    ErrorKind::UnexpectedEof => "it closed the connection".to_owned(),
                    _ => why.to_string(),
                },
                matches!(
                    why.kind(),
                    ErrorKind::ConnectionRefused
                        | ErrorKind::ConnectionReset
                        | ErrorKind::ConnectionAborted
                        | ErrorKind::BrokenPipe
                        | ErrorKind::UnexpectedEof
                        | ErrorKind::HostUnreachable
                        | ErrorKind::NetworkUnreachable
                        | ErrorKind::NotConnected
                ),
            ),
            other => (other.to_string(), false),
        };
        let error = Error::new(kind, &self.name, &text);
        match passing {
            true => error.passing(),
            false => error,
        }
    }

    /// What an answer says: its data, or the refusal with what is wrong with each field.
    fn read(&self, answer: &Answer) -> Result<Value, Error> {
        let parsed: Result<Value, _> = serde_json::from_slice(&answer.body);
        if (200..300).contains(&answer.status) {
            let data = parsed
                .ok()
                .and_then(|mut parsed| parsed.get_mut("data").map(Value::take));
            return data.ok_or_else(|| {
                let text = "its answer is not what Proxmox VE's API answers (JSON with `data`)";
                Error::new(Kind::Unknown, &self.name, text)
            });
        }
        let parsed = parsed.unwrap_or_default();
        let message = parsed.get("message").and_then(Value::as_str);
        let message = message.map(|message| message.trim().to_owned());
        let message = message
            .or_else(|| answer.reason.clone())
            .unwrap_or_else(|| "no reason is given".to_owned());
        let fields = parsed.get("errors").and_then(Value::as_object);
        let fields: String = fields
            .into_iter()
            .flatten()
            .take(20)
            .map(|(field, why)| match why.as_str() {
                Some(why) => format!("; {field}: {}", why.trim()),
                None => format!("; {field}"),
            })
            .collect();
        let hint = match answer.status {
            301..=399 => " (it leads elsewhere, and is not followed)",
            401 => " (the token or ticket is not taken)",
            403 => " (a right is missing)",
            595..=599 => " (that node does not answer)",
            _ => "",
        };
        let text = format!("{message}{fields}{hint}");
        let kind = match answer.status {
            401 => Kind::NoLogin,
            status => Kind::Refused(status),
        };
        let error = Error::new(kind, &self.name, &text);
        Err(match answer.status {
            502..=504 | 596 => error.passing(),
            _ => error,
        })
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
                Err(error) => Err(error),
            };
            let mut error = match done {
                Ok(data) => return Ok(data),
                Err(error) => error,
            };
            if method == Method::Get && error.kind == Kind::Unknown {
                error.kind = Kind::NoAnswer;
            }
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
                totp,
            } => {
                let _passes = (self.gate.pass(), ALL.pass());
                let login =
                    |old: Option<&Ticket>| self.renew(old, user, password.as_ref(), totp.as_ref());
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

fn after(length: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(length).unwrap_or(now)
}

/// A form, which may have a password in it: wiped after use, and never moved while it grows.
fn encoded(form: &[(&str, &str)]) -> Zeroizing<String> {
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

/// Perl's truth, as far as it gets into JSON.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for (repeats, most) in [(0, 250), (1, 500), (2, 1_000)] {
            let pauses: Vec<u128> = (0..50).map(|_| pause(repeats).as_millis()).collect();
            assert!(pauses.iter().all(|pause| (most / 2..=most).contains(pause)));
            assert!(pauses.iter().any(|pause| *pause != pauses[0]));
        }
    }
}

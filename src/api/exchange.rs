//! One request and its answer over HTTP, and what either says.
use std::io::ErrorKind;
use std::time::Instant;

use serde_json::Value;
use ureq::Timeout;
use zeroize::Zeroizing;

use super::client::{BODY, Client, HEAD};
use super::error::{Error, Kind};
use super::wire::{self, Handshake};
use super::{Method, Path};

/// The answer to a request, as it came.
pub(super) struct Answer {
    pub(super) status: u16,
    body: Vec<u8>,
    reason: Option<String>,
}

impl Client {
    pub(super) fn send(
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
    pub(super) fn read(&self, answer: &Answer) -> Result<Value, Error> {
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

/// Perl's truth, as far as it gets into JSON.
pub(super) fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty() && text != "0",
        _ => false,
    }
}

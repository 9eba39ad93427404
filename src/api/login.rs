//! Logins by password, and by the ticket that is still good.
use serde_json::Value;
use zeroize::Zeroizing;

use super::auth::{self, Ticket};
use super::client::{Client, after, encoded};
use super::error::{Error, Kind};
use super::exchange::truthy;
use super::gate::ALL;
use super::{Method, Path, SecondFactor};
use crate::model::BootInstant;
use crate::token::Secret;

impl Client {
    /// Logs in with a password, and a second factor where the host wants one, which `second` knows. What
    /// may have been sent once is not sent again.
    ///
    /// # Errors
    /// [`Error`].
    pub fn login(
        &self,
        user: &str,
        password: &Secret,
        second: &dyn Fn() -> Result<Secret, String>,
    ) -> Result<Ticket, Error> {
        let _passes = (self.gate.pass(), ALL.pass());
        self.log_in(user, password, second)
    }

    fn log_in(
        &self,
        user: &str,
        password: &Secret,
        second: &dyn Fn() -> Result<Secret, String>,
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
        let challenge = challenge
            .ok_or_else(|| self.no_login("a second factor is wanted, and for what is not said"))?;
        let code = second()
            .map_err(|why| self.no_login(&format!("a second factor is wanted, and {why}")))?;
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
            // It refuses nobody who cannot look.
            500.. => self.read(&answer).map_err(|error| Error {
                passing: false,
                ..error
            }),
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

    pub(super) fn no_login(&self, text: &str) -> Error {
        Error::new(Kind::NoLogin, &self.name, text)
    }

    /// Gets another ticket: by the old one while that is good, else by the password.
    pub(super) fn renew(
        &self,
        old: Option<&Ticket>,
        user: &str,
        password: Option<&Secret>,
        second: Option<&SecondFactor>,
    ) -> Result<Ticket, Error> {
        let none = || {
            Err("none is known: name its seed in config.toml (`totp`), or log in with `time-shift login`, \
                 or use an API token"
                .to_owned())
        };
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
        match second {
            Some(second) => self.log_in(user, password, second),
            None => self.log_in(user, password, &none),
        }
    }
}

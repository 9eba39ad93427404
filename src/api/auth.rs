//! Who a client is to a host: the owner of a token, or of a ticket that is renewed in time.
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::error::{Error, Kind};
use crate::model::BootInstant;
use crate::system;
use crate::token::Secret;

/// How long a ticket is good (`PVE::AccessControl`).
const LIFE: Duration = Duration::from_secs(2 * 60 * 60);
/// How long before its end it is renewed.
const MARGIN: Duration = Duration::from_secs(5 * 60);

/// A ticket, and what a request that changes something needs beside it.
pub struct Ticket {
    ticket: Secret,
    csrf: Secret,
    /// When it was asked for, by the clock that nobody sets.
    made: BootInstant,
}

/// Gives a code of a second factor that was not used yet, or says why there is none.
pub type SecondFactor = Box<dyn Fn() -> Result<Secret, String> + Send + Sync>;

/// What a host is told about who asks.
pub enum Credentials {
    /// An API token, `USER@REALM!ID=UUID`.
    Token(Secret),
    /// A ticket that was kept, a password that gets one, and a second factor.
    Ticket {
        /// `NAME@REALM`.
        user: String,
        /// One that is there already.
        kept: Option<Ticket>,
        /// How to get another.
        password: Option<Secret>,
        /// Where its codes come from.
        second: Option<SecondFactor>,
    },
}

impl Ticket {
    /// Reads the answer to a login that was sent at `made`. `None` where it has no ticket that could be sent.
    pub(super) fn of_answer(answer: &Value, made: BootInstant) -> Option<Ticket> {
        let field = |name: &str| {
            let text = answer.get(name)?.as_str()?;
            let graphic = text.bytes().all(|byte| byte.is_ascii_graphic());
            (graphic && !text.contains(';')).then(|| Secret::copy_of(text).ok())?
        };
        Some(Ticket {
            ticket: field("ticket")?,
            csrf: field("CSRFPreventionToken")?,
            made,
        })
    }

    /// All of it in one line, for what keeps it.
    #[must_use]
    pub fn line(&self) -> Option<Secret> {
        let (ticket, csrf) = (self.ticket.expose(), self.csrf.expose());
        let mut line = format!("{} {ticket} {csrf}", self.made.as_nanos());
        let secret = Secret::copy_of(&line).ok();
        zeroize::Zeroize::zeroize(&mut line);
        secret
    }

    /// Reads such a line.
    #[must_use]
    pub fn of_line(line: &Secret) -> Option<Ticket> {
        let (made, rest) = line.expose().split_once(' ')?;
        let (ticket, csrf) = rest.split_once(' ')?;
        Some(Ticket {
            ticket: Secret::copy_of(ticket).ok()?,
            csrf: Secret::copy_of(csrf).ok()?,
            made: BootInstant::from_nanos(made.parse().ok()?),
        })
    }

    pub(super) fn as_password(&self) -> Option<Secret> {
        Secret::copy_of(self.ticket.expose()).ok()
    }

    /// As it is, since that is what other clients send; but the other side decodes a percent sign.
    pub(super) fn cookie(&self) -> String {
        format!("PVEAuthCookie={}", self.ticket.expose().replace('%', "%25"))
    }

    pub(super) fn csrf(&self) -> &str {
        self.csrf.expose()
    }
}

/// A ticket in use.
struct Held {
    ticket: Ticket,
    /// Which one it is: each renewal makes another.
    number: u64,
}

/// The ticket that all threads share.
pub(super) struct Session {
    state: Mutex<State>,
}

struct State {
    held: Option<Held>,
    /// Why there is none, once the other side may have seen a login that failed: it is not tried again.
    failed: Option<Error>,
}

impl Session {
    pub(super) fn new(kept: Option<Ticket>) -> Session {
        let held = kept.map(|ticket| Held { ticket, number: 0 });
        Session {
            state: Mutex::new(State { held, failed: None }),
        }
    }

    /// Does something with a ticket that is good for some minutes. Where there is none, or `refused` is
    /// the number of the one that there is, `login` gets another: once, however many threads ask, and not
    /// again once it has failed. The ticket's number comes back, too.
    pub(super) fn with<T>(
        &self,
        refused: Option<u64>,
        login: impl FnOnce(Option<&Ticket>) -> Result<Ticket, Error>,
        work: impl FnOnce(&Ticket) -> T,
    ) -> Result<(T, u64), Error> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        let held = state.held.as_ref();
        let is_refused = |held: &Held| refused == Some(held.number);
        let now = now()?;
        let is_due = |held: &Held| is_due(now, held.ticket.made);
        if let Some(good) = held.filter(|held| !is_due(held) && !is_refused(held)) {
            return Ok((work(&good.ticket), good.number));
        }
        let number = held.map_or(1, |held| held.number.saturating_add(1));
        // One that was refused is of no use to get another.
        let old = held.filter(|held| !is_refused(held));
        match login(old.map(|held| &held.ticket)) {
            Ok(ticket) => {
                let done = work(&ticket);
                state.held = Some(Held { ticket, number });
                Ok((done, number))
            }
            Err(error) => {
                if error.kind != Kind::NotSent {
                    state.failed = Some(error.clone());
                }
                Err(error)
            }
        }
    }
}

/// The time by the clock that nobody sets, and that runs on while the host sleeps.
///
/// # Errors
/// [`Error`] where the host has none.
pub(super) fn now() -> Result<BootInstant, Error> {
    let now = system::now().map_err(|error| {
        let text = format!("this host's clock: {error}");
        Error::new(Kind::NotSent, "", &text)
    })?;
    Ok(now.boot)
}

/// One of another boot, which could be made later than now, is due too.
fn is_due(now: BootInstant, made: BootInstant) -> bool {
    made > now || now.since(made) >= LIFE.saturating_sub(MARGIN)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn ticket(text: &str) -> Ticket {
        let answer = serde_json::json!({"ticket": text, "CSRFPreventionToken": "c"});
        Ticket::of_answer(&answer, now().unwrap()).unwrap()
    }

    #[test]
    fn a_ticket_is_renewed_five_minutes_before_its_end() {
        let at = |seconds: u64| BootInstant::from_nanos(seconds * 1_000_000_000);
        assert!(!is_due(at(7_899), at(1_000)));
        assert!(is_due(at(7_900), at(1_000)));
        assert!(is_due(at(999), at(1_000)));
        // One that was kept is as old as it is.
        let old = serde_json::json!({"ticket": "old", "CSRFPreventionToken": "c"});
        let now = now().unwrap();
        let kept = Ticket::of_answer(&old, at(0)).unwrap().line().unwrap();
        let session = Session::new(Ticket::of_line(&kept));
        let login = |old: Option<&Ticket>| {
            assert_eq!(old.unwrap().cookie(), "PVEAuthCookie=old");
            Ok(ticket("new"))
        };
        if now.since(at(0)) > LIFE {
            let used = session.with(None, login, Ticket::cookie).unwrap();
            assert_eq!(used, ("PVEAuthCookie=new".to_owned(), 1));
        }
    }

    #[test]
    fn a_ticket_that_is_refused_to_many_is_renewed_once() {
        let session = Session::new(Some(ticket("old")));
        let logins = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..20 {
                scope.spawn(|| {
                    let login = |_: Option<&Ticket>| {
                        logins.fetch_add(1, Ordering::SeqCst);
                        Ok(ticket("new"))
                    };
                    let used = session.with(Some(0), login, Ticket::cookie).unwrap();
                    assert_eq!(used, ("PVEAuthCookie=new".to_owned(), 1));
                });
            }
        });
        assert_eq!(logins.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_login_that_failed_is_not_tried_again_unless_nothing_was_sent() {
        let session = Session::new(None);
        let logins = AtomicUsize::new(0);
        for (kind, times) in [(Kind::NotSent, 1), (Kind::NoLogin, 2), (Kind::NoLogin, 2)] {
            let login = |_: Option<&Ticket>| {
                logins.fetch_add(1, Ordering::SeqCst);
                Err(Error::new(kind, "a", "no"))
            };
            assert!(session.with(None, login, Ticket::cookie).is_err());
            assert_eq!(logins.load(Ordering::SeqCst), times);
        }
    }

    #[test]
    fn what_is_no_ticket_is_not_sent() {
        for bad in ["", "a\r\nX: y", "a;b", "ü", "a b"] {
            let answer = serde_json::json!({"ticket": bad, "CSRFPreventionToken": "c"});
            let made = now().unwrap();
            assert!(Ticket::of_answer(&answer, made).is_none(), "{bad:?}");
        }
        let kept = ticket("PVE:a%41@b::c==").line().unwrap();
        let again = Ticket::of_line(&kept).unwrap();
        assert_eq!(again.cookie(), "PVEAuthCookie=PVE:a%2541@b::c==");
        assert_eq!(again.csrf(), "c");
    }
}

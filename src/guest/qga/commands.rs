//! The agent's commands that change nothing, and the one that sets the clock.
use std::collections::BTreeSet;

use serde::Deserialize;

use super::answer::{maybe_printable, typed};
use super::{Agent, AgentError, Broken};
use crate::model::{BootInstant, Course, Now, Offset, Printable, TimeError, Timestamp};
use crate::system::{self, Deadline};
use crate::verify::{AgentSample, Window};

pub(super) const GET_TIME: &str = "guest-get-time";
const SET_TIME: &str = "guest-set-time";
const INFO: &str = "guest-info";
const OS_INFO: &str = "guest-get-osinfo";

/// What an agent can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentInfo {
    /// Its version.
    pub version: Option<Printable>,
    enabled: BTreeSet<String>,
}

impl AgentInfo {
    /// Whether the agent has this command and its administrator has not blocked it.
    #[must_use]
    pub fn allows(&self, command: &str) -> bool {
        self.enabled.contains(command)
    }
}

#[derive(Deserialize)]
struct RawInfo {
    #[serde(default, deserialize_with = "maybe_printable")]
    version: Option<Printable>,
    supported_commands: Vec<RawCommand>,
}

#[derive(Deserialize)]
struct RawCommand {
    name: String,
    enabled: bool,
}

/// What the guest says it is.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct OsInfo {
    /// As in os-release(5), like `debian`; `mswindows` for Windows.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub id: Option<Printable>,
    /// Like `Debian GNU/Linux`.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub name: Option<Printable>,
    /// The name for people, with its version.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub pretty_name: Option<Printable>,
    /// Like `13`.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub version_id: Option<Printable>,
    /// Like `6.12.0-1-amd64`; Windows has its build number here.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub kernel_release: Option<Printable>,
    /// Like `x86_64`.
    #[serde(default, deserialize_with = "maybe_printable")]
    pub machine: Option<Printable>,
}

impl OsInfo {
    /// Whether it is Windows.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.id.as_ref().map(Printable::as_str) == Some("mswindows")
    }
}

impl Agent {
    /// What the agent can do.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn info(&mut self, deadline: Deadline) -> Result<AgentInfo, AgentError> {
        let raw: RawInfo = typed(INFO, self.plain(INFO, deadline)?)?;
        let enabled = raw.supported_commands.into_iter();
        Ok(AgentInfo {
            version: raw.version,
            enabled: enabled
                .filter_map(|command| command.enabled.then_some(command.name))
                .collect(),
        })
    }

    /// What the guest says it is. Agents before QEMU 2.10 do not know the command.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn os_info(&mut self, deadline: Deadline) -> Result<OsInfo, AgentError> {
        typed(OS_INFO, self.plain(OS_INFO, deadline)?)
    }

    /// Asks the guest's system clock once.
    ///
    /// # Errors
    /// [`AgentError`].
    pub fn get_time(&mut self, deadline: Deadline) -> Result<AgentSample, AgentError> {
        self.ready(deadline)?;
        let unusable = || Broken::UnexpectedAnswer { command: GET_TIME };
        let boot =
            || -> Result<BootInstant, Broken> { Ok(system::now().map_err(|_| unusable())?.boot) };
        let from = boot()?;
        let value = self.plain(GET_TIME, deadline)?;
        let to = boot()?;
        let nanos: i64 = typed(GET_TIME, value)?;
        let shown = Timestamp::from_nanos(nanos.into()).map_err(|_| unusable())?;
        Ok(AgentSample {
            shown,
            asked: Window { from, to },
        })
    }

    /// Sets the guest's system clock to what `course` says for the moment of sending, and `lead`
    /// more, which is what the way there takes. The answer comes late: first the agent runs hwclock.
    ///
    /// # Errors
    /// [`AgentError`], or the time cannot be calculated and nothing was sent.
    pub(super) fn set_time(
        &mut self,
        course: &Course,
        lead: Offset,
        deadline: Deadline,
    ) -> Result<Result<(), AgentError>, TimeError> {
        if let Err(error) = self.ready(deadline) {
            return Ok(Err(error));
        }
        let now: Now = system::now()?;
        let nanos = course.guest_time(now)?.plus(lead)?.as_nanos();
        let request =
            format!("{{\"execute\":\"{SET_TIME}\",\"arguments\":{{\"time\":{nanos}}}}}\n");
        Ok(self.exchange(SET_TIME, &request, deadline).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guest_says_it_is_is_sanitised_and_optional() {
        let os: OsInfo = serde_json::from_str(
            r#"{"id": "debian", "pretty-name": "De\u001b[31mbian\u0000", "new-field": {"a": [1]}}"#,
        )
        .unwrap();
        assert_eq!(os.pretty_name.unwrap().as_str(), "De\\u{1b}[31mbian\\u{0}");
        assert_eq!(os.kernel_release, None);
        assert!(serde_json::from_str::<OsInfo>(r#"{"id": 7}"#).is_err());
    }
}

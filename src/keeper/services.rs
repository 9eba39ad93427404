//! The time services in a guest: stopped while its clock is shifted, started again afterwards, by
//! commands of the allowlist alone.
use std::time::Duration;

use super::allow::Proposal;
use super::error::KeepError;
use super::subject::Subject;
use crate::allowlist::{CommandName, Does, GuestCommand, GuestOs, TimeService};
use crate::audit::{Event, IntentLogged, Record};
use crate::guest::qga::{Agent, AgentError, run};
use crate::model::{Printable, Timestamp};
use crate::policy::authorize_command;
use crate::system::Deadline;

/// How long the agent's socket may be held by others before a command is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);

impl Subject<'_> {
    /// Stops the guest's time services, if its profile says so. What was stopped is written down
    /// before, so that it is started again even if this process ends in between.
    pub(super) fn stop_services(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
        restore_by: Option<Timestamp>,
    ) {
        if proposal.authorized.grant().time_service() != TimeService::Stop {
            return;
        }
        let commands = match self.commands(proposal, Does::Stop) {
            Ok(commands) => commands,
            Err(why) => {
                self.voice.warn(
                    "time-service",
                    &format!("no time service was stopped: {why}"),
                );
                return;
            }
        };
        let known = self.handover();
        let mut undo = known.map(|known| known.undo).unwrap_or_default();
        for command in commands {
            if let Some(query) = &command.query {
                // Nothing runs that could be stopped, or the program is not there to be asked.
                if self.run(proposal, intent, query) != Ok(0) {
                    continue;
                }
            }
            let name = command.undo.as_ref().map(ToString::to_string);
            let new = name.filter(|name| !undo.contains(name));
            if let Some(name) = &new {
                undo.push(name.clone());
                if let Err(error) = self.hand_over(proposal, restore_by, undo.clone()) {
                    let text = format!(
                        "no time service was stopped, since what would start it again could not be \
                         written down: {error}"
                    );
                    self.voice.warn("time-service", &text);
                    return;
                }
            }
            let why = match self.run(proposal, intent, &command.name) {
                Ok(0) => continue,
                Ok(code) => {
                    // What did not stop anything, like `net stop` of what does not run, is not to be
                    // taken back, unless an earlier one did.
                    if new.is_some() {
                        undo.pop();
                        if let Err(error) = self.hand_over(proposal, restore_by, undo.clone()) {
                            self.voice.warn("state", &error.to_string());
                        }
                    }
                    format!("guest command {} ended with {code}", command.name)
                }
                Err(why) => why,
            };
            let text = format!("a time service may still run: {why}");
            self.voice.warn("time-service", &text);
        }
    }

    /// Starts again what was stopped. Gives the commands that did not do it, each with the reason.
    pub(super) fn start_services(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
    ) -> Vec<(String, String)> {
        let known = self.handover();
        let undo = known.map(|known| known.undo).unwrap_or_default();
        let mut left = Vec::new();
        for text in undo {
            let done = CommandName::parse(&text)
                .map_err(|error| error.to_string())
                .and_then(|name| self.run(proposal, intent, &name));
            match done {
                Ok(0) => {}
                Ok(code) => left.push((text, format!("ended with {code}"))),
                Err(why) => left.push((text, why)),
            }
        }
        left
    }

    /// Remembers the commands that are still to be run.
    pub(super) fn hand_over_commands(
        &self,
        proposal: &Proposal,
        left: &[(String, String)],
    ) -> Result<(), KeepError> {
        let names = left.iter().map(|(name, _)| name.clone());
        self.hand_over(proposal, None, names.collect())
    }

    /// The time services that run in the guest, by the commands that ask for them.
    pub(super) fn running_services(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
    ) -> Vec<String> {
        let commands = self.commands(proposal, Does::Query).unwrap_or_default();
        let names = commands.iter().map(|command| &command.name);
        names
            .filter(|name| self.run(proposal, intent, name) == Ok(0))
            .map(ToString::to_string)
            .collect()
    }

    /// The profile's commands of a kind that are for this guest, asked of the guest itself.
    fn commands<'p>(
        &self,
        proposal: &'p Proposal,
        does: Does,
    ) -> Result<Vec<&'p GuestCommand>, String> {
        let allowlist = &proposal.loaded.allowlist;
        let profile = allowlist
            .profiles
            .get(proposal.authorized.grant().profile());
        let listed = profile.map(|profile| profile.guest_commands.as_slice());
        let of_kind: Vec<&GuestCommand> = listed
            .unwrap_or_default()
            .iter()
            .filter_map(|name| allowlist.guest_commands.get(name))
            .filter(|command| command.does == Some(does))
            .collect();
        if of_kind.is_empty() {
            return match does {
                Does::Query => Ok(Vec::new()),
                Does::Stop | Does::Start => Err(format!(
                    "profile {} lists no guest command that does it",
                    proposal.authorized.grant().profile()
                )),
            };
        }
        let family = self.family().map_err(|error| error.to_string())?;
        let Some(family) = family else {
            return Err(
                "the guest's agent does not run commands (guest-exec is blocked, as in the RHEL \
                 family)"
                    .to_owned(),
            );
        };
        let fits = |command: &&GuestCommand| command.os.is_none_or(|os| os == family);
        Ok(of_kind.into_iter().filter(fits).collect())
    }

    /// What kind of guest it is, if its agent runs commands at all.
    fn family(&self) -> Result<Option<GuestOs>, AgentError> {
        let deadline = Deadline::after(CONNECT_LIMIT);
        let mut agent = Agent::connect(&self.qemu.agent, self.qemu.generation, deadline)?;
        if !agent.info(deadline)?.allows("guest-exec") {
            return Ok(None);
        }
        Ok(Some(match agent.os_info(deadline)?.is_windows() {
            true => GuestOs::Windows,
            false => GuestOs::Linux,
        }))
    }

    /// Runs one command in the guest and records it. Gives its exit code.
    fn run(
        &self,
        proposal: &Proposal,
        intent: &IntentLogged,
        name: &CommandName,
    ) -> Result<i64, String> {
        let grant = proposal.authorized.grant();
        let authorized = authorize_command(grant, &proposal.loaded.allowlist, name)
            .map_err(|deny| deny.to_string())?;
        let until = self.budget.map(|budget| budget.commands_end);
        if until.is_some_and(Deadline::passed) {
            return Err(format!(
                "guest command {name}: not run: no time is left for it"
            ));
        }
        let (code, text) = match run(&self.qemu, &authorized, intent, CONNECT_LIMIT, until) {
            Ok(outcome) => {
                let mut text = match (outcome.exit_code, outcome.signal) {
                    (Some(code), _) => format!("guest command {name} ended with {code}"),
                    (None, Some(signal)) => {
                        format!("guest command {name} was ended by signal {signal}")
                    }
                    (None, None) => format!("guest command {name} ended"),
                };
                for said in [&outcome.out, &outcome.err] {
                    if !said.as_str().is_empty() {
                        text.push_str(&format!(": {said}"));
                    }
                }
                (outcome.exit_code, text)
            }
            Err(error) => (None, format!("guest command {name}: {error}")),
        };
        let record = Record {
            name: self.facts.name.as_ref(),
            profile: Some(grant.profile()),
            text: Some(Printable::sentence(&text)),
            ..Record::new(Event::Command, self.vmid)
        };
        if let Err(error) = self.trail.outcome(intent, &record) {
            let text = format!("the audit trail was not written: {error}");
            self.voice.warn("audit", &text);
        }
        code.ok_or(text)
    }
}

//! Which commands may be run. In a guest: those that the allowlist names for the grant's profile, and
//! those that these name as their `undo` and `query`. On the host: those that it has by that name.
use std::fmt::Display;

use super::authorize::Authorized;
use super::decide::Grant;
use crate::allowlist::{Allowlist, CommandName, HostCommand, Piece, pieces};
use crate::model::{Deny, DenyReason, Invocation, NodeName, VmId, Volume};

/// Takes a command from the allowlist, if the grant's profile lists it, or lists one that names it.
///
/// # Errors
/// A [`Deny`]; it never keeps a VM from starting, since commands are run long after.
pub fn authorize_command(
    grant: &Grant,
    allowlist: &Allowlist,
    name: &CommandName,
) -> Result<Authorized<Invocation>, Deny> {
    let listed = allowlist
        .profiles
        .get(&grant.profile)
        .map(|profile| profile.guest_commands.as_slice())
        .unwrap_or_default();
    let named_by = |other: &CommandName| {
        let command = allowlist.guest_commands.get(other);
        command.is_some_and(|command| {
            command.undo.as_ref() == Some(name) || command.query.as_ref() == Some(name)
        })
    };
    let may = listed.iter().any(|other| other == name || named_by(other));
    match allowlist.guest_commands.get(name) {
        Some(command) if may && command.confirm && !grant.confirmed => Err(Deny::new(
            DenyReason::ConfirmationMissing,
            format!(
                "the guest command {name} (allowlist line {}) wants `confirm`, so it is run only for VMs \
                 whose rule has `confirm = true` and which somebody has approved",
                command.line
            ),
        )),
        Some(command) if may => Ok(Authorized {
            plan: Invocation {
                name: name.to_string(),
                path: command.path.clone(),
                args: command.args.clone(),
                timeout: command.timeout,
                output_limit: command.output_limit,
            },
            grant: grant.clone(),
        }),
        _ => Err(Deny::new(
            DenyReason::CommandNotAllowed,
            format!(
                "profile {} does not list the guest command {name}; add it to its guest-commands if it \
                 is meant",
                grant.profile
            ),
        )),
    }
}

/// What the placeholders of a command stand for. Each can be nothing else than what it says.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostValues<'a> {
    /// `{vmid}`
    pub vmid: Option<VmId>,
    /// `{node}`
    pub node: Option<&'a NodeName>,
    /// `{volume}`
    pub volume: Option<&'a Volume>,
}

impl HostValues<'_> {
    fn get(&self, word: &str) -> Option<String> {
        fn text(value: Option<impl Display>) -> Option<String> {
            value.map(|value| value.to_string())
        }
        match word {
            "vmid" => text(self.vmid),
            "node" => text(self.node),
            "volume" => text(self.volume),
            _ => None,
        }
    }
}

/// A command on the host that the allowlist has. Nothing but [`authorize_host_command`] makes one.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPermit {
    invocation: Invocation,
}

impl HostPermit {
    /// What may be run.
    #[must_use]
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }
}

/// Takes a command on the host from the allowlist. `agreed`: whether a person has agreed to this call.
///
/// # Errors
/// A [`Deny`] where it is not listed, wants somebody to agree, or a value for it is missing.
pub fn authorize_host_command(
    allowlist: &Allowlist,
    name: &CommandName,
    values: HostValues<'_>,
    agreed: bool,
) -> Result<HostPermit, Deny> {
    let no = |text: String| Deny::new(DenyReason::CommandNotAllowed, text);
    let Some(command) = allowlist.host_commands.get(name) else {
        return Err(no(format!(
            "the allowlist has no [[host-command]] {name}; add it if it is meant (the shipped file, \
             /usr/share/doc/time-shift-proxmox/examples/allowlist.toml, has it)"
        )));
    };
    let line = command.line;
    if command.confirm && !agreed {
        return Err(Deny::new(
            DenyReason::ConfirmationMissing,
            format!(
                "the host command {name} (allowlist line {line}) wants somebody to agree each time"
            ),
        ));
    }
    let args = fill(command, values).map_err(no)?;
    // The file was checked when it was read; this is what it has become.
    let denied = |text: &String| allowlist.deny.argument(text);
    if let Some(why) = args.iter().find_map(denied) {
        return Err(no(format!(
            "the host command {name} (allowlist line {line}): {why}"
        )));
    }
    Ok(HostPermit {
        invocation: Invocation {
            name: name.to_string(),
            path: command.path.to_string(),
            args,
            timeout: command.timeout,
            output_limit: command.output_limit,
        },
    })
}

fn fill(command: &HostCommand, values: HostValues<'_>) -> Result<Vec<String>, String> {
    let piece = |piece: Piece<'_>| {
        match piece {
        Piece::Text(text) => Ok(text.to_owned()),
        Piece::Value(word) => values.get(word).ok_or_else(|| {
            format!(
                "the host command {} (allowlist line {}) has {{{word}}} in it, for which there is nothing \
                 here",
                command.name, command.line
            )
        }),
    }
    };
    let argument = |argument: &String| {
        let pieces = pieces(argument).unwrap_or_default();
        pieces.into_iter().map(piece).collect()
    };
    command.args.iter().map(argument).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VmId;
    use crate::policy::{Confirmation, Decision, Pins, Request, Starter, decide};
    use crate::{allowlist, vmconfig};

    const TEXT: &str = r#"
version = 1
[profiles.test]
target = "2016-06-15T12:00:00Z"
guest-commands = ["stop"]
[[allow]]
vmids = [100]
profiles = ["test"]
assign = "test"
earliest = "1970-01-01"
latest = "2105-12-31"
max-shift = "100y"
[[guest-command]]
name = "stop"
path = "/usr/bin/timedatectl"
args = ["set-ntp", "false"]
undo = "start"
[[guest-command]]
name = "start"
path = "/usr/bin/timedatectl"
args = ["set-ntp", "true"]
[[guest-command]]
name = "another"
path = "/bin/true"
"#;

    #[test]
    fn only_what_the_profile_lists_and_what_undoes_it_may_be_run() {
        let list = allowlist::parse(TEXT).unwrap();
        let request = Request {
            vmid: VmId::parse(b"100").unwrap(),
            registered_tags: Vec::new(),
            confirmation: Confirmation::Missing,
            starter: Starter::default(),
            pins: Pins::default(),
        };
        let Decision::Permitted(grant) = decide(&request, &vmconfig::parse(b""), &list) else {
            panic!("permitted");
        };
        let ask = |name: &str| authorize_command(&grant, &list, &CommandName::parse(name).unwrap());
        let stop = ask("stop").unwrap();
        assert_eq!(stop.plan().path, "/usr/bin/timedatectl");
        assert_eq!(stop.plan().args, ["set-ntp", "false"]);
        assert_eq!(ask("start").unwrap().plan().args, ["set-ntp", "true"]);
        for name in ["another", "missing"] {
            let deny = ask(name).unwrap_err();
            assert_eq!(deny.reason, DenyReason::CommandNotAllowed, "{name}");
        }
    }
}

//! Which commands may be run. In a guest: those that the allowlist names for the grant's profile, and
//! those that these name as their `undo` and `query`. On the host: those that it has by that name.
use std::path::Path;

use super::authorize::Authorized;
use super::decide::Grant;
use crate::allowlist::{Allowlist, CommandName, DenyList, HostCommand, PARAMETERS, PATH};
use crate::model::{Deny, DenyReason, Invocation, Printable};

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

/// What differs from call to call.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostValues<'a> {
    /// A path of the API of Proxmox VE, for [`PATH`].
    pub path: Option<&'a str>,
    /// What it is given, for [`PARAMETERS`]: `--name=value` each.
    pub parameters: &'a [String],
}

impl HostValues<'_> {
    /// What is wrong with them. They are made of checked parts; this is where a mistake in that ends.
    fn fault(&self) -> Option<String> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_path = |path: &str| {
            let mut parts = path.split('/');
            path.starts_with('/') && plain(path) && !parts.any(|part| part == "..")
        };
        let is_parameter = |text: &String| {
            let named = text
                .strip_prefix("--")
                .and_then(|rest| rest.split_once('='));
            named.is_some_and(|(name, _)| {
                let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                letters && name.starts_with(|c: char| c.is_ascii_alphabetic())
            })
        };
        match (self.path.filter(|path| !is_path(path)), self.parameters) {
            (Some(path), _) => Some(format!("{} is no path of the API", Printable::from(path))),
            (None, all) => all.iter().find(|text| !is_parameter(text)).map(|text| {
                format!(
                    "{} is no parameter of the API",
                    Printable::from(text.as_str())
                )
            }),
        }
    }
}

/// A command on the host that the allowlist has. Nothing but [`authorize_host_command`] makes one.
#[must_use]
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPermit {
    invocation: Invocation,
    deny: DenyList,
}

impl HostPermit {
    /// What may be run.
    #[must_use]
    pub fn invocation(&self) -> &Invocation {
        &self.invocation
    }

    /// What is wrong with the program to which the command's path leads; none where nothing is.
    #[must_use]
    pub fn fault(&self, program: &Path) -> Option<String> {
        self.deny.real_program(program)
    }
}

/// Takes a command on the host from the allowlist. `agreed`: whether a person has agreed to this call.
///
/// # Errors
/// A [`Deny`] where it is not listed, wants somebody to agree, or a value for it is missing.
pub fn authorize_host_command(
    allowlist: &Allowlist,
    name: &str,
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
    if let Some(why) = values.fault() {
        return Err(no(format!(
            "the host command {name} (allowlist line {line}): {why}"
        )));
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
        deny: allowlist.deny.clone(),
    })
}

fn fill(command: &HostCommand, values: HostValues<'_>) -> Result<Vec<String>, String> {
    let no = |what: &str| {
        let HostCommand { name, line, .. } = command;
        Err(format!(
            "the host command {name} (allowlist line {line}) {what}"
        ))
    };
    let lists = |word: &str| command.args.iter().any(|argument| argument == word);
    // Else something would be done that nobody has asked for.
    if values.path.is_some() && !lists(PATH) {
        return no(
            "has no argument \"{path}\", and so does not do what is asked; give it the `args` of the shipped file",
        );
    }
    if !values.parameters.is_empty() && !lists(PARAMETERS) {
        return no(
            "has no argument \"{parameters}\", and so does not do what is asked; give it the `args` of the shipped file",
        );
    }
    let mut filled = Vec::new();
    for argument in &command.args {
        match (argument.as_str(), values.path) {
            (PARAMETERS, _) => filled.extend_from_slice(values.parameters),
            (PATH, Some(path)) => filled.push(path.to_owned()),
            (PATH, None) => return no("has an argument {path}, for which there is nothing here"),
            (text, _) => filled.push(text.to_owned()),
        }
    }
    Ok(filled)
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

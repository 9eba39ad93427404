//! Which commands may be run in a guest: those that the allowlist names for the grant's profile, and
//! those that these name as their `undo` and `query`.
use super::authorize::Authorized;
use super::decide::Grant;
use crate::allowlist::{Allowlist, CommandName};
use crate::model::{Deny, DenyReason, Invocation};

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
        Some(command) if may => Ok(Authorized {
            plan: Invocation {
                name: name.to_string(),
                path: command.path.clone(),
                args: command.args.clone(),
                timeout: command.timeout,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::VmId;
    use crate::policy::{Confirmation, Decision, Pins, Request, decide};
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

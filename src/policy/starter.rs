//! Rules that are for certain users of Proxmox VE only.
use crate::allowlist::{Allowlist, Rule};
use crate::model::{Deny, DenyReason, Printable, PveCaller, VmId};

/// Who is behind a start, or behind a change by hand. Needed only where
/// [`asks_for_starter`] says so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Starter {
    /// These, each of whom has to be permitted: the user or API token of the task, or who logged in.
    Known(Vec<PveCaller>),
    /// Nobody who is known to be a user of Proxmox VE; what is known, for people.
    Other(String),
    /// Only what would be if it were one of them is asked.
    Assumed,
}

impl Default for Starter {
    fn default() -> Starter {
        Starter::Other("nobody is known to be behind it".to_owned())
    }
}

/// Whether the VM's rule asks who is behind a start.
#[must_use]
pub fn asks_for_starter(vmid: VmId, allowlist: &Allowlist) -> bool {
    let rule = allowlist.rule_for(vmid);
    rule.is_some_and(|rule| !rule.pve_users.is_empty())
}

/// Whether the VM's rule is for those who are behind it.
///
/// # Errors
/// [`DenyReason::PveUserNotAllowed`].
pub fn authorize_starter(vmid: VmId, allowlist: &Allowlist, starter: &Starter) -> Result<(), Deny> {
    match allowlist.rule_for(vmid) {
        Some(rule) => check(rule, starter).map(|_| ()),
        None => Ok(()),
    }
}

/// Whether the rule may apply for them. Gives those whom the rule asked for.
pub(super) fn check(rule: &Rule, starter: &Starter) -> Result<Vec<PveCaller>, Deny> {
    if rule.pve_users.is_empty() {
        return Ok(Vec::new());
    }
    let listed = |caller: &PveCaller| rule.pve_users.contains(caller);
    let nobody = Starter::default();
    let who = match starter {
        Starter::Assumed => return Ok(Vec::new()),
        Starter::Known(callers) => match callers.iter().find(|caller| !listed(caller)) {
            Some(caller) => format!("{} is behind it", Printable::from(caller.to_string())),
            None if !callers.is_empty() => return Ok(callers.clone()),
            None => return check(rule, &nobody),
        },
        Starter::Other(who) => who.clone(),
    };
    let users: Vec<String> = rule.pve_users.iter().map(ToString::to_string).collect();
    Err(Deny::new(
        DenyReason::PveUserNotAllowed,
        format!(
            "the rule (allowlist line {}) is for starts by {} only, and {who}; let one of them start the VM, \
             or add who does to its `pve-users`",
            rule.line,
            users.join(", ")
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(starter: &Starter) -> Result<Vec<PveCaller>, Deny> {
        let text = "version = 1\n[profiles.a]\ntarget = \"now\"\n[[allow]]\nvmids = [100]\nprofiles = [\"a\"]\n\
                    earliest = \"2010-01-01\"\nlatest = \"2037-12-31\"\nmax-shift = \"20y\"\n\
                    pve-users = [\"alice@pve\", \"root@pam!ci\"]\n";
        let list = crate::allowlist::parse(text).unwrap();
        let result = check(&list.rules[0], starter);
        let asked = authorize_starter(VmId::MIN, &list, starter);
        assert_eq!(asked, result.clone().map(|_| ()));
        assert!(asks_for_starter(VmId::MIN, &list) && !asks_for_starter(VmId::MAX, &list));
        result
    }

    #[test]
    fn everybody_behind_it_has_to_be_listed_and_a_token_is_not_its_user_b5() {
        let caller = |text: &&str| PveCaller::parse(text).unwrap();
        let known = |texts: &[&str]| Starter::Known(texts.iter().map(caller).collect());
        for starter in [
            known(&["alice@pve"]),
            known(&["root@pam!ci"]),
            known(&["alice@pve", "root@pam!ci"]),
            Starter::Assumed,
        ] {
            assert!(ask(&starter).is_ok(), "{starter:?}");
        }
        for (starter, who) in [
            (known(&["root@pam"]), "root@pam is behind it"),
            (known(&["alice@pve!x1"]), "alice@pve!x1 is behind it"),
            (known(&["alice@pam"]), "alice@pam is behind it"),
            (known(&["Alice@pve"]), "Alice@pve is behind it"),
            (known(&["alice@pve", "bob@pve"]), "bob@pve is behind it"),
            (known(&[]), "nobody is known"),
            (Starter::Other("x did it".to_owned()), "x did it"),
            (Starter::default(), "nobody is known"),
        ] {
            let deny = ask(&starter).unwrap_err();
            assert_eq!(deny.reason, DenyReason::PveUserNotAllowed);
            assert!(
                deny.text.contains("by alice@pve, root@pam!ci only"),
                "{deny}"
            );
            assert!(deny.text.contains(who), "{deny}");
        }
        assert_eq!(ask(&known(&["alice@pve"])), Ok(vec![caller(&"alice@pve")]));
        assert_eq!(ask(&Starter::Assumed), Ok(Vec::new()));
    }
}

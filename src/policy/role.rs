//! What a user of the node's system may do with the command line.
use crate::allowlist::{Allowlist, Role};
use crate::model::{Deny, DenyReason, Printable, Verb};

/// A user, by what the roles of the allowlist know of him.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// His name; none where the system knows nobody of that number.
    pub name: Option<String>,
    /// The names of his groups.
    pub groups: Vec<String>,
}

impl Member {
    fn has(&self, role: &Role) -> bool {
        let user = |name: &String| role.users.iter().any(|user| user.as_str() == name);
        let group = |name: &String| role.groups.iter().any(|group| group.as_str() == name);
        // Who has no name is nobody's member either.
        self.name.as_ref().is_some_and(user)
            || (self.name.is_some() && self.groups.iter().any(group))
    }
}

/// The first role that lets somebody do this.
#[must_use]
pub fn role_for<'a>(allowlist: &'a Allowlist, member: &Member, verb: Verb) -> Option<&'a Role> {
    let mut roles = allowlist.roles.iter();
    roles.find(|role| role.permits(verb) && member.has(role))
}

/// Whether somebody may do this: without a role that says so, nobody may.
///
/// # Errors
/// [`DenyReason::NoRole`].
pub fn authorize_verb(allowlist: &Allowlist, member: &Member, verb: Verb) -> Result<(), Deny> {
    if role_for(allowlist, member, verb).is_some() {
        return Ok(());
    }
    let who = match &member.name {
        Some(name) => format!("the user {}", Printable::from(name.as_str())),
        None => "a user whom the system does not know".to_owned(),
    };
    Err(Deny::new(
        DenyReason::NoRole,
        format!(
            "no role of the allowlist lets {who} do this: root can add a [[role]] with the verb \
             \"{verb}\", or add the user to one (`time-shift whoami` shows what is permitted)"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::allowlist::parse;

    fn member(name: &str, groups: &[&str]) -> Member {
        Member {
            name: Some(name.to_owned()),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn only_what_a_role_lists_is_permitted_and_only_to_its_members_b5() {
        let allowlist = parse(
            r#"version = 1
[[role]]
name = "viewers"
groups = ["staff"]
verbs = ["view", "audit"]
[[role]]
name = "operators"
users = ["alice"]
verbs = ["sync", "restore"]
[[role]]
name = "admins"
users = ["root2"]
verbs = ["admin"]
"#,
        )
        .unwrap();
        let may = |member: &Member| -> Vec<&str> {
            let verbs = Verb::WORDS.iter();
            let may = verbs.filter(|(_, verb)| authorize_verb(&allowlist, member, *verb).is_ok());
            may.map(|(word, _)| *word).collect()
        };
        assert_eq!(may(&member("alice", &[])), ["sync", "restore"]);
        assert_eq!(
            may(&member("alice", &["staff"])),
            ["view", "sync", "restore", "audit"]
        );
        assert_eq!(may(&member("bob", &["staff"])), ["view", "audit"]);
        assert_eq!(may(&member("staff", &["alice"])), [""; 0]);
        assert_eq!(may(&member("root2", &[])).len(), Verb::WORDS.len());
        let nameless = Member {
            name: None,
            groups: vec!["staff".to_owned()],
        };
        assert_eq!(may(&nameless), [""; 0]);
        let none = Allowlist::default();
        assert!(authorize_verb(&none, &member("alice", &["staff"]), Verb::View).is_err());
    }
}

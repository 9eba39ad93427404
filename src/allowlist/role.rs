//! A role: what users of the node's system may do with the command line through sudo.
use std::collections::BTreeMap;

use super::references::names;
use crate::model::{UserName, Verb};
use crate::strict::{Mark, Reader, Value, quoted};

/// A role.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Role {
    /// Its name, for messages.
    pub name: String,
    /// The users who have it.
    pub users: Vec<UserName>,
    /// The groups whose members have it.
    pub groups: Vec<UserName>,
    /// What it permits; at least one.
    pub verbs: Vec<Verb>,
    /// Where it starts in the file.
    pub line: usize,
}

impl Role {
    /// Whether it permits this.
    #[must_use]
    pub fn permits(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb) || self.verbs.contains(&Verb::Admin)
    }
}

const NAME_CAP: usize = 60;

/// Reads a role; gives it with the place of its name.
pub(super) fn read(value: &Value<'_>) -> Option<(Role, Mark)> {
    value.table("a [[role]]", |table| {
        let name = table.required("name", |value| {
            let name = value.string("the role's name", NAME_CAP)?;
            Some((name.to_owned(), value.mark()))
        });
        let mut somebodys = false;
        let mut members = |key: &'static str, want: &'static str| {
            table.optional(key, |value| {
                somebodys = true;
                let listed = names(&value, want, |value| value.parsed(want, UserName::parse))?;
                Some(listed.into_iter().map(|(name, _)| name).collect::<Vec<_>>())
            })
        };
        let users = members("users", "a list of user names");
        let groups = members("groups", "a list of group names");
        let verbs = table.required("verbs", |value| {
            let mut verbs = Vec::new();
            value.list(
                "a list of verbs, like [\"view\", \"sync\"]",
                false,
                |value| {
                    let verb = value.choice(Verb::WORDS)?;
                    if verbs.contains(&verb) {
                        return value.refuse(format!("{} is listed twice", quoted(verb.word())));
                    }
                    verbs.push(verb);
                    Some(())
                },
            )?;
            (!verbs.is_empty()).then_some(verbs)
        });
        if !somebodys {
            let text = "this [[role]] is nobody's: it needs `users` or `groups`";
            table.reader().missing(table.mark(), text);
        }
        let (name, mark) = name?;
        let role = Role {
            name,
            users: users.unwrap_or_default(),
            groups: groups.unwrap_or_default(),
            verbs: verbs?,
            line: table.reader().line(table.mark()),
        };
        Some((role, mark))
    })
}

/// The roles in the order of the file; reports names that are there twice.
pub(super) fn all(reader: &Reader<'_>, roles: Vec<(Role, Mark)>) -> Vec<Role> {
    let mut lines: BTreeMap<String, usize> = BTreeMap::new();
    let mut all = Vec::with_capacity(roles.len());
    for (role, mark) in roles {
        match lines.get(&role.name) {
            Some(line) => {
                let name = quoted(&role.name);
                reader.error(mark, format!("a role {name} is already in line {line}"));
            }
            None => {
                lines.insert(role.name.clone(), role.line);
            }
        }
        all.push(role);
    }
    all
}

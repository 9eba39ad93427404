//! What becomes different for users of the node's system.
use super::{Change, Kind, others};
use crate::allowlist::Role;
use crate::model::Printable;

/// What becomes different, by the roles' names.
pub(super) fn changes(old: &[Role], new: &[Role]) -> Vec<Change> {
    let mut changes = Vec::new();
    let named = |roles: &[Role], name: &str| roles.iter().position(|role| role.name == name);
    for role in old {
        match named(new, &role.name).and_then(|at| new.get(at)) {
            None => changes.push(whole(role, Kind::Loses)),
            Some(now) => {
                let name = Printable::from(role.name.as_str());
                let others = others(&described(role), &described(now));
                changes.extend(
                    others
                        .into_iter()
                        .map(|text| Change::new(Kind::Changes, format!("role {name}: {text}"))),
                );
            }
        }
    }
    let added = new.iter().filter(|role| named(old, &role.name).is_none());
    changes.extend(added.map(|role| whole(role, Kind::Gains)));
    changes
}

fn whole(role: &Role, kind: Kind) -> Change {
    let name = Printable::from(role.name.as_str());
    let parts: Vec<String> = described(role)
        .into_iter()
        .map(|(key, value)| format!("{key} {value}"))
        .collect();
    Change::new(kind, format!("role {name}: {}", parts.join(", ")))
}

fn described(role: &Role) -> Vec<(&'static str, String)> {
    // Taken apart, so that no key is forgotten.
    let Role {
        name: _,
        users,
        groups,
        verbs,
        line: _,
    } = role;
    let list = |names: Vec<&str>| {
        let mut names = names;
        names.sort_unstable();
        format!("[{}]", names.join(", "))
    };
    vec![
        (
            "users",
            list(users.iter().map(|name| name.as_str()).collect()),
        ),
        (
            "groups",
            list(groups.iter().map(|name| name.as_str()).collect()),
        ),
        (
            "verbs",
            list(verbs.iter().map(|verb| verb.word()).collect()),
        ),
    ]
}

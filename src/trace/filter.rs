//! Which records somebody wants to see.
use super::entry::Entry;
use crate::model::{Timestamp, VmId};

/// Which records somebody wants to see. What is empty does not restrict.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Filter {
    /// Only these VMs.
    pub vmids: Vec<VmId>,
    /// Only these event codes.
    pub events: Vec<String>,
    /// Only this actor: the user as recorded, or as sudo or the login has it.
    pub actor: Option<String>,
    /// Only denials.
    pub denied: bool,
    /// From this time on.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

impl Filter {
    /// Whether a record is wanted.
    #[must_use]
    pub fn takes(&self, entry: &Entry) -> bool {
        let vmid = entry.vmid;
        (self.vmids.is_empty() || vmid.is_some_and(|vmid| self.vmids.contains(&vmid)))
            && (self.events.is_empty()
                || self.events.iter().any(|code| code == entry.event.as_str()))
            && self
                .actor
                .as_deref()
                .is_none_or(|actor| is_by(entry, actor))
            && (!self.denied || entry.event.as_str() == "denied")
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
    }
}

/// A user's tokens are his too.
fn is_by(entry: &Entry, actor: &str) -> bool {
    let recorded = entry.actor.as_str();
    let sudo_user = entry.sudo_user.as_ref();
    recorded == actor
        || recorded
            .split_once('!')
            .is_some_and(|(user, _)| user == actor)
        || sudo_user.is_some_and(|user| user.as_str() == actor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::entry::entry;

    #[test]
    fn each_filter_restricts_and_none_takes_all() {
        let denied = entry(r#""event":"denied","vmid":100"#);
        let node = entry(r#""event":"login","actor":"x@pve!t""#.replace("\"actor\":\"x@pve!t\"", "\"sudo-user\":\"al\"").as_str());
        let at = |text: &str| Timestamp::parse(text).ok();
        let all = Filter::default;
        assert!(all().takes(&denied) && all().takes(&node));
        let cases = [
            (
                Filter {
                    vmids: vec![VmId::MIN],
                    ..all()
                },
                true,
                false,
            ),
            (
                Filter {
                    vmids: vec![VmId::MAX],
                    ..all()
                },
                false,
                false,
            ),
            (
                Filter {
                    events: vec!["login".to_owned()],
                    ..all()
                },
                false,
                true,
            ),
            (
                Filter {
                    actor: Some("root@pam".to_owned()),
                    ..all()
                },
                true,
                true,
            ),
            (
                Filter {
                    actor: Some("al".to_owned()),
                    ..all()
                },
                false,
                true,
            ),
            (
                Filter {
                    denied: true,
                    ..all()
                },
                true,
                false,
            ),
            (
                Filter {
                    since: at("2026-11-24T12:00:00Z"),
                    ..all()
                },
                true,
                true,
            ),
            (
                Filter {
                    since: at("2026-11-24T12:00:01Z"),
                    ..all()
                },
                false,
                false,
            ),
            (
                Filter {
                    until: at("2026-11-24T12:00:00Z"),
                    ..all()
                },
                false,
                false,
            ),
        ];
        for (filter, one, other) in cases {
            assert_eq!(
                (filter.takes(&denied), filter.takes(&node)),
                (one, other),
                "{filter:?}"
            );
        }
    }

    #[test]
    fn a_token_is_its_users() {
        let mut by_token = entry(r#""event":"intent""#);
        by_token.actor = "root@pam!ci".into();
        for (actor, takes) in [("root@pam", true), ("root@pam!ci", true), ("root", false)] {
            let filter = Filter {
                actor: Some(actor.to_owned()),
                ..Filter::default()
            };
            assert_eq!(filter.takes(&by_token), takes, "{actor}");
        }
    }
}

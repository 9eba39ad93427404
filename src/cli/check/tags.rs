//! Rules under which a tag chooses: who may set that tag.
use super::nobody::at;
use crate::config::Config;
use crate::report::{Code, Finding, Severity};
use crate::sources::{Loaded, registered_tags};

pub(super) fn all(config: &Config, loaded: &Loaded, found: &mut Vec<Finding>) {
    let registered = registered_tags(config);
    let is_registered = |tag: &str| {
        registered
            .iter()
            .any(|known| known.as_str().eq_ignore_ascii_case(tag))
    };
    let choosing = loaded.allowlist.rules.iter();
    for rule in choosing.filter(|rule| rule.assign.is_none()) {
        let tags = rule.profiles.iter().map(|name| format!("ts-{name}"));
        let open: Vec<String> = tags.filter(|tag| !is_registered(tag)).collect();
        if open.is_empty() {
            continue;
        }
        let (code, text) = match rule.any_tag {
            true => (
                Code::TagsOpen,
                format!(
                    "every user who may change the options of one of these VMs chooses its profile by \
                     setting a tag that is not registered in datacenter.cfg ({}); register it \
                     (registered-tags) and take any-tag out of the rule, or say assign in it",
                    open.join(", ")
                ),
            ),
            false => (
                Code::TagsUnregistered,
                format!(
                    "a tag is to choose the profile, but any user can set one that is not registered in \
                     datacenter.cfg, so it does not count: register {} (registered-tags), or say assign \
                     in the rule",
                    open.join(", ")
                ),
            ),
        };
        found.push(Finding {
            severity: Severity::Warning,
            code,
            place: at(&loaded.path, rule),
            text,
        });
    }
}

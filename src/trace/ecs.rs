//! Records with the names of the Elastic Common Schema; what that has no name for is in `time_shift`.
use serde_json::{Map, Value, json};

use super::entry::Entry;

/// The version of the schema whose names these are.
const VERSION: &str = "8.11.0";

/// The record as an object.
#[must_use]
pub fn ecs(entry: &Entry) -> Value {
    let code = entry.event.as_str();
    let (category, kind) = class(code);
    let text = |value: &Option<crate::model::Printable>| {
        value
            .as_ref()
            .map_or(Value::Null, |value| value.as_str().into())
    };
    without_nulls(json!({
        "@timestamp": entry.time,
        "ecs": { "version": VERSION },
        "message": text(&entry.text),
        "event": {
            "kind": "event",
            "module": "time_shift",
            "dataset": format!("time_shift.{}", entry.log.trim_end_matches(".log").replace('-', "_")),
            "provider": "time-shift",
            "category": [category],
            "type": [kind],
            "action": code,
            "outcome": outcome(entry),
            "code": text(&entry.reason),
            "reason": entry.reason.as_ref().and(entry.text.as_ref()).map(|text| text.as_str()),
            "sequence": entry.seq,
            "duration": entry.duration_ns,
            "hash": entry.hash.as_str(),
        },
        "log": { "file": { "path": entry.log } },
        "host": { "name": entry.node.as_str(), "boot": { "id": entry.boot_id.as_str() } },
        "user": { "name": entry.actor.as_str() },
        "process": { "parent": { "name": text(&entry.program) } },
        "time_shift": {
            "vmid": entry.vmid,
            "vm_name": text(&entry.name),
            "decision": text(&entry.decision),
            "result": text(&entry.result),
            "intent": entry.intent,
            "profile": text(&entry.profile),
            "target": text(&entry.target),
            "rule_line": entry.rule_line,
            "allowlist_sha256": text(&entry.allowlist_sha256),
            "guest_time": entry.guest_time,
            "offset_ns": entry.offset_ns,
            "error_ns": entry.error_ns,
            "upid": text(&entry.upid),
            "login_uid": entry.login_uid,
            "sudo_user": text(&entry.sudo_user),
        },
    }))
}

/// `event.category` and `event.type`, both from the schema's lists.
fn class(code: &str) -> (&'static str, &'static str) {
    match code {
        "login" | "login-failed" | "unlocked" | "unlock-failed" => ("authentication", "start"),
        "intent" | "approved" => ("configuration", "allowed"),
        "denied" => ("configuration", "denied"),
        "locked-out" => ("authentication", "info"),
        "secret-added" | "cert-pinned" => ("configuration", "creation"),
        "secret-removed" | "cert-unpinned" => ("configuration", "deletion"),
        "secret-shown" | "secret-used" => ("configuration", "access"),
        "ended" => ("host", "end"),
        "mended" | "violation" | "cert-mismatch" => ("intrusion_detection", "info"),
        "note" | "undone" | "closed" => ("host", "info"),
        _ => ("configuration", "change"),
    }
}

/// `event.outcome`.
fn outcome(entry: &Entry) -> &'static str {
    let result = entry.result.as_ref().map(|result| result.as_str());
    match (entry.event.as_str(), result) {
        (_, Some("verified")) | ("login" | "unlocked" | "restored" | "approved", _) => "success",
        (
            "denied" | "login-failed" | "unlock-failed" | "locked-out" | "violation"
            | "cert-mismatch",
            _,
        )
        | (_, Some(_)) => "failure",
        _ => "unknown",
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members
                .into_iter()
                .map(|(name, value)| (name, without_nulls(value)))
                .filter(|(_, value)| {
                    let empty = value.as_object().is_some_and(Map::is_empty);
                    !value.is_null() && !empty
                });
            Value::Object(kept.collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::entry::entry;

    #[test]
    fn the_schemas_own_names_are_used_and_nothing_is_null() {
        let value = ecs(&entry(
            r#""event":"denied","decision":"deny","reason":"TOO_LATE","text":"too late","vmid":100"#,
        ));
        assert_eq!(value["@timestamp"], "2026-11-24T12:00:00Z");
        let event = &value["event"];
        assert_eq!(
            (&event["action"], &event["outcome"]),
            (&"denied".into(), &"failure".into())
        );
        assert_eq!(event["dataset"], "time_shift.audit");
        assert_eq!(
            (&event["category"], &event["type"]),
            (&json!(["configuration"]), &json!(["denied"]))
        );
        assert_eq!(
            (&event["code"], &event["reason"]),
            (&"TOO_LATE".into(), &"too late".into())
        );
        assert_eq!(
            (&value["host"]["name"], &value["user"]["name"]),
            (&"pve1".into(), &"root@pam".into())
        );
        assert_eq!(value["time_shift"]["vmid"], 100);
        assert!(!value.to_string().contains("null"), "{value}");
        assert_eq!(value.get("process"), None);
    }
}

//! Records in ArcSight's Common Event Format, version 0.
use super::entry::Entry;

/// What escapes what: in the header `\` and `|`, in an extension's value `\` and `=`, line ends in both
/// as `\n` and `\r` ("Implementing ArcSight Common Event Format", Character Encoding).
fn escape(text: &str, special: char, line: &mut String) {
    for character in text.chars() {
        match character {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\\' => line.push_str("\\\\"),
            other if other == special => {
                line.push('\\');
                line.push(other);
            }
            other => line.push(other),
        }
    }
}

/// The record as one line without its end.
#[must_use]
pub fn cef(entry: &Entry, version: &str) -> String {
    let mut line = String::from("CEF:0");
    let severity = entry.severity().to_string();
    let event = entry.event.as_str();
    let header = ["time-shift", "time-shift", version, event, event, &severity];
    for field in header {
        line.push('|');
        escape(field, '|', &mut line);
    }
    line.push('|');
    let mut first = true;
    let mut add = |key: &str, value: &str| {
        if !std::mem::take(&mut first) {
            line.push(' ');
        }
        line.push_str(key);
        line.push('=');
        escape(value, '=', &mut line);
    };
    let millis = entry.time.as_nanos().div_euclid(1_000_000);
    add("rt", &millis.to_string());
    add("externalId", &format!("{}:{}", entry.log, entry.seq));
    add("dvchost", entry.node.as_str());
    add("suser", entry.actor.as_str());
    let texts = [
        ("sproc", &entry.program),
        ("act", &entry.decision),
        ("outcome", &entry.result),
        ("reason", &entry.reason),
        ("dhost", &entry.name),
        ("msg", &entry.text),
    ];
    for (key, value) in texts {
        if let Some(value) = value {
            add(key, value.as_str());
        }
    }
    let numbers = [
        ("cn1", "vmid", entry.vmid.map(|vmid| i64::from(vmid.get()))),
        ("cn2", "offsetNs", entry.offset_ns),
        ("cn3", "errorNs", entry.error_ns),
    ];
    for (key, label, value) in numbers {
        if let Some(value) = value {
            add(key, &value.to_string());
            add(&format!("{key}Label"), label);
        }
    }
    let rule = entry.rule_line.map(|rule| rule.to_string());
    let labelled = [
        (
            "cs1",
            "profile",
            entry.profile.as_ref().map(|it| it.as_str()),
        ),
        ("cs2", "ruleLine", rule.as_deref()),
        (
            "cs3",
            "allowlistSha256",
            entry.allowlist_sha256.as_ref().map(|it| it.as_str()),
        ),
        ("cs4", "upid", entry.upid.as_ref().map(|it| it.as_str())),
        ("cs5", "intent", entry.intent.as_deref()),
        ("cs6", "hash", Some(entry.hash.as_str())),
    ];
    for (key, label, value) in labelled {
        if let Some(value) = value {
            add(key, value);
            add(&format!("{key}Label"), label);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::entry::entry;

    #[test]
    fn a_record_is_one_line_with_its_fields_where_the_format_has_them() {
        let line = cef(
            &entry(
                r#""event":"denied","decision":"deny","reason":"TOO_LATE","vmid":100,"name":"web","program":"qm""#,
            ),
            "0.1.0",
        );
        assert_eq!(
            line,
            "CEF:0|time-shift|time-shift|0.1.0|denied|denied|5|rt=1795521600000 externalId=audit.log:7 \
             dvchost=pve1 suser=root@pam sproc=qm act=deny reason=TOO_LATE dhost=web cn1=100 cn1Label=vmid \
             cs6=h cs6Label=hash"
        );
    }

    #[test]
    fn what_has_a_meaning_in_the_format_is_escaped() {
        let mut record = entry(r#""event":"a|b\\c=d","name":"x=y|z\\ cn1=9""#);
        record.log = "audit.log";
        let line = cef(&record, "1|2");
        assert!(
            line.starts_with(r"CEF:0|time-shift|time-shift|1\|2|a\|b\\c=d|a\|b\\c=d|3|rt="),
            "{line}"
        );
        assert!(line.contains(r" dhost=x\=y|z\\ cn1\=9 "), "{line}");
        let mut escaped = String::new();
        escape("a\r\nb|=\\", '=', &mut escaped);
        assert_eq!(escaped, r"a\r\nb|\=\\");
    }
}

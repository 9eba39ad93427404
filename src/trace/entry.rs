//! One record, read back.
use serde::Deserialize;

use crate::model::{Printable, Timestamp, VmId};

/// One record, read back. What it does not have is `None`; what this version does not know is left
/// out.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// Its number in its file's chain.
    pub seq: u64,
    /// The file's name without rotation.
    #[serde(skip)]
    pub log: &'static str,
    /// When it was written.
    pub time: Timestamp,
    /// On which node.
    pub node: Printable,
    /// In which boot of it.
    pub boot_id: Printable,
    /// Who was behind it.
    pub actor: Printable,
    /// The task of Proxmox VE.
    pub upid: Option<Printable>,
    /// The login uid.
    pub login_uid: Option<u32>,
    /// The user who called sudo.
    pub sudo_user: Option<Printable>,
    /// The program that called.
    pub program: Option<Printable>,
    /// The event's code.
    pub event: Printable,
    /// What was decided.
    pub decision: Option<Printable>,
    /// What came of it.
    pub result: Option<Printable>,
    /// The intent's name.
    pub intent: Option<String>,
    /// The VM.
    pub vmid: Option<VmId>,
    /// Its name.
    pub name: Option<Printable>,
    /// The profile.
    pub profile: Option<Printable>,
    /// The profile's target.
    pub target: Option<Printable>,
    /// The rule's line.
    pub rule_line: Option<u64>,
    /// The allowlist's digest.
    pub allowlist_sha256: Option<Printable>,
    /// What the guest was to show.
    pub guest_time: Option<Timestamp>,
    /// Guest minus host, nanoseconds.
    pub offset_ns: Option<i64>,
    /// Measured minus intended, nanoseconds.
    pub error_ns: Option<i64>,
    /// How long it took, nanoseconds.
    pub duration_ns: Option<u64>,
    /// Why not.
    pub reason: Option<Printable>,
    /// The same for people.
    pub text: Option<Printable>,
    /// Its own hash.
    pub hash: Printable,
}

/// The little of a record that tells which intents have an outcome: a tenth of the work.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
pub struct Brief<'a> {
    /// When it was written.
    pub time: &'a str,
    /// The event's code.
    pub event: &'a str,
    /// The intent's name.
    pub intent: Option<&'a str>,
    /// The VM.
    pub vmid: Option<VmId>,
}

impl<'a> Brief<'a> {
    /// Reads a line. `None` where it is no record.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Brief<'a>> {
        serde_json::from_slice(line).ok()
    }
}

impl Entry {
    /// Reads a line of the log `log`. `None` where it is no record.
    #[must_use]
    pub fn parse(log: &'static str, line: &[u8]) -> Option<Entry> {
        let entry: Entry = serde_json::from_slice(line).ok()?;
        let intent = entry
            .intent
            .filter(|id| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
        Some(Entry {
            log,
            intent,
            ..entry
        })
    }
}

impl Entry {
    /// How bad it is, 0 to 10.
    #[must_use]
    pub fn severity(&self) -> u8 {
        let result = self.result.as_ref().map(Printable::as_str);
        match (self.event.as_str(), result) {
            ("violation" | "mended" | "cert-mismatch", _) => 8,
            (_, Some("not-verified")) => 7,
            ("login-failed" | "unlock-failed" | "locked-out" | "secret-shown" | "undone", _)
            | (_, Some("not-set")) => 6,
            ("denied" | "rescue" | "closed", _) => 5,
            ("note" | "ended" | "approval-expired" | "secret-used", _) => 1,
            _ => 3,
        }
    }
}

/// Records for tests.
#[cfg(test)]
pub(super) fn entry(members: &str) -> Entry {
    let line = format!(
        r#"{{"seq":7,"time":"2026-11-24T12:00:00Z","node":"pve1","boot-id":"b","actor":"root@pam","hash":"h",{members}}}"#
    );
    Entry::parse("audit.log", line.as_bytes()).expect(&line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_holds_is_sanitised_and_what_is_no_record_is_none() {
        let entry = entry(r#""event":"denied","name":"x\u001b[31m\n","intent":"../x","new-key":1"#);
        assert_eq!(entry.name.unwrap().as_str(), "x\\u{1b}[31m\\u{a}");
        assert_eq!((entry.intent, entry.vmid), (None, None));
        for bad in ["", "{}", "x", "[1]", "{\"seq\":1}"] {
            assert_eq!(Entry::parse("audit.log", bad.as_bytes()), None, "{bad}");
        }
    }
}

//! What the rules need to know of a record.
use crate::model::{Printable, Timestamp, VmId};
use crate::trace::Entry;

/// What the rules need to know of a record.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    pub(super) time: Timestamp,
    pub(super) vmid: Option<VmId>,
    pub(super) actor: Printable,
    pub(super) event: What,
    code: &'static str,
    log: &'static str,
    seq: u64,
}

/// The events that the rules know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    Intent,
    Set,
    Ended,
    Denied,
    Undone,
    LoginFailed,
    ConfigChanged,
}

impl Fact {
    /// `None` where no rule is about such a record.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Fact> {
        let verified = entry
            .result
            .as_ref()
            .is_some_and(|result| result.as_str() == "verified");
        let codes = [
            ("intent", What::Intent),
            ("outcome", What::Set),
            ("ended", What::Ended),
            ("restored", What::Ended),
            ("denied", What::Denied),
            ("undone", What::Undone),
            ("login-failed", What::LoginFailed),
            ("unlock-failed", What::LoginFailed),
            ("config-changed", What::ConfigChanged),
            ("allowlist-installed", What::ConfigChanged),
            ("assigned", What::ConfigChanged),
        ];
        let known = codes.iter().find(|(code, _)| *code == entry.event.as_str());
        let (code, event) = known.copied()?;
        if event == What::Set && !verified {
            return None;
        }
        Some(Fact {
            time: entry.time,
            vmid: entry.vmid,
            actor: entry.actor.clone(),
            event,
            code,
            log: entry.log,
            seq: entry.seq,
        })
    }

    /// When it was written.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.time
    }

    pub(super) fn seconds(&self) -> i64 {
        self.time.floor_seconds()
    }

    /// The record, for who wants to look at it.
    pub(super) fn evidence(&self) -> String {
        let vm = self
            .vmid
            .map_or_else(String::new, |vmid| format!(" VM {vmid}"));
        format!(
            "{}:{} {} {}{vm} by {}",
            self.log, self.seq, self.time, self.code, self.actor
        )
    }
}

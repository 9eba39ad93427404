//! What can happen, in stable codes, and in which file of the trail it is kept.
use serde::{Deserialize, Serialize};

/// The three files of the trail. Each has a chain of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub enum Log {
    /// Decisions, denials, logins, changes of the configuration, violations.
    #[serde(rename = "audit.log")]
    Audit,
    /// Every command, QMP and agent call that changes something, with its result.
    #[serde(rename = "command-audit.log")]
    Command,
    /// The rest.
    #[serde(rename = "time-shift.log")]
    General,
}

impl Log {
    /// All of them.
    pub const ALL: [Log; 3] = [Log::Audit, Log::Command, Log::General];

    /// The file's name in the log folder.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Log::Audit => "audit.log",
            Log::Command => "command-audit.log",
            Log::General => "time-shift.log",
        }
    }
}

macro_rules! events {
    ($($(#[$doc:meta])* $variant:ident = $code:literal in $log:ident: $text:literal,)*) => {
        /// What happened. The codes are stable.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])* #[serde(rename = $code)] $variant,)*
        }

        impl Event {
            /// Every event there is.
            pub const ALL: &[Event] = &[$(Event::$variant,)*];

            /// The code.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Event::$variant => $code,)*
                }
            }

            /// The file that keeps it.
            #[must_use]
            pub fn log(self) -> Log {
                match self {
                    $(Event::$variant => Log::$log,)*
                }
            }

            /// What it means, for people.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Event::$variant => $text,)*
                }
            }
        }
    };
}

events! {
    /// A guest's clock is going to be changed.
    Intent = "intent" in Audit:
        "A rule permits a guest's clock to be changed and it is going to be. Written and on the disk \
         before anything is touched; `intent` names it, and the outcome has the same name.",
    /// What became of an intent.
    Outcome = "outcome" in Command:
        "What became of an intent: what was set, what was read back, how far off it is (`error-ns`, \
         measured minus intended). Without `verified` nothing was set; `text` says why.",
    /// An intent that was left without an outcome is closed.
    Closed = "closed" in Command:
        "An intent had no outcome: the VM did not start, or what was at it was killed. A later look \
         closed it; `text` says what the guest's clock showed then, `offset-ns` how far it was from \
         the host's.",
    /// A guest's clock was asked to be changed and is not.
    Denied = "denied" in Audit:
        "A guest's clock was asked to be changed and is left alone; `reason` says why, and `time-shift \
         audit explain REASON` what that means.",
    /// A VM that an earlier run had left paused was continued, or could not be.
    Rescue = "rescue" in Command:
        "A run was killed while a VM stood still for its RTC. The next one continued it, or could not: \
         then `qm resume VMID` is needed.",
    /// The VM stopped, and with it the shift of its clock ended.
    Ended = "ended" in General:
        "The VM stopped, and with it the shift of its clock ended.",
    /// A command was run, on the host or in a guest.
    Command = "command" in Command:
        "A command of the allowlist was run on the host or in a guest, with its result.",
    /// A guest's clock no longer shows what was set.
    Undone = "undone" in Audit:
        "A guest's clock no longer shows what was set: something in the guest put it back.",
    /// A guest has the real time again.
    Restored = "restored" in Command:
        "A guest was given the real time back.",
    /// A rule was confirmed for a while.
    Approved = "approved" in Audit:
        "Somebody confirmed that a rule with `confirm = true` may apply for a while.",
    /// An approval was withdrawn.
    Revoked = "revoked" in Audit:
        "Somebody withdrew an approval. A start that it covered goes on.",
    /// An approval ran out.
    Expired = "approval-expired" in General:
        "An approval ran out. A start that it covered goes on.",
    /// VMs were given a profile, or lost one, in the allowlist.
    Assigned = "assigned" in Audit:
        "Somebody changed in the allowlist which VMs get which profile, with `time-shift assign`.",
    /// Somebody logged in.
    Login = "login" in Audit:
        "Somebody logged in to the API of Proxmox VE.",
    /// Somebody failed to log in.
    LoginFailed = "login-failed" in Audit:
        "A login to the API of Proxmox VE failed.",
    /// A secret was unlocked.
    Unlocked = "unlocked" in Audit:
        "Somebody unlocked a secret with its passphrase; the kernel's keyring keeps it for a while.",
    /// A secret was not unlocked.
    UnlockFailed = "unlock-failed" in Audit:
        "A passphrase was wrong, so a secret was not opened.",
    /// Attempts are refused for a while.
    LockedOut = "locked-out" in Audit:
        "There were too many failed logins or wrong passphrases, so the next ones are refused for a \
         while without being looked at.",
    /// A secret was added.
    SecretAdded = "secret-added" in Audit:
        "A secret was sealed: by hand, or taken over from a plaintext file.",
    /// A secret was replaced.
    SecretRotated = "secret-rotated" in Audit:
        "A secret was replaced by another.",
    /// A secret was removed.
    SecretRemoved = "secret-removed" in Audit:
        "A secret was removed, from its file and from the keyring.",
    /// A secret is going to be shown.
    SecretShown = "secret-shown" in Audit:
        "Somebody asked to see a secret and is going to be shown it.",
    /// A secret is going to be used.
    SecretUsed = "secret-used" in General:
        "A secret was taken out of the store to log in with.",
    /// Something is going to be changed through the API.
    ApiIntent = "api-intent" in Audit:
        "Something is going to be changed through the API of Proxmox VE. Written and on the disk before \
         the request is sent; `intent` names it, and what came of it has the same name.",
    /// What became of that.
    ApiOutcome = "api-outcome" in Command:
        "What the API of Proxmox VE answered to a change, and how its task ended. Without one it is not \
         known whether the change was made.",
    /// A server's certificate was confirmed.
    CertPinned = "cert-pinned" in Audit:
        "Somebody confirmed the certificate of a server; from now on it must show that one, and profiles \
         with this `target` take their date from it. Where the pin then cannot be kept, a note says so.",
    /// A server's certificate is no longer confirmed.
    CertUnpinned = "cert-unpinned" in Audit:
        "Somebody took back the confirmation of a server's certificate.",
    /// A server shows another certificate than the confirmed one.
    CertMismatch = "cert-mismatch" in Audit:
        "A server showed another certificate than the one that was confirmed: it was replaced, or \
         somebody else answers in its place. Nothing was taken from it.",
    /// A file that decides was changed.
    ConfigChanged = "config-changed" in Audit:
        "The allowlist or config.toml is another than a minute before; `text` has both digests. An allowlist \
         that `time-shift allowlist` or `assign` installed on this node is written down as that instead; on \
         the cluster's other nodes it is this.",
    /// A new allowlist is going to be installed.
    AllowlistInstalled = "allowlist-installed" in Audit:
        "Somebody installs an allowlist with `time-shift allowlist`: `text` has the file, the command and the \
         SHA-256 before and after. Where it then fails, a note says so.",
    /// The clock was, or could be, moved past the allowlist.
    Violation = "violation" in Audit:
        "Something moved a clock, or could, past the allowlist.",
    /// Something that changes nothing.
    Note = "note" in General:
        "Something that changes nothing and may help to understand the rest.",
    /// The chain of a file had to be mended.
    Mended = "mended" in Audit:
        "The file did not end where the last record had left it. `mended` says how: `torn` (a crash cut \
         the last line, kept aside in NAME.torn), `cut` (records are missing at its end), `foreign` \
         (something else wrote to it), `head-lost` (where the chain stood is not known). It stands in \
         the file that was mended.",
}

/// Why a chain had to be mended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The last line had no end.
    Torn,
    /// The file ended before the last record.
    Cut,
    /// There was something after the last record that is none.
    Foreign,
    /// Where the chain stood was not known any more.
    HeadLost,
}

impl Cause {
    /// What a person should know about it.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Cause::Torn => "a crash cut the last line; what was left of it is in the .torn file",
            Cause::Cut => "records before this one are gone from the end of the file",
            Cause::Foreign => "something that is no record was at the end of the file",
            Cause::HeadLost => {
                "where the chain stood was not known, so its end may have been cut off"
            }
        }
    }

    /// The code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Cause::Torn => "torn",
            Cause::Cut => "cut",
            Cause::Foreign => "foreign",
            Cause::HeadLost => "head-lost",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_each_is_explained() {
        let mut codes: Vec<_> = Event::ALL.iter().map(|event| event.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Event::ALL.len());
        for event in Event::ALL {
            assert!(event.explanation().ends_with('.'), "{event:?}");
            let json = serde_json::to_string(event).unwrap();
            assert_eq!(json, format!("\"{}\"", event.code()));
        }
    }
}

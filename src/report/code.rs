//! What a check can find, in stable codes.
use std::fmt;

use serde::{Serialize, Serializer};

use crate::model::DenyReason;

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $code:literal,)*) => {
        /// What was found. Scripts and reports rely on the spelling.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code {
            $($(#[doc = $doc])* $variant,)*
            /// Clocks are left alone, for this reason.
            Denied(DenyReason),
            /// A start does what it is asked to, with this to be known about it.
            Planned(&'static str),
        }

        impl Code {
            /// Every code that only checks have.
            pub const ALL: &[Code] = &[$(Code::$variant,)*];

            /// The code.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Code::$variant => $code,)*
                    Code::Denied(reason) => reason.code(),
                    Code::Planned(code) => code,
                }
            }

            /// What it means, for people. A warning about a plan explains itself.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Code::$variant => concat!($($doc,)*).trim_ascii_start(),)*
                    Code::Denied(reason) => reason.explanation(),
                    Code::Planned(_) => "",
                }
            }
        }
    };
}

codes! {
    /// The allowlist says something that is valid and probably not meant.
    AllowlistRemark = "ALLOWLIST_REMARK",
    /// A folder of VMs cannot be read.
    VmsUnreadable = "VMS_UNREADABLE",
    /// A rule permits a VM another time, but the VM has no hookscript, so nothing will be done.
    NoHookscript = "NO_HOOKSCRIPT",
    /// A rule permits a VM another time, but the VM has a hookscript that is not time-shift's.
    OtherHookscript = "OTHER_HOOKSCRIPT",
    /// A VM has time-shift's hookscript, but no rule of the allowlist names it.
    HookWithoutRule = "HOOK_WITHOUT_RULE",
    /// The startdate in a VM's config gives it another time, past the allowlist.
    StartdateBypass = "STARTDATE_BYPASS",
    /// An -rtc option in the args of a VM's config can give it another time, past the allowlist.
    ArgsBypass = "ARGS_BYPASS",
    /// A VM names the hookscript where there is none that can be run, so the VM does not start.
    SnippetMissing = "SNIPPET_MISSING",
    /// A copy of the hookscript is not the one that the installed version makes.
    SnippetOld = "SNIPPET_OLD",
    /// Somebody else than root may write to a copy of the hookscript.
    SnippetWritable = "SNIPPET_WRITABLE",
    /// Which storages there are cannot be read.
    StoragesUnreadable = "STORAGES_UNREADABLE",
    /// A rule is for a VM that does not exist, or for a container.
    RuleForNobody = "RULE_FOR_NOBODY",
    /// An approval is for a VM that this node does not have.
    ApprovalForNobody = "APPROVAL_FOR_NOBODY",
    /// An approval is none that this program wrote, or cannot be read.
    ApprovalUnusable = "APPROVAL_UNUSABLE",
    /// A tag that any user of a VM may set chooses its profile.
    TagsOpen = "TAGS_OPEN",
    /// A tag is to choose a profile, but does not count, since it is not registered.
    TagsUnregistered = "TAGS_UNREGISTERED",
    /// Somebody else than root may write to a program, or to a folder on the way to a file that decides.
    FolderWritable = "FOLDER_WRITABLE",
    /// A sealed secret, or the folder of them, is of no use.
    SecretUnusable = "SECRET_UNUSABLE",
    /// A secret should be replaced by another.
    SecretDue = "SECRET_DUE",
    /// A server shows another certificate than the one that is pinned for it.
    CertificateChanged = "CERTIFICATE_CHANGED",
    /// A pinned certificate's file is of no use.
    PinUnusable = "PIN_UNUSABLE",
    /// A VM is younger than the rule that names it, which was written for another.
    VmYoungerThanRule = "VM_YOUNGER_THAN_RULE",
    /// A rule is bound to a uuid that no VM has which it names.
    UuidOfNobody = "UUID_OF_NOBODY",
    /// A rule is bound to a uuid that several VMs have.
    UuidShared = "UUID_SHARED",
    /// No uuid binds a rule, so whoever gets one of its VMIDs next inherits it (`check --notes`).
    RuleInherited = "RULE_INHERITED",
    /// What was going to be done to a clock has no recorded end.
    Unfinished = "UNFINISHED",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_each_is_explained() {
        let own = Code::ALL.iter().map(|code| code.as_str());
        let mut codes: Vec<&str> = own
            .chain(DenyReason::ALL.iter().map(|reason| reason.code()))
            .collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
        for code in Code::ALL {
            assert!(code.explanation().ends_with('.'), "{code}");
            let upper = |c: char| c.is_ascii_uppercase() || c == '_';
            assert!(code.as_str().chars().all(upper), "{code}");
        }
    }
}

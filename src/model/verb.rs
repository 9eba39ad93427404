//! What a person may do with the command line.
use std::fmt;

macro_rules! verbs {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal,)*) => {
        /// What a person may do with the command line; a role of the allowlist lists some of these.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub enum Verb {
            $($(#[doc = $doc])* $variant,)*
        }

        impl Verb {
            /// Every verb, with its word.
            pub const WORDS: &[(&str, Verb)] = &[$(($word, Verb::$variant),)*];

            /// The word.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self {
                    $(Verb::$variant => $word,)*
                }
            }

            /// What it permits, for people.
            #[must_use]
            pub fn explanation(self) -> &'static str {
                match self {
                    $(Verb::$variant => concat!($($doc,)*).trim_ascii_start(),)*
                }
            }
        }
    };
}

verbs! {
    /// See what is, what would be done, and what is wrong: `status`, `plan`, `check`.
    View = "view",
    /// Set clocks to the time that they should have.
    Sync = "sync",
    /// Give a running VM another time, within the bounds of its rule.
    Shift = "shift",
    /// Give the real time back.
    Restore = "restore",
    /// Confirm a rule that wants it.
    Approve = "approve",
    /// Put a VM under a profile or the hook, and take it off.
    Assign = "assign",
    /// Handle secrets.
    Token = "token",
    /// Read the audit trail.
    Audit = "audit",
    /// See and start VMs of the cluster through the API.
    Cluster = "cluster",
    /// All of these, other config files, and the allowlist itself: as good as root.
    Admin = "admin",
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

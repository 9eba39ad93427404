//! Names that come from outside and end up in files, lines and paths.
use std::fmt;

/// Why a text is not the name it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameError {
    what: &'static str,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}

impl std::error::Error for NameError {}

pub(super) fn refused(what: &'static str) -> NameError {
    NameError { what }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $check:expr, $what:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads the name.
            ///
            /// # Errors
            /// [`NameError`], which says what is allowed.
            pub fn parse(text: &str) -> Result<$name, $crate::model::NameError> {
                let check: fn(&str) -> bool = $check;
                if check(text) {
                    Ok($name(text.to_owned()))
                } else {
                    Err($crate::model::names::refused($what))
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::NameError;
            fn try_from(text: String) -> Result<$name, $crate::model::NameError> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
pub(super) use name_type;

name_type!(
    /// A profile of the allowlist. Short enough that `ts-` and the name are still a tag.
    ProfileName,
    |text| {
        (1..=60).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    },
    "a profile's name has 1 to 60 of the characters a-z 0-9 - _ and starts with a letter or digit"
);

name_type!(
    /// A node of a cluster (`pve-node`: one DNS label, RFC 1123 section 2.1). It becomes a part
    /// of a path, so it can hold neither a dot nor a slash.
    NodeName,
    |text| {
        (1..=63).contains(&text.len())
            && !text.starts_with('-')
            && !text.ends_with('-')
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    },
    "a node's name is one DNS label: 1 to 63 letters, digits and inner hyphens"
);

name_type!(
    /// A tag of a VM (`pve-tag`: `[a-z0-9_][a-z0-9_\-+.]*`, any case).
    Tag,
    |text| {
        (1..=124).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+' | '.'))
    },
    "a tag has 1 to 124 letters, digits and _ - + . and starts with a letter, digit or _"
);

name_type!(
    /// A secret. It becomes a file's name, and the files that are not secrets start with a dot.
    TokenName,
    |text| {
        (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !text.contains("..")
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    },
    "a secret's name has 1 to 64 letters, digits and - _ . in it, starts with a letter or digit and has no .."
);

name_type!(
    /// A user or group of the node's system. Wider than what useradd makes (`NAME_REGEX` of Debian's
    /// adduser, and names of domains like `alice@example.com` or `EXAMPLE\\alice`), but nothing that
    /// splits a line of passwd(5) or looks like an option.
    UserName,
    |text| {
        (1..=256).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.chars().all(|c| {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | '\\' | '$')
            })
    },
    "a user or group has 1 to 256 letters, digits and _ - . @ \\ $ and starts with a letter, digit or _"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_name_can_not_leave_its_folder() {
        for good in ["pve", "pve-01", "A1", "lab1"] {
            assert!(NodeName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "-a",
            "a-",
            "a.b",
            "a_b",
            "a\n",
            "ä",
            &"a".repeat(64),
        ] {
            assert!(NodeName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn profile_names_are_lower_case_and_short() {
        for good in ["idrac-2016", "a", "2038_test"] {
            assert!(ProfileName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "A", "a b", "a.b", "a;b", &"a".repeat(61)] {
            assert!(ProfileName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_secrets_name_can_not_leave_its_folder() {
        for good in ["pve", "github-ci", "A.b_c", "0", &"a".repeat(64)] {
            assert!(TokenName::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "-a",
            "_a",
            "a/b",
            "/a",
            "a..b",
            "a b",
            "a\n",
            "a\0",
            "a:b",
            "ä",
            &"a".repeat(65),
            &"a".repeat(300),
        ] {
            assert!(TokenName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_in_a_file_is_checked_like_any_other() {
        assert!(serde_json::from_str::<NodeName>("\"../../etc\"").is_err());
        assert!(serde_json::from_str::<ProfileName>("\"ok\"").is_ok());
    }
}

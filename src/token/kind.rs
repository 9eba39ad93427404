//! The kinds of secrets, and how each is written.
use std::fmt;

use crate::model;

/// What a secret is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A Proxmox VE API token: `USER@REALM!ID=UUID`.
    ApiToken,
    /// A Proxmox VE user's password.
    Password,
    /// A GitHub token.
    Github,
    /// The seed of a TOTP second factor, in base32 or as an `otpauth:` link.
    Totp,
    /// Anything else.
    Generic,
}

/// Why a secret is not of its kind. Says nothing of the secret itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KindError(&'static str);

impl fmt::Display for KindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for KindError {}

/// What a template has where a token belongs.
const PLACEHOLDERS: [&str; 9] = [
    "your",
    "xxxx",
    "example",
    "placeholder",
    "changeme",
    "change_me",
    "replace",
    "token_here",
    "insert",
];

impl Kind {
    /// Every kind with its word.
    pub const WORDS: &[(&str, Kind)] = &[
        ("api-token", Kind::ApiToken),
        ("password", Kind::Password),
        ("github", Kind::Github),
        ("totp", Kind::Totp),
        ("generic", Kind::Generic),
    ];

    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::ApiToken => "api-token",
            Kind::Password => "password",
            Kind::Github => "github",
            Kind::Totp => "totp",
            Kind::Generic => "generic",
        }
    }

    /// Reads the word.
    ///
    /// # Errors
    /// [`KindError`].
    pub fn parse(text: &str) -> Result<Kind, KindError> {
        let mut words = Kind::WORDS.iter();
        let found = words.find(|(word, _)| *word == text);
        found.map(|(_, kind)| *kind).ok_or(KindError(
            "a kind is api-token, password, github, totp or generic",
        ))
    }

    /// What a text looks like. A password looks like anything and is never recognised.
    #[must_use]
    pub fn recognise(text: &str) -> Kind {
        if model::GITHUB_PREFIXES
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            Kind::Github
        } else if text.starts_with("otpauth:") {
            Kind::Totp
        } else if looks_like_api_token(text) {
            Kind::ApiToken
        } else {
            Kind::Generic
        }
    }

    /// Checks that a text is written as its kind is.
    ///
    /// # Errors
    /// [`KindError`].
    pub fn check(self, text: &str) -> Result<(), KindError> {
        let wrong = match self {
            Kind::ApiToken => !is_api_token(text),
            Kind::Github => !is_github(text),
            Kind::Totp => !is_seed(text),
            // Proxmox VE takes 5 (pam: any) to 64 characters, LDAP and AD what they like.
            Kind::Password | Kind::Generic => false,
        };
        match self {
            _ if !wrong => Ok(()),
            Kind::ApiToken => Err(KindError(
                "it is no Proxmox VE API token: USER@REALM!ID=UUID, where the UUID is 8-4-4-4-12 hexadecimal \
                 digits and no placeholder",
            )),
            Kind::Github => Err(KindError(
                "it is no GitHub token: ghp_, github_pat_, gho_, ghu_, ghs_ or ghr_, then letters, digits and _, \
                 40 to 255 characters in all and no placeholder",
            )),
            Kind::Totp => Err(KindError(
                "it is no TOTP seed: at least 16 characters of base32 (A-Z, 2-7), or a link otpauth://totp/... \
                 with such a secret",
            )),
            Kind::Password | Kind::Generic => Ok(()),
        }
    }

    pub(super) fn code(self) -> u8 {
        match self {
            Kind::ApiToken => 1,
            Kind::Password => 2,
            Kind::Github => 3,
            Kind::Totp => 4,
            Kind::Generic => 5,
        }
    }

    pub(super) fn of_code(code: u8) -> Option<Kind> {
        let mut kinds = Kind::WORDS.iter().map(|(_, kind)| *kind);
        kinds.find(|kind| kind.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a text is meant to be an API token.
fn looks_like_api_token(text: &str) -> bool {
    let id = text.split_once('=').map_or("", |(id, _)| id);
    id.split_once('!')
        .is_some_and(|(user, _)| user.contains('@'))
}

/// Whether a text has the form of an API token and a UUID that is no placeholder.
fn is_api_token(text: &str) -> bool {
    let uuid = text.rsplit_once('=').map_or("", |(_, uuid)| uuid);
    model::is_api_token(text) && varied(uuid, 4)
}

/// Whether a text has the form of a GitHub token and is no placeholder.
fn is_github(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let placeholder = PLACEHOLDERS.iter().any(|word| lower.contains(word));
    let body = text.rsplit_once('_').map_or(text, |(_, body)| body);
    model::is_github_token(text) && varied(body, 8) && !placeholder
}

/// Whether a text has at least `least` different characters: random ones do.
fn varied(text: &str, least: usize) -> bool {
    let mut characters: Vec<char> = text.chars().filter(|c| *c != '-').collect();
    characters.sort_unstable();
    characters.dedup();
    characters.len() >= least
}

/// RFC 4648 base32, at least the 80 bits that Proxmox VE gives out.
fn is_seed(text: &str) -> bool {
    let seed = match text.strip_prefix("otpauth://totp/") {
        Some(link) => {
            let query = link.split_once('?').map_or("", |(_, query)| query);
            let mut fields = query.split('&');
            fields
                .find_map(|field| field.strip_prefix("secret="))
                .unwrap_or_default()
        }
        None => text,
    };
    let seed = seed.trim_end_matches('=');
    (16..=256).contains(&seed.len())
        && seed
            .chars()
            .all(|c| matches!(c.to_ascii_uppercase(), 'A'..='Z' | '2'..='7'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PVE: &str = "root@pam!time-shift=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77";
    const GITHUB: &str = "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";

    #[test]
    fn kinds_are_recognised_and_checked() {
        let pat = format!("github_pat_{}", &GITHUB[4..].repeat(2));
        let link = "otpauth://totp/root@pam?secret=JBSWY3DPEHPK3PXP&issuer=pve";
        for (text, kind) in [
            (PVE, Kind::ApiToken),
            (GITHUB, Kind::Github),
            (&pat, Kind::Github),
            (link, Kind::Totp),
            ("correct horse", Kind::Generic),
        ] {
            assert_eq!(Kind::recognise(text), kind);
            assert_eq!(kind.check(text), Ok(()), "{text}");
        }
        assert_eq!(Kind::Totp.check("JBSWY3DPEHPK3PXP"), Ok(()));
        assert_eq!(
            Kind::ApiToken.check(&format!("a@b.c@pve!x1={}", &PVE[20..])),
            Ok(())
        );
    }

    #[test]
    fn what_is_not_of_its_kind_is_refused_without_being_quoted() {
        for (kind, text) in [
            (Kind::ApiToken, GITHUB),
            (
                Kind::ApiToken,
                "root@pam!x=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77",
            ),
            (Kind::ApiToken, "root@pam!ts=3f1b8f9e"),
            (
                Kind::ApiToken,
                "root@pam!ts=00000000-0000-0000-0000-000000000000",
            ),
            (
                Kind::ApiToken,
                "root@pam!ts=xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
            ),
            (
                Kind::ApiToken,
                "root!ts=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77",
            ),
            (
                Kind::ApiToken,
                "ro/ot@pam!ts=3f1b8f9e-0c52-4f1c-9a51-2f6f0a4d8e77",
            ),
            (Kind::Github, PVE),
            (Kind::Github, "ghp_short"),
            (Kind::Github, "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"),
            (Kind::Github, "ghp_YOUR_TOKEN_a1B2c3D4e5F6g7H8i9J0k1L2m3N4"),
            (Kind::Github, "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R!"),
            (Kind::Totp, "JBSWY3DPEHPK3PX1"),
            (Kind::Totp, "JBSWY3DP"),
            (Kind::Totp, "otpauth://totp/x?issuer=pve"),
        ] {
            let error = kind.check(text).expect_err(text).to_string();
            assert!(!error.contains(text), "{error}");
        }
    }

    #[test]
    fn words_and_codes_are_each_others() {
        for (word, kind) in Kind::WORDS {
            assert_eq!(Kind::parse(word), Ok(*kind));
            assert_eq!(kind.as_str(), *word);
            assert_eq!(Kind::of_code(kind.code()), Some(*kind));
        }
        assert!(Kind::parse("Totp").is_err());
        assert_eq!(Kind::of_code(0), None);
    }
}

//! Names that Proxmox VE gives: users, API tokens, VMs.
use std::fmt;

use serde::{Deserialize, Serialize};

use super::host::is_label;
use crate::model::names::{NameError, name_type};

/// What a user's name may hold, of what `pve-userid` (`[^\s:/]+`, PVE::Auth::Plugin) lets it: no `!`,
/// which begins a token's name, and nothing that a shell or a record would read as its own.
fn is_user_part(text: &str) -> bool {
    let plain = |c: char| {
        c.is_ascii_alphanumeric()
            || matches!(
                c,
                '.' | '_' | '-' | '+' | '@' | '=' | ',' | '~' | '%' | '^' | '$' | '\''
            )
    };
    text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && text.chars().all(plain)
}

/// `[A-Za-z][A-Za-z0-9.\-_]+`, which is the form of a realm and of a token's own name
/// (PVE::Auth::Plugin, PVE::AccessControl).
fn is_word(text: &str) -> bool {
    text.len() >= 2
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

/// At most 64 characters, at most 32 of them the realm's (`pve-userid`, `pve-realm`).
fn is_user(text: &str) -> bool {
    // A user's name may have an @ of its own.
    let parts = text.rsplit_once('@');
    text.len() <= 64
        && parts
            .is_some_and(|(user, realm)| is_user_part(user) && is_word(realm) && realm.len() <= 32)
}

name_type!(
    /// A user of Proxmox VE, `USER@REALM` (`pve-userid`).
    PveUser,
    is_user,
    "a user of Proxmox VE is written USER@REALM, like root@pam, in at most 64 characters"
);

name_type!(
    /// The name of an API token, `USER@REALM!TOKEN` (`pve-tokenid`). The token's own name has at most 64
    /// characters.
    PveToken,
    |text| {
        text.split_once('!')
            .is_some_and(|(user, token)| is_user(user) && is_word(token) && token.len() <= 64)
    },
    "an API token of Proxmox VE is written USER@REALM!TOKEN, like root@pam!ci"
);

name_type!(
    /// A VM's name (`dns-name`: labels between dots; unlike a host's its last may be a number).
    VmName,
    |text| (1..=253).contains(&text.len()) && text.split('.').all(is_label),
    "a VM's name has labels of 1 to 63 letters, digits and inner hyphens between dots"
);

impl PveToken {
    /// The user to whom it belongs.
    #[must_use]
    pub fn user(&self) -> &str {
        self.as_str()
            .split_once('!')
            .map_or(self.as_str(), |(user, _)| user)
    }
}

/// Who asked Proxmox VE for something. A token is not its user: it may be given away.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum PveCaller {
    /// A user.
    User(PveUser),
    /// An API token.
    Token(PveToken),
}

impl PveCaller {
    /// Reads `USER@REALM` or `USER@REALM!TOKEN`.
    ///
    /// # Errors
    /// [`NameError`], which says what is allowed.
    pub fn parse(text: &str) -> Result<PveCaller, NameError> {
        if text.contains('!') {
            PveToken::parse(text).map(PveCaller::Token)
        } else {
            PveUser::parse(text).map(PveCaller::User)
        }
    }
}

impl fmt::Display for PveCaller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PveCaller::User(user) => user.fmt(f),
            PveCaller::Token(token) => token.fmt(f),
        }
    }
}

impl TryFrom<String> for PveCaller {
    type Error = NameError;
    fn try_from(text: String) -> Result<PveCaller, NameError> {
        PveCaller::parse(&text)
    }
}

impl From<PveCaller> for String {
    fn from(caller: PveCaller) -> String {
        caller.to_string()
    }
}

//! Forms of secrets. Functions and no types: what holds a secret is for those who keep it.

use super::pve::PveToken;

/// How GitHub's tokens begin.
pub const GITHUB_PREFIXES: [&str; 6] = ["ghp_", "github_pat_", "gho_", "ghu_", "ghs_", "ghr_"];

/// Whether a text has the form of a Proxmox VE API token, `USER@REALM!TOKEN=UUID`
/// (`PVE::AccessControl::verify_token`).
#[must_use]
pub fn is_api_token(text: &str) -> bool {
    // A user's name may have a `=` of its own, a UUID has none.
    text.rsplit_once('=')
        .is_some_and(|(name, uuid)| PveToken::parse(name).is_ok() && is_uuid(uuid))
}

fn is_uuid(text: &str) -> bool {
    let lengths = text.split('-').map(str::len);
    lengths.eq([8, 4, 4, 4, 12]) && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// Whether a text has the form of a GitHub token: its prefix, then letters, digits and `_`, 40 to 255
/// characters in all (GitHub's announcement of token formats of April 2021).
#[must_use]
pub fn is_github_token(text: &str) -> bool {
    let body = GITHUB_PREFIXES
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix));
    (40..=255).contains(&text.len())
        && body.is_some_and(|body| body.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'))
}

//! Forms of what comes from outside: total functions from text to a type, or to a reason.
//!
//! Belongs here: what names a place or a person (hosts, ports, Proxmox VE users, paths). What has a
//! file of its own is listed with it, so that this is the one place to look a rule up:
//!
//! | what | type | the rule's source |
//! |---|---|---|
//! | VMID | [`VmId`](super::VmId) | `pve-vmid` |
//! | phase | [`Phase`](super::Phase) | `PVE::GuestHelpers::exec_hookscript` |
//! | node | [`NodeName`](super::NodeName) | `pve-node` |
//! | VM name | [`VmName`] | `dns-name` |
//! | IPv4, IPv6 with zone | [`Host`] | RFC 4291, RFC 4007, RFC 3986 |
//! | hostname | [`HostName`] | RFC 1123 section 2.1, RFC 3696 section 2 |
//! | port | [`Port`] | RFC 9293 section 3.1 |
//! | Unix user, group | [`UserName`](super::UserName) | adduser's `NAME_REGEX` |
//! | `user@realm` | [`PveUser`] | `pve-userid` |
//! | API token's name | [`PveToken`] | `pve-tokenid` |
//! | API token, GitHub token | [`is_api_token`], [`is_github_token`] | see there |
//! | path | [`AbsolutePath`] | path_resolution(7) |
//! | file name | [`FileName`] | path_resolution(7) |
//! | tag | [`Tag`](super::Tag) | `pve-tag` |
//! | profile | [`ProfileName`](super::ProfileName) | a tag's length less `ts-` |
//! | date, time | [`Timestamp`](super::Timestamp) | RFC 3339 section 5.6 |
//! | span | [`Shift`](super::Shift), [`ShiftBound`](super::ShiftBound) | ISO 8601 as jiff reads it |
//! | task | [`Upid`](super::Upid) | `PVE::Tools::upid_decode` |
//!
//! What is taken prints back to itself, but for two ways to write the same: capital letters and a
//! last dot of a hostname, and the long forms of IPv6.

mod host;
mod path;
mod port;
mod pve;
mod secret;
#[cfg(test)]
mod tests;

pub use host::{Host, HostError, HostName, Zone};
pub use path::{AbsolutePath, FileName};
pub use port::{Port, PortError};
pub use pve::{PveCaller, PveToken, PveUser, VmName};
pub use secret::{GITHUB_PREFIXES, is_api_token, is_github_token};

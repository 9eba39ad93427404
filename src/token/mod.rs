//! Secrets: Proxmox API tokens, passwords, GitHub tokens, TOTP seeds.
//!
//! Belongs here: how a secret is held in memory, in the kernel's keyring and in a sealed file, what
//! opens it, and how often somebody may try. A secret leaves this module only as a [`Secret`], which
//! can be neither copied nor shown by accident.
#![forbid(unsafe_code)]

mod error;
mod fetch;
mod import;
mod keyring;
mod kind;
mod lockout;
mod manage;
mod passphrase;
mod sealed;
mod secret;
mod session;
mod store;

pub use error::Error;
pub use fetch::{fetch, unlock};
pub use import::{Imported, import};
pub use kind::{Kind, KindError};
pub use lockout::{Attempt, Lockout, Subject};
pub use manage::{add, remove, rotate};
pub use passphrase::{Ask, CREDENTIAL, Purpose, Unattended, credential, credential_path};
pub use sealed::Flaw;
pub use secret::{LIMIT, Secret, SecretError};
pub use session::{Kept, SESSION, Sessions, sessions_here};
pub use store::{Info, ROTATE_AFTER, Store};

#[cfg(test)]
mod tests;

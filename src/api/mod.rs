//! Proxmox VE's API: over HTTPS, or on a node as root through pvesh.
//!
//! Belongs here: how requests are made, authenticated, bounded and repeated, and what answers mean.
//! A path is built from types only; nothing from an answer enters one unless a type has checked it.
#![forbid(unsafe_code)]

mod answers;
mod auth;
mod client;
mod error;
mod exchange;
mod gate;
mod login;
mod path;
mod pvesh;
mod task;
mod tls;
mod totp;
mod wire;

pub use answers::{Cluster, GuestConfig, HostGuest, Measured, guest_time};
pub use auth::{Credentials, SecondFactor, Ticket};
pub use client::{Client, ClientError};
pub use error::{Error, Kind};
pub use path::{Method, Path, Power, StorageId};
pub use pvesh::{Pvesh, Runner};
pub use task::TaskEnd;
pub use totp::{STEP as TOTP_STEP, code as totp_code};

use serde_json::Value;

/// Something that answers requests to the API.
pub trait Api: Sync {
    /// Makes one request. What is safe to repeat is repeated.
    ///
    /// # Errors
    /// [`Error`].
    fn call(
        &self,
        method: Method,
        path: &Path,
        parameters: &[(&str, &str)],
    ) -> Result<Value, Error>;

    /// Logs in where a login is needed and there is none, so that one that fails does so by itself.
    ///
    /// # Errors
    /// [`Error`].
    fn enter(&self) -> Result<(), Error> {
        Ok(())
    }

    /// What is asked, for people: a host, or pvesh.
    fn name(&self) -> &str;

    /// How a request is written down, for `--dry-run` and the trail. Says nothing secret.
    fn shown(&self, method: Method, path: &Path, parameters: &[(&str, &str)]) -> String;

    /// How many requests may be under way at once.
    fn lanes(&self) -> usize;
}

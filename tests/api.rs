//! Proxmox VE's API, by the built program: against a fake that PyPI has (fakepve), and against servers of our
//! own for what that does not show. C6 to C9, E2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "api/attaching.rs"]
mod attaching;
#[path = "api/desk.rs"]
mod desk;
#[path = "api/fake.rs"]
mod fake;
#[path = "api/hostile.rs"]
mod hostile;
#[path = "api/logins.rs"]
mod logins;
#[path = "api/picking.rs"]
mod picking;
#[path = "api/power.rs"]
mod power;
#[path = "api/pvesh.rs"]
mod pvesh;
#[path = "api/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "cert/servers.rs"]
mod servers;
mod support;
#[path = "api/survey.rs"]
mod survey;
#[path = "api/tls.rs"]
mod tls;
#[path = "token/typing.rs"]
mod typing;
#[allow(dead_code)]
#[path = "token/vault.rs"]
mod vault;

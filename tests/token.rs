//! Secrets, by the built program in a node's file system: C1 to C5.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "token/canary.rs"]
mod canary;
#[path = "token/import.rs"]
mod import;
#[path = "token/inputs.rs"]
mod inputs;
#[path = "token/kills.rs"]
mod kills;
#[path = "token/life.rs"]
mod life;
#[path = "token/locked.rs"]
mod locked;
mod support;
#[path = "token/terminal.rs"]
mod terminal;
#[path = "token/typing.rs"]
mod typing;
#[path = "token/unattended.rs"]
mod unattended;
#[path = "token/vault.rs"]
mod vault;

//! The audit trail as it is read back: what `time-shift audit` finds, shows and says. D2, D4, D5, F3.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "audit/crashes.rs"]
mod crashes;
#[path = "audit/exporting.rs"]
mod exporting;
#[path = "audit/inputs.rs"]
mod inputs;
#[path = "audit/mutations.rs"]
mod mutations;
#[path = "audit/node.rs"]
mod node;
#[path = "audit/numbers.rs"]
mod numbers;
#[path = "audit/reading.rs"]
mod reading;
mod support;
#[path = "audit/terminal.rs"]
mod terminal;
#[path = "audit/tools.rs"]
mod tools;
#[path = "audit/unusual.rs"]
mod unusual;

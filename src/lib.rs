//! time-shift: gives Proxmox VE guests another time than now, by allowlist only.
//!
//! An event about a VM becomes a decision, a decision becomes a plan, a plan is carried out on the
//! guest's clock, the result is read back, and all of it is written down first.
//! `hook/pipeline.rs` shows that sentence as code.
#![deny(unsafe_code)]
// An overflow in a test is its failure.
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

pub mod allowlist;
pub mod api;
pub mod audit;
pub mod cert;
pub mod cli;
pub mod config;
pub mod exec;
pub mod guest;
pub mod hook;
pub mod judge;
pub mod keeper;
pub mod model;
pub mod plan;
pub mod policy;
pub mod report;
pub mod revise;
pub mod sources;
pub mod state;
pub mod strict;
pub mod system;
pub mod token;
pub mod trace;
pub mod verify;
pub mod vmconfig;
pub mod voice;

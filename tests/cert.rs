//! `time-shift cert` on real servers, and on hostile ones. A4.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

#[path = "fuzz/answer.rs"]
mod answer;
#[path = "cert/asks.rs"]
mod asks;
#[path = "cert/checks.rs"]
mod checks;
#[path = "cert/fields.rs"]
mod fields;
#[path = "cert/guest.rs"]
mod guest;
#[path = "cert/hostile.rs"]
mod hostile;
#[path = "cert/network.rs"]
mod network;
#[path = "cert/pages.rs"]
mod pages;
#[path = "cert/pins.rs"]
mod pins;
#[path = "cert/reach.rs"]
mod reach;
#[path = "cert/refusing.rs"]
mod refusing;
#[path = "cert/relay.rs"]
mod relay;
#[path = "cert/servers.rs"]
mod servers;
#[path = "cert/shows.rs"]
mod shows;
mod support;
#[path = "cert/twelve.rs"]
mod twelve;

use std::process::{Command, Stdio};

use serde_json::Value;
use support::Run;

/// The command line, without any config.
fn time_shift(arguments: &[&str]) -> Command {
    let mut command = Command::new(support::time_shift());
    command
        .env_clear()
        .args(["--config", "/nonexistent/config.toml"])
        .args(arguments);
    command
}

/// Calls it.
fn run(arguments: &[&str]) -> Run {
    Run::of(&mut time_shift(arguments))
}

/// What `cert --json` says about one server, which it read.
#[track_caller]
fn read(server: &str, options: &[&str]) -> Value {
    let run = run(&[&["cert", "--json", server], options].concat());
    let answer: Value =
        serde_json::from_str(&run.out).unwrap_or_else(|error| panic!("{error}: {run:?}"));
    assert!(answer["servers"][0]["error"].is_null(), "{answer}");
    answer["servers"][0].clone()
}

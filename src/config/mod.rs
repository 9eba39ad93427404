//! config.toml: how the program runs. Every key may be left out; an empty file is the default.
//!
//! Text in, checked values out. Says nothing about which guest may have which time: that is the
//! allowlist's.
#![forbid(unsafe_code)]

mod api;
mod paths;
mod syslog;

use std::time::Duration;

pub use api::{ApiHost, HostTrust, Login, ROOT};
pub use paths::Paths;
pub use syslog::{Facility, Syslog, SyslogFormat};

use crate::model::OnTrouble;
use crate::strict::{Finding, Table, read};

/// How the program runs.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// Where files, folders and sockets are.
    pub paths: Paths,
    /// What the hook does.
    pub hook: Hook,
    /// What goes to the system's log.
    pub syslog: Syslog,
    /// The hosts whose API is asked.
    pub api: Vec<ApiHost>,
}

/// What the hook does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// What becomes of a start when the allowlist cannot be read or has errors.
    pub on_unreadable: OnTrouble,
    /// How long post-start may take at most; 100 ms to 10 s.
    pub post_start_limit: Duration,
}

impl Default for Hook {
    fn default() -> Hook {
        Hook {
            on_unreadable: OnTrouble::Start,
            post_start_limit: Duration::from_secs(3),
        }
    }
}

/// Reads config.toml.
///
/// The caller bounds the size.
///
/// # Errors
/// All that is wrong with the file, in the order of the text.
pub fn parse(text: &str) -> Result<Config, Vec<Finding>> {
    read(text, |file| {
        Some(Config {
            paths: file.or("paths", Paths::default(), |value| {
                value.table("[paths]", |table| Some(paths::read(table)))
            }),
            hook: file.or("hook", Hook::default(), |value| {
                value.table("[hook]", |table| Some(read_hook(table)))
            }),
            syslog: file.or("syslog", Syslog::default(), |value| {
                value.table("[syslog]", |table| Some(syslog::read(table)))
            }),
            api: file.or("api", Vec::new(), |value| {
                value.table("[api]", |table| Some(api::read(table)))
            }),
        })
    })
}

fn read_hook(table: &mut Table<'_>) -> Hook {
    const SHORTEST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(10);
    let default = Hook::default();
    Hook {
        on_unreadable: table.or("on-unreadable", default.on_unreadable, |value| {
            value.choice(OnTrouble::WORDS)
        }),
        post_start_limit: table.or("post-start-limit", default.post_start_limit, |value| {
            value.duration(SHORTEST..=LONGEST, "from 100ms to 10s")
        }),
    }
}

#[cfg(test)]
mod tests;

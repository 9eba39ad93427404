//! What the program says about one VM: a line on a standard stream, and the same in syslog.
//!
//! Belongs here: the form of a line and where it goes. What is said is for whoever says it.
#![forbid(unsafe_code)]

mod trail;

use std::fmt;
use std::io::Write;

pub use trail::{syslog, trail};

use crate::audit::{Event, Severity, Syslog};
use crate::config::Config;
use crate::model::{Printable, VmId};

/// The program's name in every line.
const NAME: &str = "time-shift";

/// Speaks about one VM.
#[derive(Debug)]
pub struct Voice {
    vmid: VmId,
    name: Option<Printable>,
    syslog: Option<Syslog>,
    streams: bool,
}

impl Voice {
    /// A voice about `vmid`, whose name may come later. It speaks on the standard streams too.
    #[must_use]
    pub fn new(vmid: VmId, config: &Config) -> Voice {
        Voice {
            vmid,
            name: None,
            syslog: syslog(config),
            streams: true,
        }
    }

    /// The same for syslog only: what runs in the background has nobody to read its streams.
    #[must_use]
    pub fn in_background(vmid: VmId, config: &Config) -> Voice {
        Voice {
            streams: false,
            ..Voice::new(vmid, config)
        }
    }

    /// From now on the VM has a name.
    pub fn call(&mut self, name: Option<Printable>) {
        self.name = name;
    }

    /// The VM's name, as far as known.
    #[must_use]
    pub fn name(&self) -> Option<&Printable> {
        self.name.as_ref()
    }

    /// Says what is or will be done.
    pub fn say(&self, event: Event, text: &str) {
        self.write(
            &mut std::io::stdout(),
            Severity::LOG_NOTICE,
            event.code(),
            text,
        );
    }

    /// Says what is not as it should be.
    pub fn warn(&self, event: &str, text: &str) {
        self.write(&mut std::io::stderr(), Severity::LOG_WARNING, event, text);
    }

    /// Says what somebody has to act on.
    pub fn alarm(&self, event: &str, text: &str) {
        self.write(&mut std::io::stderr(), Severity::LOG_ERR, event, text);
    }

    fn write(&self, stream: &mut impl Write, severity: Severity, event: &str, text: &str) {
        let line = match &self.name {
            Some(name) => format!("VM {} ({name}): {text}", self.vmid),
            None => format!("VM {}: {text}", self.vmid),
        };
        if self.streams {
            put(stream, &line);
        }
        if let Some(syslog) = &self.syslog {
            syslog.send(severity, Some(self.vmid), event, &line);
        }
    }
}

/// One line in one write. A reader that hung up changes nothing about the VM.
fn put(stream: &mut impl Write, line: &impl fmt::Display) {
    let text = format!("{NAME}: {line}\n");
    let _ = stream.write_all(text.as_bytes());
    let _ = stream.flush();
}

/// Says something on standard error before anything is known about the configuration.
pub fn complain(text: &impl fmt::Display) {
    put(&mut std::io::stderr(), text);
}

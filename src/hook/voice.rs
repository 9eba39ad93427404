//! What the hook says: a line in the task log that Proxmox VE shows, and the same in syslog.
use std::fmt;
use std::io::Write;

use crate::audit::{Event, Severity, Syslog};
use crate::config::Config;
use crate::model::{Printable, VmId};
use crate::sources::syslog;
use crate::system;

/// The program's name in every line.
const NAME: &str = "time-shift";

/// Speaks about one VM.
#[derive(Debug)]
pub(super) struct Voice {
    vmid: VmId,
    name: Option<Printable>,
    syslog: Option<Syslog>,
}

impl Voice {
    /// A voice about `vmid`, whose name may come later.
    pub(super) fn new(vmid: VmId, config: &Config) -> Voice {
        Voice {
            vmid,
            name: None,
            syslog: syslog(config),
        }
    }

    /// From now on the VM has a name.
    pub(super) fn call(&mut self, name: Option<Printable>) {
        self.name = name;
    }

    /// The VM's name, as far as known.
    pub(super) fn name(&self) -> Option<&Printable> {
        self.name.as_ref()
    }

    /// Says what is or will be done.
    pub(super) fn say(&self, event: Event, text: &str) {
        self.write(
            &mut std::io::stdout(),
            Severity::LOG_NOTICE,
            event.code(),
            text,
        );
    }

    /// Says what is not as it should be.
    pub(super) fn warn(&self, event: &str, text: &str) {
        self.write(&mut std::io::stderr(), Severity::LOG_WARNING, event, text);
    }

    /// Says what somebody has to act on.
    pub(super) fn alarm(&self, event: &str, text: &str) {
        self.write(&mut std::io::stderr(), Severity::LOG_ERR, event, text);
    }

    fn write(&self, stream: &mut impl Write, severity: Severity, event: &str, text: &str) {
        let line = match &self.name {
            Some(name) => format!("VM {} ({name}): {text}", self.vmid),
            None => format!("VM {}: {text}", self.vmid),
        };
        put(stream, &line);
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

/// Says something before anything is known about the configuration.
pub(super) fn warn_without_config(text: &str) {
    put(&mut std::io::stderr(), &text);
}

/// A bug of ours must not keep a VM from starting: say so and end well. Should the VM be stopped at
/// that moment, its guardian continues it.
pub(super) fn never_die_of_a_bug() {
    std::panic::set_hook(Box::new(|info| {
        let place = info
            .location()
            .map_or_else(String::new, |at| format!(" at {at}"));
        put(
            &mut std::io::stderr(),
            &format!("internal error{place}; the VM's clock may not be set; please report this"),
        );
        system::exit_at_once(0);
    }));
}

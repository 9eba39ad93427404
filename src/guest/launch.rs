//! What QEMU's command line says about a start.
use std::path::Path;

use jiff::tz::TimeZone;

use crate::model::{RtcZone, StartKind};
use crate::system::{self, FileError};

/// The base of the RTC as QEMU was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LaunchRtc {
    /// `base=utc`, or nothing said.
    Utc,
    /// `base=localtime`.
    Localtime,
    /// `base=DATE`: the RTC does not follow the host's time at all.
    Date,
}

impl LaunchRtc {
    /// The zone in which such an RTC's fields are taken. QEMU's command line is what counts, whatever
    /// the config says; with a date as base only the guest's own `habit` is left. `localtime` is the
    /// host's zone file.
    ///
    /// # Errors
    /// [`FileError`] where the host's zone is not known.
    pub fn zone(self, habit: RtcZone, localtime: &Path) -> Result<TimeZone, FileError> {
        let local = match self {
            LaunchRtc::Utc => false,
            LaunchRtc::Localtime => true,
            LaunchRtc::Date => habit == RtcZone::Local,
        };
        match local {
            true => system::host_zone(localtime),
            false => Ok(TimeZone::UTC),
        }
    }
}

/// How a QEMU process was started.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Launch {
    /// As far as the command line tells: a migration or saved state beats `-S`, which both have.
    pub kind: StartKind,
    /// The RTC's base.
    pub rtc: LaunchRtc,
}

impl Launch {
    /// Reads QEMU's arguments.
    #[must_use]
    pub fn read(arguments: &[Vec<u8>]) -> Launch {
        let mut launch = Launch {
            kind: StartKind::Cold,
            rtc: LaunchRtc::Utc,
        };
        let mut rest = arguments.iter().skip(1);
        while let Some(argument) = rest.next() {
            match option_name(argument) {
                b"-incoming" => launch.kind = StartKind::Incoming,
                // -loadstate is Proxmox VE's own, -loadvm upstream's.
                b"-loadstate" | b"-loadvm" if launch.kind != StartKind::Incoming => {
                    launch.kind = StartKind::Resume;
                }
                b"-S" if launch.kind == StartKind::Cold => launch.kind = StartKind::Paused,
                // QEMU merges repeated -rtc options: the last base counts.
                b"-rtc" => {
                    if let Some(base) = rest.next().and_then(|value| rtc_base(value)) {
                        launch.rtc = base;
                    }
                }
                _ => {}
            }
        }
        launch
    }
}

/// QEMU takes its options with one hyphen or two.
fn option_name(argument: &[u8]) -> &[u8] {
    if argument.starts_with(b"--") {
        argument.get(1..).unwrap_or_default()
    } else {
        argument
    }
}

/// The base in a value like `driftfix=slew,base=localtime`.
fn rtc_base(value: &[u8]) -> Option<LaunchRtc> {
    let mut bases = value
        .split(|byte| *byte == b',')
        .filter_map(|part| part.strip_prefix(b"base="));
    bases.next_back().map(|base| match base {
        b"utc" => LaunchRtc::Utc,
        b"localtime" => LaunchRtc::Localtime,
        _ => LaunchRtc::Date,
    })
}

/// The file name in `-pidfile`, by which a process proves whose QEMU it is.
pub(super) fn pidfile_name(arguments: &[Vec<u8>]) -> Option<&[u8]> {
    let mut rest = arguments.iter();
    rest.find(|argument| option_name(argument) == b"-pidfile")?;
    rest.next()?.rsplit(|byte| *byte == b'/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(line: &str) -> Vec<Vec<u8>> {
        line.split(' ')
            .map(|argument| argument.as_bytes().to_vec())
            .collect()
    }

    fn read(line: &str) -> Launch {
        Launch::read(&arguments(line))
    }

    #[test]
    fn each_kind_of_start_has_its_mark() {
        assert_eq!(read("kvm -id 100 -daemonize").kind, StartKind::Cold);
        assert_eq!(read("kvm -id 100 -S -daemonize").kind, StartKind::Paused);
        assert_eq!(
            read("kvm -loadstate /dev/x -id 100").kind,
            StartKind::Resume
        );
        assert_eq!(read("kvm -S --loadvm snap").kind, StartKind::Resume);
        assert_eq!(
            read("kvm -incoming unix:/run/x -S").kind,
            StartKind::Incoming
        );
        assert_eq!(
            read("kvm -S -incoming tcp:0:60000 -loadvm x").kind,
            StartKind::Incoming
        );
    }

    #[test]
    fn the_last_rtc_base_counts() {
        assert_eq!(read("kvm -id 100").rtc, LaunchRtc::Utc);
        assert_eq!(
            read("kvm -rtc driftfix=slew,base=localtime").rtc,
            LaunchRtc::Localtime
        );
        assert_eq!(
            read("kvm -rtc base=2006-06-17T16:01:21").rtc,
            LaunchRtc::Date
        );
        assert_eq!(
            read("kvm -rtc base=localtime -rtc base=utc").rtc,
            LaunchRtc::Utc
        );
        assert_eq!(
            read("kvm -rtc base=localtime -rtc clock=host").rtc,
            LaunchRtc::Localtime
        );
        assert_eq!(read("kvm -rtc").rtc, LaunchRtc::Utc);
    }

    #[test]
    fn the_pidfile_names_the_vm() {
        let line = arguments("kvm -id 100 -pidfile /var/run/qemu-server/100.pid -daemonize");
        assert_eq!(pidfile_name(&line), Some(b"100.pid".as_slice()));
        assert_eq!(pidfile_name(&arguments("sleep 100")), None);
        assert_eq!(pidfile_name(&arguments("kvm -pidfile")), None);
    }
}

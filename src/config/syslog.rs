//! How lines for the system's log are written.
use crate::strict::Table;

/// What goes to the system's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Syslog {
    /// Whether anything does.
    pub enabled: bool,
    /// How a line is written.
    pub format: SyslogFormat,
    /// Which part of the system it claims to come from.
    pub facility: Facility,
}

/// How a line is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyslogFormat {
    /// RFC 5424, but RFC 3164 where journald owns the socket, which reads nothing else.
    Auto,
    /// RFC 3164.
    Rfc3164,
    /// RFC 5424, with structured data.
    Rfc5424,
}

/// A facility of syslog. The number is its code (RFC 5424 section 6.2.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Facility {
    /// `user`
    User = 1,
    /// `daemon`
    Daemon = 3,
    /// `auth`
    Auth = 4,
    /// `authpriv`
    Authpriv = 10,
    /// `local0`
    Local0 = 16,
    /// `local1`
    Local1 = 17,
    /// `local2`
    Local2 = 18,
    /// `local3`
    Local3 = 19,
    /// `local4`
    Local4 = 20,
    /// `local5`
    Local5 = 21,
    /// `local6`
    Local6 = 22,
    /// `local7`
    Local7 = 23,
}

impl Facility {
    const WORDS: &[(&str, Facility)] = &[
        ("daemon", Facility::Daemon),
        ("auth", Facility::Auth),
        ("authpriv", Facility::Authpriv),
        ("user", Facility::User),
        ("local0", Facility::Local0),
        ("local1", Facility::Local1),
        ("local2", Facility::Local2),
        ("local3", Facility::Local3),
        ("local4", Facility::Local4),
        ("local5", Facility::Local5),
        ("local6", Facility::Local6),
        ("local7", Facility::Local7),
    ];

    /// The code, 0 to 23. A line's priority is this times 8 plus its severity.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl Default for Syslog {
    fn default() -> Syslog {
        Syslog {
            enabled: true,
            format: SyslogFormat::Auto,
            facility: Facility::Daemon,
        }
    }
}

/// Reads the `[syslog]` table.
pub(super) fn read(table: &mut Table<'_>) -> Syslog {
    const FORMATS: &[(&str, SyslogFormat)] = &[
        ("auto", SyslogFormat::Auto),
        ("rfc3164", SyslogFormat::Rfc3164),
        ("rfc5424", SyslogFormat::Rfc5424),
    ];
    let default = Syslog::default();
    Syslog {
        enabled: table.or("enabled", default.enabled, |value| value.boolean()),
        format: table.or("format", default.format, |value| value.choice(FORMATS)),
        facility: table.or("facility", default.facility, |value| {
            value.choice(Facility::WORDS)
        }),
    }
}

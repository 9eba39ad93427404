//! Where things are written down, as config.toml says.
use crate::audit::{AuditError, Facility, Format, Syslog, Trail};
use crate::config::{Config, SyslogFormat};

/// This program's name in syslog.
const NAME: &str = "time-shift";

/// The way to the system's log; none where config.toml wants none.
#[must_use]
pub fn syslog(config: &Config) -> Option<Syslog> {
    let settings = &config.syslog;
    settings.enabled.then(|| Syslog {
        socket: config.paths.syslog.clone(),
        format: match settings.format {
            SyslogFormat::Auto => Format::for_socket(&config.paths.syslog),
            SyslogFormat::Rfc3164 => Format::Rfc3164,
            SyslogFormat::Rfc5424 => Format::Rfc5424,
        },
        facility: Facility::of_code(settings.facility.code()),
        process: NAME,
        losses: Some((config.paths.log.clone(), config.paths.data.clone())),
    })
}

/// The audit trail, which is sealed into the system's log.
///
/// # Errors
/// [`AuditError::Host`] where /proc is not what it should be.
pub fn trail(config: &Config) -> Result<Trail, AuditError> {
    Ok(Trail::new(&config.paths.log, &config.paths.data)?.sealing_into(syslog(config)))
}

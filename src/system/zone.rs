//! The host's time zone, as QEMU uses it for a local-time RTC.
use std::path::Path;

use jiff::tz::TimeZone;

use super::error::{FileError, FileErrorKind};
use super::file::{Trust, read};

/// Largest zone file that is read; the largest of tzdata has under 4 KiB.
const LIMIT: usize = 64 * 1024;

/// Reads the host's time zone from `path` (`/etc/localtime`). A host without that file runs on UTC
/// (`tzset(3)`).
///
/// # Errors
/// [`FileError`] where it cannot be read or is no zone file.
pub fn host_zone(path: &Path) -> Result<TimeZone, FileError> {
    let bytes = match read(path, Trust::Data, LIMIT) {
        Ok(bytes) => bytes,
        Err(error) if error.is_missing() => return Ok(TimeZone::UTC),
        Err(error) => return Err(error),
    };
    TimeZone::tzif("localtime", &bytes)
        .map_err(|_| FileError::new(path, FileErrorKind::Os(rustix::io::Errno::INVAL)))
}

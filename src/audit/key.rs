//! The key of the chains, `/var/lib/time-shift/audit.key`: 32 random bytes, root's alone.
use zeroize::Zeroizing;

use super::error::AuditError;
use super::seal::Sealer;
use crate::system::{self, Access, Dir};

/// The file's name in the data folder.
pub(super) const FILE: &str = "audit.key";

const LENGTH: usize = 32;

/// Reads the key; `None` where there is none.
pub(super) fn load(data: &Dir) -> Result<Option<Sealer>, AuditError> {
    let file = match data.open_file(FILE, Access::Read) {
        Ok(file) => file,
        Err(error) if error.is_missing() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    if file.mode() & 0o077 != 0 {
        return Err(AuditError::Key {
            path: file.path().to_owned(),
            what: "others may have read it, so the trail proves nothing any more; look into that, then \
                   chmod 0600",
        });
    }
    // One byte more, so that a longer file is noticed.
    let mut bytes = Zeroizing::new([0_u8; LENGTH + 1]);
    let count = file.read_at(bytes.as_mut_slice(), 0)?;
    match bytes.split_first_chunk::<LENGTH>() {
        Some((key, _)) if count == LENGTH => Ok(Some(Sealer::new(key))),
        _ => Err(AuditError::Key {
            path: file.path().to_owned(),
            what: "it does not have the 32 bytes of a key; put it back from a backup",
        }),
    }
}

/// Makes a key that is on the disk before anything is sealed with it.
pub(super) fn make(data: &Dir) -> Result<Sealer, AuditError> {
    let mut key = Zeroizing::new([0_u8; LENGTH]);
    system::fill_secret(key.as_mut_slice())
        .map_err(|error| AuditError::Host(format!("no random bytes for a key: {error}")))?;
    data.replace_durably(FILE, key.as_slice(), 0o600)?;
    data.sync()?;
    Ok(Sealer::new(&key))
}

/// There is no key to check anything with.
pub(super) fn missing(data: &Dir) -> AuditError {
    AuditError::Key {
        path: data.path_of(FILE),
        what: "there is no key, so nothing can be checked; it is made with the first record",
    }
}

/// The key is gone although there are heads that were sealed with it.
pub(super) fn gone(data: &Dir) -> AuditError {
    AuditError::Key {
        path: data.path_of(FILE),
        what: "it is gone, though records were chained with it; put it back from a backup, or remove \
               audit-head.json beside it to begin anew with another key",
    }
}

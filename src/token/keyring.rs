//! The kernel's keyring: secrets that are unlocked for a while, in root's user keyring.
//!
//! A service, a cron job and a fresh login have no link to that keyring, and a key in it reads as
//! "permission denied" there (keyrings(7), "Possession"). So every process links it into its own first.
use std::time::Duration;

use linux_keyutils::{Key, KeyError, KeyRing, KeyRingIdentifier, LinkNode};

use super::error::{Error, host};
use crate::system::SecretBytes;

/// How all our keys begin.
const PREFIX: &str = "time-shift:";

/// Largest payload: a secret and what stands before it.
const LIMIT: usize = 8 * 1024;

/// More keys than the kernel's quota lets root have (keyrings(7), `root_maxkeys`): the library relies on
/// there being no more.
const MOST_KEYS: usize = 1 << 20;

struct Rings {
    process: KeyRing,
    user: KeyRing,
}

fn rings() -> Result<Rings, Error> {
    let open = || {
        let process = KeyRing::from_special_id(KeyRingIdentifier::Process, true)?;
        let user = KeyRing::from_special_id(KeyRingIdentifier::User, true)?;
        process.link_keyring(user)?;
        Ok(Rings { process, user })
    };
    open().map_err(unusable)
}

/// Whether there is one.
pub(super) fn available() -> Result<(), Error> {
    rings().map(|_| ())
}

/// The payload of a key; `None` where there is none, or not any more.
pub(super) fn get(name: &str) -> Result<Option<SecretBytes>, Error> {
    let found = |key: Key| {
        let mut payload = SecretBytes::zeroed(LIMIT).map_err(host)?;
        match key.read(&mut payload.as_mut_slice()) {
            // The kernel says how long the payload is, also where that is more than it has written.
            Ok(length) if length <= LIMIT => {
                payload.truncate(length);
                Ok(Some(payload))
            }
            Ok(_) => Ok(None),
            Err(error) => missed(error),
        }
    };
    match rings()?.user.search(&describe(name)) {
        Ok(key) => found(key),
        Err(error) => missed(error),
    }
}

/// Keeps a payload for `lapse`, in place of what had its name.
pub(super) fn put(name: &str, payload: &SecretBytes, lapse: Duration) -> Result<(), Error> {
    let Rings { process, user } = rings()?;
    let seconds = usize::try_from(lapse.as_secs()).unwrap_or(0).max(1);
    // In a keyring that ends with this process first: killed before its timeout is set, a key would
    // stay for ever.
    let key = process
        .add_key(&describe(name), payload.as_slice())
        .map_err(unusable)?;
    let kept = key.set_timeout(seconds).and_then(|()| user.link_key(key));
    let _ = process.unlink_key(key);
    kept.map_err(unusable)
}

/// Forgets a key, if there is one.
pub(super) fn remove(name: &str) -> Result<(), Error> {
    match rings()?.user.search(&describe(name)) {
        Ok(key) => forget(key),
        Err(error) => missed(error).map(|_: Option<()>| ()),
    }
}

/// Forgets all our keys; how many there were comes back.
pub(super) fn clear() -> Result<usize, Error> {
    let links = rings()?.user.get_links(MOST_KEYS).map_err(unusable)?;
    let mut count: usize = 0;
    for link in links.iter() {
        let LinkNode::Key(key) = link else { continue };
        // One that has expired meanwhile has no description any more.
        let ours = key
            .metadata()
            .is_ok_and(|data| data.get_description().starts_with(PREFIX));
        if ours {
            forget(*key)?;
            count = count.saturating_add(1);
        }
    }
    Ok(count)
}

fn forget(key: Key) -> Result<(), Error> {
    match key.invalidate() {
        Ok(()) => Ok(()),
        Err(error) => missed(error).map(|_: Option<()>| ()),
    }
}

fn describe(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// A key that is not there, not any more, or was taken away, is only not there.
fn missed<T>(error: KeyError) -> Result<Option<T>, Error> {
    match error {
        KeyError::KeyDoesNotExist | KeyError::KeyExpired | KeyError::KeyRevoked => Ok(None),
        other => Err(unusable(other)),
    }
}

fn unusable(error: KeyError) -> Error {
    const NO_SUCH_CALL: i32 = rustix::io::Errno::NOSYS.raw_os_error();
    let why = match error {
        KeyError::OperationNotSupported | KeyError::Unknown(NO_SUCH_CALL) => {
            "this kernel or container has none"
        }
        KeyError::PermissionDenied | KeyError::AccessDenied => "it is not permitted here",
        KeyError::QuotaExceeded => "root's quota of keys is used up (/proc/key-users)",
        other => return Error::NoKeyring(other.to_string()),
    };
    Error::NoKeyring(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> SecretBytes {
        SecretBytes::copy_of(text.as_bytes()).unwrap()
    }

    fn read(name: &str) -> Option<String> {
        let found = get(name).unwrap();
        found.map(|payload| String::from_utf8(payload.as_slice().to_vec()).unwrap())
    }

    /// Where there is no keyring (many containers), only that is said, and said by every function.
    fn here() -> bool {
        let Err(why) = available() else { return true };
        eprintln!("not tested: {why}");
        assert!(get("test").is_err() && remove("test").is_err() && clear().is_err());
        assert!(put("test", &bytes("x"), Duration::from_secs(9)).is_err());
        false
    }

    #[test]
    fn a_key_is_kept_replaced_and_forgotten() {
        if !here() {
            return;
        }
        let name = format!("test-kept-{}", std::process::id());
        assert_eq!(read(&name), None);
        for text in ["one", "another"] {
            put(&name, &bytes(text), Duration::from_secs(60)).unwrap();
            assert_eq!(read(&name).as_deref(), Some(text));
        }
        remove(&name).unwrap();
        remove(&name).unwrap();
        assert_eq!(read(&name), None);
    }

    #[test]
    fn an_expired_key_is_a_miss_and_can_be_put_again() {
        if !here() {
            return;
        }
        let name = format!("test-expired-{}", std::process::id());
        put(&name, &bytes("short"), Duration::from_secs(1)).unwrap();
        std::thread::sleep(Duration::from_millis(1200));
        assert_eq!(read(&name), None);
        put(&name, &bytes("again"), Duration::from_secs(60)).unwrap();
        assert_eq!(read(&name).as_deref(), Some("again"));
        let key = rings().unwrap().user.search(&describe(&name)).unwrap();
        key.revoke().unwrap();
        assert_eq!(read(&name), None);
        put(&name, &bytes("third"), Duration::from_secs(60)).unwrap();
        assert_eq!(read(&name).as_deref(), Some("third"));
        remove(&name).unwrap();
    }
}

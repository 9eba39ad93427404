//! Which user of the node's system calls this program.
use std::ffi::CString;
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};

use super::error::FileError;
use super::file::{Trust, read};

/// What a source says about the user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LoginUid {
    /// Nothing: it is not there, or nobody logged in (a service, a cron job).
    Nobody,
    /// This user.
    User(u32),
    /// Something that is no uid.
    Unreadable,
}

/// Who calls, by each of the sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Login {
    /// Who logged in: the kernel keeps it through su and sudo, and nobody without the right to
    /// configure the audit system can change it (proc_pid_loginuid(5)).
    pub kernel: LoginUid,
    /// Who called sudo (`SUDO_UID`, sudo(8)), which sets it over whatever it is given.
    pub sudo: LoginUid,
    /// Whom the process belongs to (getuid(2)).
    pub process: u32,
}

/// The kernel's "nobody logged in".
const UNSET: u32 = u32::MAX;

/// Finds out who calls.
#[must_use]
pub fn login() -> Login {
    let file = read(Path::new("/proc/self/loginuid"), Trust::Data, 64);
    Login {
        kernel: kernel(file),
        sudo: match std::env::var_os("SUDO_UID") {
            None => LoginUid::Nobody,
            Some(text) => text.to_str().map_or(LoginUid::Unreadable, uid),
        },
        process: rustix::process::getuid().as_raw(),
    }
}

fn kernel(file: Result<Vec<u8>, FileError>) -> LoginUid {
    match file {
        // A kernel that does not keep it.
        Err(error) if error.is_missing() => LoginUid::Nobody,
        Err(_) => LoginUid::Unreadable,
        Ok(bytes) => match std::str::from_utf8(&bytes).map(|text| uid(text.trim())) {
            Ok(LoginUid::User(UNSET)) => LoginUid::Nobody,
            Ok(uid) => uid,
            Err(_) => LoginUid::Unreadable,
        },
    }
}

fn uid(text: &str) -> LoginUid {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(uid) if digits => LoginUid::User(uid),
        _ => LoginUid::Unreadable,
    }
}

/// A user with the groups he is in, by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// His name.
    pub name: String,
    /// His groups, the primary one among them.
    pub groups: Vec<String>,
}

/// The user with this number; none where the system knows nobody of that number.
///
/// # Errors
/// The system's, where its databases of users and groups cannot be asked.
pub fn account(uid: u32) -> std::io::Result<Option<Account>> {
    let Some(user) = User::from_uid(Uid::from_raw(uid))? else {
        return Ok(None);
    };
    let name = CString::new(user.name.as_bytes())?;
    let mut groups = Vec::new();
    for gid in getgrouplist(&name, user.gid)? {
        groups.extend(group_name(gid)?);
    }
    Ok(Some(Account {
        name: user.name,
        groups,
    }))
}

fn group_name(gid: Gid) -> std::io::Result<Option<String>> {
    Ok(Group::from_gid(gid)?.map(|group| group.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_digits_and_nothing_else() {
        for (text, wanted) in [
            ("0", LoginUid::User(0)),
            ("1000", LoginUid::User(1000)),
            ("4294967294", LoginUid::User(u32::MAX - 1)),
            ("4294967296", LoginUid::Unreadable),
            ("-1", LoginUid::Unreadable),
            ("+1", LoginUid::Unreadable),
            ("", LoginUid::Unreadable),
            ("1 0", LoginUid::Unreadable),
            ("0x0", LoginUid::Unreadable),
        ] {
            assert_eq!(uid(text), wanted, "{text}");
        }
    }

    #[test]
    fn the_kernel_says_nobody_in_its_own_way() {
        assert_eq!(kernel(Ok(b"4294967295".to_vec())), LoginUid::Nobody);
        assert_eq!(kernel(Ok(b"1000\n".to_vec())), LoginUid::User(1000));
        assert_eq!(kernel(Ok(b"\xff".to_vec())), LoginUid::Unreadable);
        assert_eq!(kernel(Ok(Vec::new())), LoginUid::Unreadable);
        let missing = read(Path::new("/proc/self/no-such-file"), Trust::Data, 64);
        assert_eq!(kernel(missing), LoginUid::Nobody);
    }

    #[test]
    fn root_is_in_its_own_group() {
        let root = account(0).unwrap().unwrap();
        assert_eq!(root.name, "root");
        assert!(root.groups.contains(&"root".to_owned()));
        assert_eq!(account(3_999_999_999).unwrap(), None);
    }
}

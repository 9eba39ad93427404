//! Files that are replaced only by what is known to be good.
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT};
use rustix::fs::{fsync, futimens, openat, renameat, unlinkat};

use super::dir::Dir;
use super::error::FileError;
use super::file::{read_up_to, write_all};
use super::open_file::{Access, OpenFile};

impl Dir {
    /// Replaces a file of this folder by a new one that `prove` has seen as it lies on the disk. The old
    /// one stays until then; the new one, and its name, have reached the disk when this returns.
    ///
    /// # Errors
    /// What `prove` says, or [`FileError`]; the old file is then still there and nothing else is left.
    pub fn replace_proven<E: From<FileError>>(
        &self,
        name: &str,
        content: &[u8],
        mode: u32,
        prove: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let temporary = format!(".{name}.{}.tmp", std::process::id());
        let path = self.path_of(name);
        let failed = |errno| FileError::os(&path, errno);
        // A process of the same number that was killed may have left one.
        let _ = unlinkat(self.fd(), &temporary, AtFlags::empty());
        let made = || -> Result<(), E> {
            let flags =
                OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file =
                openat(self.fd(), &temporary, flags, Mode::from_raw_mode(mode)).map_err(failed)?;
            write_all(&file, content)
                .and_then(|()| fsync(&file))
                .map_err(failed)?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let again = openat(self.fd(), &temporary, flags, Mode::empty()).map_err(failed)?;
            prove(&read_up_to(&path, &again, content.len(), content.len())?)?;
            renameat(self.fd(), &temporary, self.fd(), name).map_err(failed)?;
            Ok(self.sync()?)
        };
        let result = made();
        if result.is_err() {
            let _ = unlinkat(self.fd(), &temporary, AtFlags::empty());
        }
        result
    }

    /// Lets a file of this folder, made where it is missing, have been changed just now.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn touch(&self, name: &str) -> Result<(), FileError> {
        self.open_file(name, Access::Make(0o600))?.touch()
    }
}

impl OpenFile {
    fn touch(&self) -> Result<(), FileError> {
        let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
        let times = Timestamps {
            last_access: at(UTIME_OMIT),
            last_modification: at(UTIME_NOW),
        };
        futimens(self.fd(), &times).map_err(|errno| FileError::os(self.path(), errno))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::system::FileErrorKind;

    fn folder(name: &str) -> (std::path::PathBuf, Dir) {
        let path = std::env::temp_dir().join(format!("time-shift-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        let dir = Dir::open_or_make(&path, 0o700).unwrap();
        (path, dir)
    }

    #[test]
    fn what_is_not_proven_replaces_nothing() {
        let (path, dir) = folder("proven");
        let no = |_: &[u8]| {
            Err(FileError {
                path: path.clone(),
                kind: FileErrorKind::NotRegular,
            })
        };
        assert!(dir.replace_proven("a", b"new", 0o600, no).is_err());
        assert_eq!(dir.names().unwrap().len(), 2, "only . and ..");
        let seen = |bytes: &[u8]| -> Result<(), FileError> {
            assert_eq!(bytes, b"old");
            Ok(())
        };
        dir.replace_proven("a", b"old", 0o600, seen).unwrap();
        assert!(dir.replace_proven("a", b"new", 0o600, no).is_err());
        assert_eq!(dir.read("a", 10).unwrap(), b"old");
        fs::remove_dir_all(&path).unwrap();
    }

    #[test]
    fn a_touched_file_was_changed_just_now() {
        let (path, dir) = folder("touched");
        dir.touch("a").unwrap();
        let before = dir.open_file("a", Access::Read).unwrap().changed();
        std::thread::sleep(std::time::Duration::from_millis(20));
        dir.touch("a").unwrap();
        let after = dir.open_file("a", Access::Read).unwrap().changed();
        assert!(before < after, "{before:?} {after:?}");
        fs::remove_dir_all(&path).unwrap();
    }
}

//! A person's file with a secret in the clear, which is taken over and destroyed.
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fdatasync, fstat, fsync, openat,
    openat2, statat, unlinkat,
};
use rustix::io::{Errno, pwrite, retry_on_intr};

use super::error::{FileError, FileErrorKind};
use super::secret::SecretBytes;

/// The file, and the folder it lies in, held open.
#[derive(Debug)]
pub struct Plaintext {
    path: PathBuf,
    folder: OwnedFd,
    name: OsString,
    file: OwnedFd,
    stat: Stat,
}

impl Plaintext {
    /// Opens a regular file without following links, to read it and to write over it. It must belong to
    /// one of `owners` and have no second name.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open(path: &Path, owners: &[u32]) -> Result<Plaintext, FileError> {
        let failed = |errno| FileError::os(path, errno);
        let name = path.file_name().ok_or_else(|| failed(Errno::ISDIR))?;
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return Err(failed(Errno::ISDIR)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = openat2(CWD, parent, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
            .map_err(failed)?;
        let flags =
            OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = openat(&folder, name, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&file).map_err(failed)?;
        let kind = if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            Some(FileErrorKind::NotRegular)
        } else if !owners.contains(&stat.st_uid) {
            Some(FileErrorKind::NotCallers { uid: stat.st_uid })
        } else if stat.st_nlink != 1 {
            Some(FileErrorKind::HardLinked)
        } else {
            None
        };
        match kind {
            Some(kind) => Err(FileError::new(path, kind)),
            None => Ok(Plaintext {
                path: path.to_owned(),
                folder,
                name: name.to_owned(),
                file,
                stat,
            }),
        }
    }

    /// Where it is, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether others than its owner could read it.
    #[must_use]
    pub fn others_could_read(&self) -> bool {
        self.stat.st_mode & 0o044 != 0
    }

    /// All of it, at most `limit` bytes.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn content(&self, limit: usize) -> Result<SecretBytes, FileError> {
        rustix::fs::seek(&self.file, rustix::fs::SeekFrom::Start(0))
            .map_err(|errno| FileError::os(&self.path, errno))?;
        match SecretBytes::read_from(&self.file, limit) {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(FileError::new(
                &self.path,
                FileErrorKind::TooLarge { limit },
            )),
            Err(error) => {
                let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                Err(FileError::os(&self.path, errno))
            }
        }
    }

    /// Writes zeros over it, takes its name away, and returns when both have reached the disk. A file
    /// system that never writes in place, a snapshot or a backup may still have the old content.
    ///
    /// # Errors
    /// [`FileError`], also where its name meanwhile is another file's.
    pub fn destroy(self) -> Result<(), FileError> {
        let failed = |errno| FileError::os(&self.path, errno);
        let now = statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        if (now.st_dev, now.st_ino) != (self.stat.st_dev, self.stat.st_ino) {
            return Err(failed(Errno::STALE));
        }
        let mut left = u64::try_from(now.st_size).unwrap_or(0);
        let mut offset: u64 = 0;
        let zeros = [0; 4096];
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(usize::MAX);
            let part = zeros.get(..length).unwrap_or(&zeros);
            let written = retry_on_intr(|| pwrite(&self.file, part, offset)).map_err(failed)?;
            let written = u64::try_from(written).unwrap_or(0);
            if written == 0 {
                return Err(failed(Errno::IO));
            }
            offset = offset.saturating_add(written);
            left = left.saturating_sub(written);
        }
        fdatasync(&self.file).map_err(failed)?;
        unlinkat(&self.folder, &self.name, AtFlags::empty()).map_err(failed)?;
        fsync(&self.folder).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("time-shift-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path).unwrap();
        path
    }

    fn kind(path: &Path) -> Option<FileErrorKind> {
        Plaintext::open(path, &[0]).err().map(|error| error.kind)
    }

    #[test]
    fn what_is_destroyed_is_zero_and_gone() {
        let folder = folder("destroyed");
        let path = folder.join(".pat");
        fs::write(&path, vec![b'x'; 10_000]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let mut held = fs::File::open(&path).unwrap();
        let plaintext = Plaintext::open(&path, &[0]).unwrap();
        assert!(plaintext.others_could_read());
        for _ in 0..2 {
            let content = plaintext.content(65_536).unwrap();
            assert_eq!(content.as_slice(), vec![b'x'; 10_000]);
        }
        assert!(plaintext.content(9_999).is_err());
        plaintext.destroy().unwrap();
        assert!(!path.exists());
        let mut left = Vec::new();
        held.read_to_end(&mut left).unwrap();
        assert_eq!(left, vec![0; 10_000]);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_is_not_ones_own_plain_file_is_left_alone() {
        let folder = folder("foreign");
        let path = folder.join("a");
        let link = folder.join("b");
        fs::write(&path, "x").unwrap();
        symlink(&path, &link).unwrap();
        assert_eq!(kind(&path), None);
        assert_eq!(kind(&link), Some(FileErrorKind::Link));
        assert_eq!(kind(&folder), Some(FileErrorKind::NotRegular));
        assert_eq!(kind(&folder.join("none")), Some(FileErrorKind::Missing));
        assert_eq!(kind(Path::new("/")), Some(FileErrorKind::NotRegular));
        fs::remove_file(&link).unwrap();
        fs::hard_link(&path, &link).unwrap();
        assert_eq!(kind(&path), Some(FileErrorKind::HardLinked));
        fs::remove_file(&link).unwrap();
        let plaintext = Plaintext::open(&path, &[0]).unwrap();
        fs::rename(&path, &link).unwrap();
        fs::write(&path, "another").unwrap();
        assert!(plaintext.destroy().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"another");
        assert_eq!(fs::read(&link).unwrap(), b"x");
        if chown(&path, Some(65_534), None).is_ok() {
            assert_eq!(kind(&path), Some(FileErrorKind::NotCallers { uid: 65_534 }));
            assert!(Plaintext::open(&path, &[0, 65_534]).is_ok());
        }
        fs::remove_dir_all(folder).unwrap();
    }
}

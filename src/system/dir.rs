//! Folders of our own: files written whole or not at all, and locks.
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Mode, OFlags, ResolveFlags, Stat, fchmod, fdatasync,
    flock, fstat, mkdir, openat, openat2, renameat, unlinkat,
};
use rustix::io::Errno;

use super::clock::Deadline;
use super::error::{FileError, FileErrorKind};
use super::file::{must_be_roots, read_up_to, write_all};

/// An open folder that belongs to root and that nobody else can write to.
#[derive(Debug)]
pub struct Dir {
    path: PathBuf,
    fd: OwnedFd,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    _fd: OwnedFd,
}

/// How a file is replaced.
#[derive(Clone, Copy)]
enum Put {
    /// Old or new, as long as the host runs.
    Quickly,
    /// Old or new, after a crash of the host too.
    Durably,
    /// The same, with the mode as it is said.
    Exactly,
}

impl Dir {
    /// Opens a folder without following links.
    ///
    /// # Errors
    /// [`FileError`] where it is missing, a link, or not root's alone.
    pub fn open(path: &Path) -> Result<Dir, FileError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
            .map_err(|errno| FileError::os(path, errno))?;
        let stat = fstat(&fd).map_err(|errno| FileError::os(path, errno))?;
        must_be_roots(path, &stat)?;
        Ok(Dir {
            path: path.to_owned(),
            fd,
        })
    }

    /// Opens a folder and makes it first, with `mode`, where only it is missing.
    ///
    /// # Errors
    /// [`FileError`] as for [`Dir::open`], or where it cannot be made.
    pub fn open_or_make(path: &Path, mode: u32) -> Result<Dir, FileError> {
        match Dir::open(path) {
            Err(error) if error.is_missing() => {}
            other => return other,
        }
        match mkdir(path, Mode::from_raw_mode(mode)) {
            Ok(()) => {
                let made = Dir::open(path)?;
                // A umask may have taken bits that a group needs to read its logs.
                fchmod(&made.fd, Mode::from_raw_mode(mode))
                    .map_err(|errno| FileError::os(path, errno))?;
                Ok(made)
            }
            Err(Errno::EXIST) => Dir::open(path),
            Err(errno) => Err(FileError::os(path, errno)),
        }
    }

    /// Opens a folder and makes it first where only it is missing, with the mode that its file
    /// system gives it (pmxcfs has modes of its own).
    ///
    /// # Errors
    /// [`FileError`] as for [`Dir::open`], or where it cannot be made.
    pub fn open_or_make_plain(path: &Path) -> Result<Dir, FileError> {
        match mkdir(path, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => Dir::open(path),
            Err(errno) => Err(FileError::os(path, errno)),
        }
    }

    /// The path of a file in this folder, for messages.
    #[must_use]
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads a file of this folder, which must be root's alone like the folder.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read(&self, name: &str, limit: usize) -> Result<Vec<u8>, FileError> {
        let path = self.path_of(name);
        let (file, stat, _) = self.open_own(name, OFlags::RDONLY, 0)?;
        read_up_to(
            &path,
            &file,
            usize::try_from(stat.st_size).unwrap_or(usize::MAX),
            limit,
        )
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Replaces a file of this folder: a reader sees the old content or the new, never a part.
    /// It is not forced to the disk (for folders that do not outlive a boot).
    ///
    /// # Errors
    /// [`FileError`]; the old file is then still there and nothing else is left behind.
    pub fn replace(&self, name: &str, content: &[u8], mode: u32) -> Result<(), FileError> {
        self.put(name, content, Mode::from_raw_mode(mode), Put::Quickly)
    }

    /// The same for what has to outlive a crash of the host: old or new, and whole, after it too.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn replace_durably(&self, name: &str, content: &[u8], mode: u32) -> Result<(), FileError> {
        self.put(name, content, Mode::from_raw_mode(mode), Put::Durably)
    }

    /// The same for a file that an administrator looks after: exactly this mode, whatever the umask.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn install(&self, name: &str, content: &[u8], mode: u32) -> Result<(), FileError> {
        self.put(name, content, Mode::from_raw_mode(mode), Put::Exactly)?;
        self.sync()
    }

    fn put(&self, name: &str, content: &[u8], mode: Mode, how: Put) -> Result<(), FileError> {
        let temporary = format!(".{name}.{}.tmp", std::process::id());
        let path = self.path_of(name);
        let failed = |errno| FileError::os(&path, errno);
        // A process of the same number that was killed may have left one.
        let _ = unlinkat(&self.fd, &temporary, AtFlags::empty());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.fd, &temporary, flags, mode).map_err(failed)?;
        let result = write_all(&file, content)
            .and_then(|()| match how {
                Put::Exactly => fchmod(&file, mode),
                Put::Quickly | Put::Durably => Ok(()),
            })
            .and_then(|()| match how {
                Put::Quickly => Ok(()),
                Put::Durably | Put::Exactly => fdatasync(&file),
            })
            .and_then(|()| renameat(&self.fd, &temporary, &self.fd, name))
            .map_err(failed);
        if result.is_err() {
            let _ = unlinkat(&self.fd, &temporary, AtFlags::empty());
        }
        result
    }

    /// Removes a file of this folder; one that is not there is removed already.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn remove(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(FileError::os(&self.path_of(name), errno)),
        }
    }

    /// The names of the files in this folder.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn names(&self) -> Result<Vec<String>, FileError> {
        let failed = |errno| FileError::os(&self.path, errno);
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if let Ok(name) = entry.file_name().to_str() {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Takes the lock of a file of this folder (made where missing), waiting at most to `deadline`.
    ///
    /// # Errors
    /// [`FileError`] with [`FileErrorKind::Locked`] when another process keeps it.
    pub fn lock(&self, name: &str, deadline: Deadline) -> Result<Lock, FileError> {
        let (fd, _, _) = self.open_own(name, OFlags::RDWR | OFlags::CREATE, 0o600)?;
        self.take_lock(name, &fd, deadline)?;
        Ok(Lock { _fd: fd })
    }

    /// Opens a regular file of this folder that is root's alone and has no second name.
    /// Whether it was made comes back too.
    pub(super) fn open_own(
        &self,
        name: &str,
        flags: OFlags,
        mode: u32,
    ) -> Result<(OwnedFd, Stat, bool), FileError> {
        let path = self.path_of(name);
        let failed = |errno| FileError::os(&path, errno);
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut made = false;
        let fd = match openat(
            &self.fd,
            name,
            flags.difference(OFlags::CREATE),
            Mode::empty(),
        ) {
            Err(Errno::NOENT) if flags.contains(OFlags::CREATE) => {
                let fd =
                    openat(&self.fd, name, flags, Mode::from_raw_mode(mode)).map_err(failed)?;
                // A umask may have taken bits that the group needs to read its log.
                fchmod(&fd, Mode::from_raw_mode(mode)).map_err(failed)?;
                made = true;
                fd
            }
            other => other.map_err(failed)?,
        };
        let stat = fstat(&fd).map_err(failed)?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FileError::new(&path, FileErrorKind::NotRegular));
        }
        must_be_roots(&path, &stat)?;
        if stat.st_nlink > 1 {
            return Err(FileError::new(&path, FileErrorKind::HardLinked));
        }
        Ok((fd, stat, made))
    }

    fn take_lock(&self, name: &str, fd: &OwnedFd, deadline: Deadline) -> Result<(), FileError> {
        loop {
            match flock(fd, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(()),
                Err(Errno::WOULDBLOCK | Errno::INTR) if !deadline.passed() => {
                    deadline.sleep(Duration::from_millis(1));
                }
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    return Err(FileError::new(&self.path_of(name), FileErrorKind::Locked));
                }
                Err(errno) => return Err(FileError::os(&self.path_of(name), errno)),
            }
        }
    }
}

//! A file of one of our own folders, held open: logs that grow, and places that are written over.
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{OFlags, Stat, fchown, fdatasync, fsync, ftruncate};
use rustix::io::{Errno, pread, pwrite, retry_on_intr};

use super::dir::Dir;
use super::error::FileError;
use super::file::write_all;
use crate::model::Timestamp;

/// The group that reads logs on Debian, `adm` (base-passwd's number, the same on every system).
const LOG_READERS: u32 = 4;

/// What is going to be done with a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It is read.
    Read,
    /// It is read and written over in place.
    Change,
    /// The same, and made with this mode where it is missing.
    Make(u32),
    /// It is read and appended to, and made with this mode, for the group that reads logs, where it
    /// is missing.
    Append(u32),
}

/// An open regular file that is root's alone and has no second name.
#[derive(Debug)]
pub struct OpenFile {
    path: PathBuf,
    fd: OwnedFd,
    size: u64,
    inode: u64,
    mode: u32,
    changed: Option<Timestamp>,
}

impl Dir {
    /// Opens a file of this folder without following a link, and without waiting for a FIFO.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn open_file(&self, name: &str, access: Access) -> Result<OpenFile, FileError> {
        let (flags, mode) = match access {
            Access::Read => (OFlags::RDONLY, 0),
            Access::Change => (OFlags::RDWR, 0),
            Access::Make(mode) => (OFlags::RDWR | OFlags::CREATE, mode),
            Access::Append(mode) => (OFlags::RDWR | OFlags::APPEND | OFlags::CREATE, mode),
        };
        let (fd, stat, made) = self.open_own(name, flags, mode)?;
        if made && matches!(access, Access::Append(_)) {
            // Who has no CAP_CHOWN, as in the units, may do so being in that group.
            let _ = fchown(&fd, None, Some(rustix::fs::Gid::from_raw(LOG_READERS)));
        }
        Ok(OpenFile {
            path: self.path_of(name),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            inode: stat.st_ino,
            mode: stat.st_mode & 0o7777,
            changed: changed(&stat),
            fd,
        })
    }

    /// Lets the group that reads logs into this folder, as far as its mode does.
    pub fn give_to_log_readers(&self) {
        let _ = fchown(
            self.fd(),
            None,
            Some(rustix::fs::Gid::from_raw(LOG_READERS)),
        );
    }

    /// Forces the names in this folder to the disk.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn sync(&self) -> Result<(), FileError> {
        fsync(self.fd()).map_err(|errno| FileError::os(&self.path_of(""), errno))
    }
}

impl OpenFile {
    /// Where it is, for messages.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes when it was opened.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Its number in its file system.
    #[must_use]
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// Its permission bits when it was opened.
    #[must_use]
    pub fn mode(&self) -> u32 {
        self.mode
    }

    /// When its content was last changed; `None` where that is no time.
    #[must_use]
    pub fn changed(&self) -> Option<Timestamp> {
        self.changed
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    fn failed(&self, errno: Errno) -> FileError {
        FileError::os(&self.path, errno)
    }

    /// Fills `buffer` with what is at `offset`, as far as the file goes; how far comes back.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn read_at(&self, buffer: &mut [u8], mut offset: u64) -> Result<usize, FileError> {
        let mut filled: usize = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let count = retry_on_intr(|| pread(&self.fd, &mut *rest, offset))
                .map_err(|errno| self.failed(errno))?;
            if count == 0 {
                break;
            }
            filled = filled.saturating_add(count);
            offset = offset.saturating_add(u64::try_from(count).unwrap_or(0));
        }
        Ok(filled)
    }

    /// Writes over what is at `offset`, in one write where the system lets it.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> Result<(), FileError> {
        while !bytes.is_empty() {
            let count = retry_on_intr(|| pwrite(&self.fd, bytes, offset))
                .map_err(|errno| self.failed(errno))?;
            if count == 0 {
                return Err(self.failed(Errno::IO));
            }
            bytes = bytes.get(count..).unwrap_or_default();
            offset = offset.saturating_add(u64::try_from(count).unwrap_or(0));
        }
        Ok(())
    }

    /// Appends `bytes`, all or nothing: what a full disk cuts is taken back.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if let Err(errno) = write_all(&self.fd, bytes) {
            let _ = ftruncate(&self.fd, self.size);
            return Err(self.failed(errno));
        }
        let added = u64::try_from(bytes.len()).unwrap_or(0);
        self.size = self.size.saturating_add(added);
        Ok(())
    }

    /// Cuts the file to `size`.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn truncate(&mut self, size: u64) -> Result<(), FileError> {
        ftruncate(&self.fd, size).map_err(|errno| self.failed(errno))?;
        self.size = size;
        Ok(())
    }

    /// Waits until the content is on the disk.
    ///
    /// # Errors
    /// [`FileError`].
    pub fn sync(&self) -> Result<(), FileError> {
        fdatasync(&self.fd).map_err(|errno| self.failed(errno))
    }
}

fn changed(stat: &Stat) -> Option<Timestamp> {
    let nanos = i128::from(stat.st_mtime).checked_mul(1_000_000_000)?;
    Timestamp::from_nanos(nanos.checked_add(i128::from(stat.st_mtime_nsec))?).ok()
}

impl std::io::Read for OpenFile {
    /// Reads on from where the last read ended.
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        Ok(retry_on_intr(|| rustix::io::read(&self.fd, &mut *buffer))?)
    }
}

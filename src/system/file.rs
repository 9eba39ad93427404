//! Reading files that decide something, or that somebody else may have prepared.
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::fs::{
    AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags, Stat, StatxAttributes, StatxFlags, fstat,
    open, openat2, statx,
};
use rustix::io::{Errno, retry_on_intr};

use super::error::{FileError, FileErrorKind};

/// How far a file is believed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// It decides something: no symbolic link on the way, root's, writable by root alone.
    Decides,
    /// It is only read: links are followed (`/etc/pve/qemu-server` is one).
    Data,
}

/// Reads a regular file of at most `limit` bytes, without ever waiting for a FIFO or device.
///
/// # Errors
/// [`FileError`], which names the file and what is wrong with it.
pub fn read(path: &Path, trust: Trust, limit: usize) -> Result<Vec<u8>, FileError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let opened = match trust {
        Trust::Decides => openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS),
        Trust::Data => open(path, flags, Mode::empty()),
    };
    let file = opened.map_err(|errno| FileError::os(path, errno))?;
    let stat = fstat(&file).map_err(|errno| FileError::os(path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::new(path, FileErrorKind::NotRegular));
    }
    if trust == Trust::Decides {
        must_be_roots(path, &stat)?;
    }
    read_up_to(
        path,
        &file,
        usize::try_from(stat.st_size).unwrap_or(usize::MAX),
        limit,
    )
}

/// Whether a file system begins at a folder; a folder that is not there is none.
///
/// # Errors
/// [`FileError`] where the system does not say.
pub fn is_mount_point(path: &Path) -> Result<bool, FileError> {
    match statx(CWD, path, AtFlags::empty(), StatxFlags::empty()) {
        Ok(found) => Ok(found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(FileError::os(path, errno)),
    }
}

/// Refuses what somebody else than root could write.
pub(super) fn must_be_roots(path: &Path, stat: &Stat) -> Result<(), FileError> {
    let mode = stat.st_mode & 0o7777;
    if stat.st_uid == 0 && mode & 0o022 == 0 {
        return Ok(());
    }
    Err(FileError::new(
        path,
        FileErrorKind::NotRootsAlone {
            uid: stat.st_uid,
            mode,
        },
    ))
}

/// Reads to the end, or fails where that lies beyond the limit. `size` is only a guess: files of
/// /proc say 0.
pub(super) fn read_up_to(
    path: &Path,
    file: &OwnedFd,
    size: usize,
    limit: usize,
) -> Result<Vec<u8>, FileError> {
    let too_large = FileError::new(path, FileErrorKind::TooLarge { limit });
    if size > limit {
        return Err(too_large);
    }
    // One byte more, so that the usual file needs one read and a second that finds the end.
    let mut content = Vec::with_capacity(size.saturating_add(1).max(4096));
    loop {
        match rustix::io::read(file, rustix::buffer::spare_capacity(&mut content)) {
            Ok(0) => return Ok(content),
            Ok(_) if content.len() > limit => return Err(too_large),
            Ok(_) => content.reserve(4096),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(FileError::os(path, errno)),
        }
    }
}

/// Writes all of `bytes`, in one write where the system lets it.
pub(super) fn write_all(file: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| rustix::io::write(file.as_fd(), bytes))?;
        if written == 0 {
            return Err(Errno::IO);
        }
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

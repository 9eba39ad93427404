//! Memory for secrets: of its own pages, kept out of swap and core dumps, zeroised at its end.
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::ptr::NonNull;

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};
use rustix::io::{Errno, retry_on_intr};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mlock, mmap_anonymous, munmap};
use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use zeroize::Zeroize;

use super::error::{FileError, FileErrorKind};
use super::file::must_be_roots;

/// Bytes that are nobody else's business. They can be neither copied nor shown by accident.
pub struct SecretBytes {
    memory: NonNull<u8>,
    capacity: usize,
    length: usize,
}

// SAFETY: the memory belongs to this value alone, and is changed only through `&mut`.
#[allow(unsafe_code)]
unsafe impl Send for SecretBytes {}
// SAFETY: as above.
#[allow(unsafe_code)]
unsafe impl Sync for SecretBytes {}

impl SecretBytes {
    /// Room for `length` bytes, all zero.
    ///
    /// # Errors
    /// The system's, where it has no memory.
    #[allow(unsafe_code)]
    pub fn zeroed(length: usize) -> std::io::Result<SecretBytes> {
        let capacity = length.max(1);
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let memory = unsafe {
            mmap_anonymous(
                std::ptr::null_mut(),
                capacity,
                ProtFlags::READ | ProtFlags::WRITE,
                MapFlags::PRIVATE,
            )?
        };
        // SAFETY: the mapping has at least `capacity` bytes. What the system does not let us do for it
        // (a limit on locked memory) is done without.
        unsafe {
            let _ = mlock(memory, capacity);
            let _ = madvise(memory, capacity, Advice::LinuxDontDump);
            let _ = madvise(memory, capacity, Advice::LinuxWipeOnFork);
        }
        let memory = NonNull::new(memory.cast()).ok_or(Errno::NOMEM)?;
        Ok(SecretBytes {
            memory,
            capacity,
            length,
        })
    }

    /// A copy of `bytes`, which the caller zeroises.
    ///
    /// # Errors
    /// As for [`SecretBytes::zeroed`].
    pub fn copy_of(bytes: &[u8]) -> std::io::Result<SecretBytes> {
        let mut secret = SecretBytes::zeroed(bytes.len())?;
        secret.as_mut_slice().copy_from_slice(bytes);
        Ok(secret)
    }

    /// What comes from `file` until its end, at most `limit` bytes; more is `None`.
    ///
    /// # Errors
    /// The system's.
    pub fn read_from(file: impl AsFd, limit: usize) -> std::io::Result<Option<SecretBytes>> {
        let mut secret = SecretBytes::zeroed(limit.saturating_add(1))?;
        let mut filled: usize = 0;
        while let Some(rest) = secret.as_mut_slice().get_mut(filled..) {
            if rest.is_empty() {
                return Ok(None);
            }
            match retry_on_intr(|| rustix::io::read(file.as_fd(), &mut *rest))? {
                0 => break,
                count => filled = filled.saturating_add(count),
            }
        }
        secret.truncate(filled);
        Ok(Some(secret))
    }

    /// The bytes.
    #[must_use]
    #[allow(unsafe_code)]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `length` never exceeds the mapping, all of which is initialised.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr(), self.length) }
    }

    /// The bytes, to be changed.
    #[allow(unsafe_code)]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed as a whole.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_ptr(), self.length) }
    }

    /// Keeps the first `length` bytes only.
    pub fn truncate(&mut self, length: usize) {
        if let Some(rest) = self.as_mut_slice().get_mut(length..) {
            rest.zeroize();
            self.length = length;
        }
    }
}

impl Drop for SecretBytes {
    #[allow(unsafe_code)]
    fn drop(&mut self) {
        self.as_mut_slice().zeroize();
        // SAFETY: the mapping is ours, and nothing refers to it any more.
        let _ = unsafe { munmap(self.memory.as_ptr().cast(), self.capacity) };
    }
}

/// Reads a secret from a file that is root's alone, reached without links.
///
/// # Errors
/// [`FileError`].
pub fn read_secret(path: &Path, limit: usize) -> Result<SecretBytes, FileError> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file: OwnedFd = openat2(CWD, path, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)
        .map_err(|errno| FileError::os(path, errno))?;
    let stat = fstat(&file).map_err(|errno| FileError::os(path, errno))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::new(path, FileErrorKind::NotRegular));
    }
    must_be_roots(path, &stat)?;
    match SecretBytes::read_from(&file, limit) {
        Ok(Some(secret)) => Ok(secret),
        Ok(None) => Err(FileError::new(path, FileErrorKind::TooLarge { limit })),
        Err(error) => Err(FileError::os(
            path,
            Errno::from_io_error(&error).unwrap_or(Errno::IO),
        )),
    }
}

/// From here on no memory of this process gets into a core dump, and no other process of the same
/// user may look into it or trace it (`PR_SET_DUMPABLE`; root's capabilities still can).
pub fn keep_secrets_in() {
    // A process may always lower its limits; there is nothing else to be done where it may not.
    let _ = setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    );
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::fd::AsRawFd;

    use static_assertions::assert_not_impl_any;

    use super::*;

    assert_not_impl_any!(SecretBytes: Clone, Copy, std::fmt::Debug, std::fmt::Display, serde::Serialize);

    #[test]
    fn what_is_cut_off_is_gone() {
        let mut secret = SecretBytes::copy_of(b"hunter2").unwrap();
        secret.truncate(3);
        assert_eq!(secret.as_slice(), b"hun");
        secret.truncate(9);
        assert_eq!(secret.as_slice(), b"hun");
        assert!(SecretBytes::copy_of(b"").unwrap().as_slice().is_empty());
    }

    #[test]
    fn its_pages_are_locked_and_in_no_dump() {
        let secret = SecretBytes::copy_of(b"hunter2").unwrap();
        let address = secret.as_slice().as_ptr() as usize;
        let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut flags = "";
        let mut inside = false;
        for line in maps.lines() {
            let range = line.split(' ').next().unwrap_or_default();
            if let Some((from, to)) = range.split_once('-') {
                let number = |text| usize::from_str_radix(text, 16).unwrap();
                inside = (number(from)..number(to)).contains(&address);
            } else if inside && line.starts_with("VmFlags:") {
                flags = line;
            }
        }
        for flag in [" dd", " wf", " lo"] {
            assert!(flags.contains(flag), "no{flag} in {flags:?}");
        }
    }

    #[test]
    fn no_more_is_read_than_may_be() {
        let mut file = std::fs::File::from(
            rustix::fs::memfd_create("secret", rustix::fs::MemfdFlags::CLOEXEC).unwrap(),
        );
        file.write_all(b"12345").unwrap();
        let again = || std::fs::File::open(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
        let five = SecretBytes::read_from(again(), 5).unwrap().unwrap();
        assert_eq!(five.as_slice(), b"12345");
        assert!(SecretBytes::read_from(again(), 4).unwrap().is_none());
    }
}

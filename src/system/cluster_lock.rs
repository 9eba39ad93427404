//! A lock that all nodes of a Proxmox VE cluster see.
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode, Timespec, Timestamps, mkdir, rmdir, utimensat};
use rustix::io::Errno;

use super::clock::Deadline;
use super::error::{FileError, FileErrorKind};

/// The lock of something that nodes share: a folder of pmxcfs, which only one of them can make
/// (`PVE::Cluster::cfs_lock`). It is held until it is dropped; pmxcfs takes it from who was killed two
/// minutes later.
#[derive(Debug)]
pub struct ClusterLock {
    path: PathBuf,
}

impl ClusterLock {
    /// Takes the lock of this name in the file system mounted at `pve`, waiting at most to `deadline`.
    ///
    /// # Errors
    /// [`FileError`] with [`FileErrorKind::Locked`] when somebody else keeps it; as the system says where
    /// the cluster's file system cannot be written.
    pub fn take(pve: &Path, name: &str, deadline: Deadline) -> Result<ClusterLock, FileError> {
        let folder = pve.join("priv/lock");
        let path = folder.join(name);
        let mode = Mode::from_raw_mode(0o700);
        loop {
            match mkdir(&path, mode) {
                Ok(()) => return Ok(ClusterLock { path }),
                Err(Errno::NOENT) => match mkdir(&folder, mode) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(FileError::os(&folder, errno)),
                },
                Err(Errno::EXIST) if !deadline.passed() => {
                    ask_to_give_up(&path);
                    deadline.sleep(Duration::from_millis(100));
                }
                Err(Errno::EXIST) => return Err(FileError::new(&path, FileErrorKind::Locked)),
                Err(errno) => return Err(FileError::os(&path, errno)),
            }
        }
    }
}

impl Drop for ClusterLock {
    fn drop(&mut self) {
        let _ = rmdir(&self.path);
    }
}

/// A modification time of 0 asks pmxcfs to remove the folder if it is older than a lock may be.
fn ask_to_give_up(path: &Path) {
    let epoch = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: epoch,
        last_modification: epoch,
    };
    let _ = utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_another_waits_no_longer_than_it_is_told() {
        let pve = std::env::temp_dir().join(format!("time-shift-lock-{}", std::process::id()));
        std::fs::create_dir_all(pve.join("priv")).unwrap();
        let soon = || Deadline::after(Duration::from_millis(150));
        let held = ClusterLock::take(&pve, "file-test", soon()).unwrap();
        let other = ClusterLock::take(&pve, "file-test", soon()).unwrap_err();
        assert_eq!(other.kind, FileErrorKind::Locked);
        let asked = std::fs::metadata(pve.join("priv/lock/file-test")).unwrap();
        assert_eq!(asked.modified().unwrap(), std::time::UNIX_EPOCH);
        drop(held);
        assert!(ClusterLock::take(&pve, "file-test", soon()).is_ok());
        let nowhere = ClusterLock::take(&pve.join("none"), "file-test", soon()).unwrap_err();
        assert!(nowhere.is_missing());
        std::fs::remove_dir_all(&pve).unwrap();
    }
}

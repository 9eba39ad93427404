//! Programs, opened so that what was checked is what is run.
use std::ffi::OsString;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, Stat, fstat, open, openat, readlinkat};
use rustix::io::{Errno, retry_on_intr};

use super::error::{FileError, FileErrorKind};
use super::file::must_be_roots;

/// How many symbolic links may be on the way (the kernel's own limit, path_resolution(7)).
const LINKS: u8 = 40;

/// How much of a script's first line the kernel reads (`BINPRM_BUF_SIZE`, execve(2)).
const FIRST_LINE: usize = 256;

/// The bits that run a program as somebody else.
const SET_IDS: u32 = 0o6000;

/// A program that only root could have put there.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    fd: OwnedFd,
}

impl Program {
    /// Opens a program by its absolute path: it and every folder on the way are root's and writable by
    /// root alone. Symbolic links are followed where that is true of the folder in which they stand. Of a
    /// script the interpreter is checked in the same way.
    ///
    /// # Errors
    /// [`FileError`], which names the part of the path that is not so.
    pub fn open(path: &Path) -> Result<Program, FileError> {
        let fd = walk(path)?;
        let failed = |errno| FileError::os(path, errno);
        let first = first_bytes(path, &fd)?;
        let Some(interpreter) = interpreter(&first) else {
            return Ok(Program {
                path: path.to_owned(),
                fd,
            });
        };
        let opened = walk(&interpreter)?;
        if self::interpreter(&first_bytes(&interpreter, &opened)?).is_some() {
            return Err(FileError::new(&interpreter, FileErrorKind::NotAProgram));
        }
        // The interpreter opens the script by this number once more, so it has to live on in it.
        Ok(Program {
            path: path.to_owned(),
            fd: rustix::io::dup(&fd).map_err(failed)?,
        })
    }

    /// The path by which it was opened.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, with every symbolic link followed.
    ///
    /// # Errors
    /// [`FileError`] where /proc does not say.
    pub fn real_path(&self) -> Result<PathBuf, FileError> {
        let link = readlinkat(CWD, self.opened(), Vec::new());
        let link = link.map_err(|errno| FileError::os(&self.path, errno))?;
        Ok(PathBuf::from(OsString::from_vec(link.into_bytes())))
    }

    /// A path that leads to what was opened, whatever stands at [`path`](Program::path) by now
    /// (proc_pid_fd(5)); as long as this lives.
    #[must_use]
    pub fn opened(&self) -> PathBuf {
        opened(&self.fd)
    }
}

fn opened(fd: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

/// The parts of a path, last first.
fn parts(path: &Path) -> Vec<OsString> {
    let parts = path.components().rev();
    let named = parts.filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    named.collect()
}

/// Goes to a path step by step, and looks at each.
fn walk(path: &Path) -> Result<OwnedFd, FileError> {
    const STEP: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
    if !path.is_absolute() {
        return Err(FileError::new(path, FileErrorKind::NotAProgram));
    }
    let failed = |at: &Path, errno| FileError::os(at, errno);
    let root = || {
        let root = Path::new("/");
        let fd = openat(CWD, root, STEP, Mode::empty()).map_err(|errno| failed(root, errno))?;
        let stat = fstat(&fd).map_err(|errno| failed(root, errno))?;
        must_be_roots(root, &stat)?;
        Ok((PathBuf::from(root), fd))
    };
    let (mut at, mut folder) = root()?;
    let mut left = parts(path);
    let mut links: u8 = 0;
    while let Some(name) = left.pop() {
        let here = at.join(&name);
        let fd = openat(&folder, &name, STEP, Mode::empty()).map_err(|e| failed(&here, e))?;
        let stat = fstat(&fd).map_err(|errno| failed(&here, errno))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Symlink => {
                links = links.saturating_add(1);
                if links > LINKS {
                    return Err(FileError::new(path, FileErrorKind::Link));
                }
                let target = readlinkat(&fd, "", Vec::new()).map_err(|e| failed(&here, e))?;
                let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
                left.extend(parts(&target));
                if target.is_absolute() {
                    (at, folder) = root()?;
                }
            }
            FileType::Directory => {
                must_be_roots(&here, &stat)?;
                folder = fd;
                // Where `..` leads needs no name: it is only for messages.
                at = here;
            }
            FileType::RegularFile if left.is_empty() => {
                check(&here, &stat)?;
                // What stands there now is what is open; a path to it needs no second look.
                return Ok(fd);
            }
            FileType::RegularFile => return Err(FileError::new(&here, FileErrorKind::NotAFolder)),
            _ => return Err(FileError::new(&here, FileErrorKind::NotRegular)),
        }
    }
    Err(FileError::new(path, FileErrorKind::NotRegular))
}

fn check(path: &Path, stat: &Stat) -> Result<(), FileError> {
    must_be_roots(path, stat)?;
    if stat.st_mode & SET_IDS != 0 {
        return Err(FileError::new(path, FileErrorKind::SetId));
    }
    if stat.st_mode & 0o111 == 0 {
        return Err(FileError::new(path, FileErrorKind::NotAProgram));
    }
    Ok(())
}

fn first_bytes(path: &Path, fd: &OwnedFd) -> Result<Vec<u8>, FileError> {
    let failed = |errno: Errno| FileError::os(path, errno);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = open(opened(fd), flags, Mode::empty()).map_err(failed)?;
    let mut first = vec![0_u8; FIRST_LINE];
    let count = retry_on_intr(|| rustix::io::read(&file, &mut *first)).map_err(failed)?;
    first.truncate(count);
    Ok(first)
}

/// The program that a script's first line names (execve(2)); none where it is no script.
fn interpreter(first: &[u8]) -> Option<PathBuf> {
    let line = first.strip_prefix(b"#!")?;
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let name = line
        .split(|byte| matches!(byte, b' ' | b'\t' | b'\0'))
        .find(|word| !word.is_empty())
        .unwrap_or_default();
    Some(PathBuf::from(std::ffi::OsStr::from_bytes(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_names_its_interpreter() {
        for (first, wanted) in [
            (
                &b"#!/usr/bin/perl -T\nuse strict;"[..],
                Some("/usr/bin/perl"),
            ),
            (b"#! /bin/sh\n", Some("/bin/sh")),
            (b"#!/bin/sh", Some("/bin/sh")),
            (b"#!\n", Some("")),
            (b"\x7fELF", None),
            (b"", None),
        ] {
            assert_eq!(interpreter(first), wanted.map(PathBuf::from), "{first:?}");
        }
    }

    #[test]
    fn the_parts_of_a_path_come_last_first() {
        assert_eq!(parts(Path::new("/usr//bin/./x")), ["x", "bin", "usr"]);
        assert_eq!(parts(Path::new("../run/x")), ["x", "run", ".."]);
    }

    #[test]
    fn a_path_that_leads_to_no_program_is_refused_b3() {
        for (path, kind) in [
            ("usr/bin/true", FileErrorKind::NotAProgram),
            ("/", FileErrorKind::NotRegular),
            ("/usr/bin", FileErrorKind::NotRegular),
            ("/no/such", FileErrorKind::Missing),
            ("/dev/null", FileErrorKind::NotRegular),
            ("/etc/hostname/x", FileErrorKind::NotAFolder),
        ] {
            assert_eq!(
                Program::open(Path::new(path)).unwrap_err().kind,
                kind,
                "{path}"
            );
        }
    }
}

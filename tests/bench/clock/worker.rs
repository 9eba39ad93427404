//! The worker of VM 100 as a process.
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Its process number, while there is one in this world.
pub(super) fn find() -> Option<u32> {
    let numbers = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let name = entry.ok()?.file_name();
        name.to_str()?.parse().ok()
    });
    let here = place("/").unwrap();
    let ours = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        words.get(1..3) == Some(&[b"worker", b"100"])
            && place(&format!("/proc/{pid}/root/")) == Some(here)
    };
    numbers.into_iter().find(ours)
}

fn place(path: &str) -> Option<(u64, u64)> {
    let found = fs::metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

/// The largest resident memory that a process had so far, in KiB; nothing once it is gone.
pub(super) fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let (_, rest) = status.split_once("VmHWM:")?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

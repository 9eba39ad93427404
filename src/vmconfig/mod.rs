//! What a VM's config says about its clock: text of the file in, [`VmFacts`] out.
//!
//! Belongs here: the formats of `/etc/pve/qemu-server/VMID.conf`, `/etc/pve/datacenter.cfg` and
//! `/etc/pve/storage.cfg`, as far as a clock or its hookscript depends on them, read as Proxmox VE itself
//! reads them. Nothing here opens a file or decides: what the config says is not yet what may happen.
#![forbid(unsafe_code)]

mod created;
mod datacenter;
mod facts;
mod parse;
mod storage;
mod values;

#[cfg(test)]
mod fixture_tests;

pub use created::created;
pub use datacenter::parse_registered_tags;
pub use facts::{Arch, MachineKind, OsType, RtcBase, VmFacts};
pub use parse::{parse, parse_pending};
pub use storage::{Storage, parse_storages};

//! The config of a VM, where Proxmox VE keeps it.
use std::fmt;
use std::path::PathBuf;

use super::allowlist::Loaded;
use super::approvals::confirmation;
use super::pins::load_pin;
use super::starter::starter;
use crate::allowlist::Allowlist;
use crate::config::Config;
use crate::model::{NodeName, Tag, VmId};
use crate::policy::{
    Confirmation, Pins, Request, Starter, Wish, asks_for_pins, asks_for_registered_tags,
    asks_for_starter,
};
use crate::system::{self, FileError, Trust};
use crate::vmconfig::{self, VmFacts};

/// Largest config that is read: what pmxcfs holds in a file.
const LIMIT: usize = 1024 * 1024;

/// What a VMID stands for on this node.
#[derive(Clone, PartialEq, Debug)]
pub enum Guest {
    /// A virtual machine.
    Qemu(Box<VmFacts>),
    /// A container: it has no clock of its own.
    Container,
    /// Nothing.
    Nobody,
}

/// Why a config cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuestError(pub FileError);

impl fmt::Display for GuestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for GuestError {}

/// Where the config of a VM is: on the node it migrates from (`source`) until that is over, else
/// on this one.
#[must_use]
pub fn config_path(config: &Config, vmid: VmId, source: Option<&NodeName>) -> PathBuf {
    let folder = match source {
        Some(node) => config
            .paths
            .pve
            .join("nodes")
            .join(node.as_str())
            .join("qemu-server"),
        None => config.paths.pve.join("qemu-server"),
    };
    folder.join(format!("{vmid}.conf"))
}

/// Finds out what a VMID stands for.
///
/// # Errors
/// [`GuestError`] where there is a config that cannot be read.
pub fn find_guest(
    config: &Config,
    vmid: VmId,
    source: Option<&NodeName>,
) -> Result<Guest, GuestError> {
    match system::read(&config_path(config, vmid, source), Trust::Data, LIMIT) {
        Ok(bytes) => Ok(Guest::Qemu(Box::new(vmconfig::parse(&bytes)))),
        Err(error) if !error.is_missing() => Err(GuestError(error)),
        Err(_) if source.is_some() => Ok(Guest::Nobody),
        Err(_) => {
            let container = config.paths.pve.join("lxc").join(format!("{vmid}.conf"));
            Ok(if container.exists() {
                Guest::Container
            } else {
                Guest::Nobody
            })
        }
    }
}

/// What becomes part of a VM's config when it is started next; none where nothing does, or where that
/// cannot be read.
#[must_use]
pub fn pending(config: &Config, vmid: VmId) -> Option<VmFacts> {
    let bytes = system::read(&config_path(config, vmid, None), Trust::Data, LIMIT);
    vmconfig::parse_pending(&bytes.ok()?)
}

/// What policy is asked about a start of a VM by who calls this program: datacenter.cfg, an approval, pins
/// and who it is are looked at only where the decision depends on them.
#[must_use]
pub fn request(
    config: &Config,
    vmid: VmId,
    facts: &VmFacts,
    loaded: &Loaded,
    wish: Wish<'_>,
) -> Request {
    let allowlist = &loaded.allowlist;
    let registered_tags = match asks_for_registered_tags(vmid, facts, allowlist) {
        true => registered_tags(config),
        false => Vec::new(),
    };
    let confirmation = match allowlist.rule_for(vmid).is_some_and(|rule| rule.confirm) {
        true => confirmation(config, vmid, &loaded.sha256),
        false => Confirmation::Missing,
    };
    let starter = match asks_for_starter(vmid, allowlist) {
        true => starter(),
        false => Starter::default(),
    };
    Request {
        vmid,
        registered_tags,
        confirmation,
        starter,
        pins: pins(config, vmid, allowlist, wish),
    }
}

/// The pins on which the decision about a time for a VM may depend.
#[must_use]
pub fn pins(config: &Config, vmid: VmId, allowlist: &Allowlist, wish: Wish<'_>) -> Pins {
    let mut pins = Pins::default();
    for peer in asks_for_pins(vmid, allowlist, wish) {
        let found = load_pin(config, &peer);
        pins.add(peer, found);
    }
    pins
}

/// The tags that only privileged users can set. None where datacenter.cfg cannot be read.
#[must_use]
pub fn registered_tags(config: &Config) -> Vec<Tag> {
    match system::read(&config.paths.pve.join("datacenter.cfg"), Trust::Data, LIMIT) {
        Ok(bytes) => vmconfig::parse_registered_tags(&bytes),
        Err(_) => Vec::new(),
    }
}

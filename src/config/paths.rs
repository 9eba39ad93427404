//! Where files, folders and sockets are.
use std::path::PathBuf;

use crate::strict::{Table, Value, quoted};

/// Longest path, in characters. Linux takes 4095 bytes, but names are added to these.
const CAP: usize = 1_024;

macro_rules! paths {
    ($($(#[$doc:meta])* $field:ident, $key:literal = $default:literal;)*) => {
        /// Absolute paths without `..`.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Paths {
            $($(#[$doc])* pub $field: PathBuf,)*
        }

        impl Default for Paths {
            fn default() -> Paths {
                Paths { $($field: PathBuf::from($default),)* }
            }
        }

        /// Reads the `[paths]` table.
        pub(super) fn read(table: &mut Table<'_>) -> Paths {
            let default = Paths::default();
            Paths { $($field: table.or($key, default.$field, |value| read_path(&value)),)* }
        }
    };
}

paths! {
    /// The allowlist of this node.
    allowlist, "allowlist" = "/etc/time-shift/allowlist.toml";
    /// The allowlist of the cluster; if it exists, the node's does not count.
    cluster_allowlist, "cluster-allowlist" = "/etc/pve/time-shift/allowlist.toml";
    /// Proxmox VE's configuration (pmxcfs).
    pve, "pve" = "/etc/pve";
    /// QEMU's sockets.
    qemu_server, "qemu-server" = "/run/qemu-server";
    /// State of this boot.
    state, "state" = "/run/time-shift";
    /// What outlives a reboot.
    data, "data" = "/var/lib/time-shift";
    /// The audit trail and the logs.
    log, "log" = "/var/log/time-shift";
    /// The socket of the system's log.
    syslog, "syslog" = "/dev/log";
    /// The command line program, which the hook starts in the background.
    program, "program" = "/usr/sbin/time-shift";
    /// The host's time zone.
    localtime, "localtime" = "/etc/localtime";
}

pub(super) fn read_path(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.string("an absolute path in quotes", CAP)?;
    if !text.starts_with('/') {
        return value.refuse(format!("{}: a path starts with `/`", quoted(text)));
    }
    if text.split('/').any(|part| part == "..") {
        return value.refuse(format!("{}: a path has no `..`", quoted(text)));
    }
    Some(PathBuf::from(text))
}

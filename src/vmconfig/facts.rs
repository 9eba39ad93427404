//! The facts of a VM's config that a clock depends on.
use std::fmt;

use crate::model::{Printable, RtcZone, StartKind, Tag};

/// The processor a VM has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arch {
    /// The default: Proxmox VE runs on x86-64 hosts.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
    /// One this program does not know.
    Other,
}

/// The family of QEMU's machine type: it decides which RTC the VM has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MachineKind {
    /// `pc` and `pc-i440fx-VERSION`: an MC146818 behind I/O ports.
    Pc,
    /// `q35` and `pc-q35-VERSION`: the same behind the same ports.
    Q35,
    /// `virt` of ARM: a PL031, which has no port.
    Virt,
    /// One this program does not know.
    Other,
}

/// The operating system, as the VM's owner declares it (`ostype`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OsType {
    /// `l24`, `l26`.
    Linux,
    /// Any Windows.
    Windows {
        /// As `windows_version` of qemu-server counts them: 5 is 2000, XP and 2003, 6 is Vista
        /// and 2008, 7 and above are the number in `win7` to `win11`, servers with their siblings.
        version: u16,
    },
    /// `solaris`.
    Solaris,
    /// `other`, none, or one this program does not know.
    Other,
}

/// What QEMU's RTC shows at a start (its option `-rtc base=`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RtcBase {
    /// The host's time in UTC.
    Utc,
    /// The host's local time.
    Localtime,
    /// The config's `startdate`, whatever the host's time.
    Startdate,
}

/// What the current config (not a pending change, not a snapshot) says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VmFacts {
    /// `name`.
    pub name: Option<Printable>,
    /// `ostype`.
    pub ostype: OsType,
    /// What the RTC shows at a start.
    pub rtc_base: RtcBase,
    /// What the guest takes its RTC for: local time if `localtime` is on, or is absent with any
    /// Windows. A `startdate` changes what the RTC shows, not how the guest reads it.
    pub zone: RtcZone,
    /// `startdate`, unless it is `now`.
    pub startdate: Option<Printable>,
    /// Whether the guest agent is enabled, so that Proxmox VE makes its socket. Virtio or ISA is
    /// the same socket on the host's side.
    pub agent: bool,
    /// `tags`, each once, in the config's order; what is no tag is left out.
    pub tags: Vec<Tag>,
    /// Whether there were more tags than are kept: then `tags` is no proof that one is absent.
    pub tags_cut: bool,
    /// `hookscript`: a volume such as `local:snippets/time-shift`.
    pub hookscript: Option<Printable>,
    /// `args`: options that root@pam adds to QEMU's command line.
    pub args: Option<Printable>,
    /// Whether `args` has an option `-rtc`, which overrides all of the config's clock.
    pub args_move_clock: bool,
    /// `machine`.
    pub machine: MachineKind,
    /// `arch`.
    pub arch: Arch,
    /// Whether the firmware is OVMF (UEFI), which may rewrite the RTC.
    pub ovmf: bool,
    /// `lock`: an operation that is going on, or `suspended`.
    pub lock: Option<Printable>,
    /// Whether it is a template, which never starts.
    pub template: bool,
    /// Whether QEMU starts with the processor stopped (`-S`).
    pub freeze: bool,
    /// Whether the config names the state of a hibernated VM.
    pub vmstate: bool,
    /// The uuid of `smbios1`, in lower case.
    pub smbios_uuid: Option<String>,
    /// Whether KVM is used; by default where the processor is the host's kind.
    pub kvm: bool,
}

impl VmFacts {
    /// Whether the VM has the PC's RTC, which can be reached through I/O ports.
    #[must_use]
    pub fn is_x86(&self) -> bool {
        self.arch == Arch::X86_64 && matches!(self.machine, MachineKind::Pc | MachineKind::Q35)
    }

    /// Whether the guest is a Windows.
    #[must_use]
    pub fn is_windows(&self) -> bool {
        self.ostype.is_windows()
    }

    /// What the config tells of the next start before QEMU is launched; `incoming` where Proxmox VE
    /// names the node that the VM comes from. A rollback with RAM leaves no mark.
    #[must_use]
    pub fn start_kind(&self, incoming: bool) -> Option<StartKind> {
        // A migration between clusters names no node.
        let migrates = incoming
            || self
                .lock
                .as_ref()
                .is_some_and(|lock| lock.as_str() == "migrate");
        if migrates {
            Some(StartKind::Incoming)
        } else if self.hibernated() {
            Some(StartKind::Resume)
        } else if self.freeze {
            Some(StartKind::Paused)
        } else {
            None
        }
    }

    /// Whether the next start is the end of a hibernation (`qm suspend --todisk`). Only
    /// before QEMU is launched: Proxmox VE removes both marks before post-start.
    #[must_use]
    pub fn hibernated(&self) -> bool {
        self.vmstate
            && self
                .lock
                .as_ref()
                .is_some_and(|lock| lock.as_str() == "suspended")
    }
}

impl Default for VmFacts {
    /// What an empty config says.
    fn default() -> VmFacts {
        super::parse(b"")
    }
}

impl OsType {
    /// Whether it is a Windows.
    #[must_use]
    pub fn is_windows(self) -> bool {
        matches!(self, OsType::Windows { .. })
    }
}

impl fmt::Display for OsType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OsType::Linux => f.write_str("Linux"),
            OsType::Windows { version: 5 } => f.write_str("Windows 2000/XP/2003"),
            OsType::Windows { version: 6 } => f.write_str("Windows Vista/2008"),
            OsType::Windows { version } => write!(f, "Windows {version}"),
            OsType::Solaris => f.write_str("Solaris"),
            OsType::Other => f.write_str("other"),
        }
    }
}

impl MachineKind {
    /// The name Proxmox VE uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            MachineKind::Pc => "pc",
            MachineKind::Q35 => "q35",
            MachineKind::Virt => "virt",
            MachineKind::Other => "other",
        }
    }
}

impl fmt::Display for MachineKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

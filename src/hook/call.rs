//! The arguments and the one variable that Proxmox VE gives a hookscript.
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use crate::model::{NodeName, Phase, Printable, VmId};

/// One call of the hook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    /// The guest.
    pub vmid: VmId,
    /// What happens to it.
    pub phase: Phase,
    /// The node it comes from by live migration. The variable is there, and empty, on every
    /// other start.
    pub migrated_from: Option<NodeName>,
}

/// A call that nothing is done for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BadCall {
    /// The first argument is no VMID.
    NoVmid,
    /// The second argument is none of the four phases: perhaps one of a future Proxmox VE, whose
    /// starts must not be lost.
    UnknownPhase {
        /// The guest.
        vmid: VmId,
        /// What was said.
        phase: Printable,
    },
    /// There are more arguments than two.
    TooMany {
        /// The guest.
        vmid: VmId,
    },
    /// `PVE_MIGRATED_FROM` is no node's name.
    BadNode {
        /// The guest.
        vmid: VmId,
        /// What it is.
        node: Printable,
    },
}

impl fmt::Display for BadCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadCall::NoVmid => f.write_str(
                "usage: time-shift-hook VMID PHASE, with VMID from 100 to 999999999 and PHASE pre-start, \
                 post-start, pre-stop or post-stop; Proxmox VE calls it so for a VM whose hookscript it is",
            ),
            BadCall::UnknownPhase { vmid, phase } if phase.as_str().is_empty() => {
                write!(f, "VM {vmid}: no phase was given, so nothing is done")
            }
            BadCall::UnknownPhase { vmid, phase } => write!(
                f,
                "VM {vmid}: phase {phase} is not known to this version, so nothing is done"
            ),
            BadCall::TooMany { vmid } => write!(
                f,
                "VM {vmid}: there are more arguments than VMID and PHASE, which this version does not \
                 know, so nothing is done"
            ),
            BadCall::BadNode { vmid, node } => write!(
                f,
                "VM {vmid}: PVE_MIGRATED_FROM names no node ({node}), so nothing is done"
            ),
        }
    }
}

impl Call {
    /// Reads a call.
    ///
    /// # Errors
    /// [`BadCall`].
    pub fn parse(
        mut arguments: impl Iterator<Item = OsString>,
        migrated_from: Option<OsString>,
    ) -> Result<Call, BadCall> {
        let vmid = arguments.next().unwrap_or_default();
        let vmid = VmId::parse(vmid.as_bytes()).map_err(|_| BadCall::NoVmid)?;
        let phase = arguments.next().unwrap_or_default();
        let phase = Phase::parse(phase.as_bytes()).map_err(|_| BadCall::UnknownPhase {
            vmid,
            phase: Printable::new(phase.as_bytes()),
        })?;
        if arguments.next().is_some() {
            return Err(BadCall::TooMany { vmid });
        }
        let migrated_from = match migrated_from {
            Some(node) if !node.is_empty() => Some(parse_node(vmid, &node)?),
            _ => None,
        };
        Ok(Call {
            vmid,
            phase,
            migrated_from,
        })
    }
}

fn parse_node(vmid: VmId, node: &OsString) -> Result<NodeName, BadCall> {
    let name = node.to_str().and_then(|text| NodeName::parse(text).ok());
    name.ok_or_else(|| BadCall::BadNode {
        vmid,
        node: Printable::new(node.as_bytes()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    fn parse(arguments: &[&str], node: Option<&str>) -> Result<Call, BadCall> {
        Call::parse(
            arguments.iter().map(OsString::from),
            node.map(OsString::from),
        )
    }

    #[test]
    fn an_empty_variable_is_an_ordinary_start() {
        for node in [None, Some("")] {
            assert_eq!(
                parse(&["100", "pre-start"], node).unwrap().migrated_from,
                None
            );
        }
        let call = parse(&["100", "pre-start"], Some("pve2")).unwrap();
        assert_eq!(call.migrated_from.unwrap().as_str(), "pve2");
    }

    #[test]
    fn a_call_that_names_no_vm_is_a_usage_error() {
        for bad in [
            "",
            "0",
            "99",
            "1000000000",
            "0100",
            "+100",
            " 100",
            "100\n",
            "100x",
        ] {
            assert_eq!(
                parse(&[bad, "pre-start"], None),
                Err(BadCall::NoVmid),
                "{bad:?}"
            );
        }
        assert_eq!(parse(&[], None), Err(BadCall::NoVmid));
        let raw = [
            OsString::from_vec(vec![0x31, 0x30, 0xff]),
            OsString::from("pre-start"),
        ];
        assert_eq!(Call::parse(raw.into_iter(), None), Err(BadCall::NoVmid));
    }

    #[test]
    fn what_a_future_version_might_add_is_not_an_error_of_the_start() {
        assert!(matches!(
            parse(&["100"], None),
            Err(BadCall::UnknownPhase { .. })
        ));
        assert!(matches!(
            parse(&["100", "mid-start"], None),
            Err(BadCall::UnknownPhase { .. })
        ));
        assert!(matches!(
            parse(&["100", "pre-start", "x"], None),
            Err(BadCall::TooMany { .. })
        ));
        assert!(matches!(
            parse(&["100", "pre-start"], Some("../x")),
            Err(BadCall::BadNode { .. })
        ));
    }
}

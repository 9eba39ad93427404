//! The four phases in which Proxmox VE calls a hookscript.
use std::fmt;

/// A phase of a guest's start or stop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Before QEMU is launched. The only phase whose failure keeps the guest from starting.
    PreStart,
    /// Right after QEMU was launched; the guest's OS has not booted yet.
    PostStart,
    /// Before a guest is stopped from outside; not called when it powers itself off.
    PreStop,
    /// After QEMU is gone.
    PostStop,
}

/// A phase this program does not know: perhaps one of a future Proxmox VE.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownPhase;

impl Phase {
    /// Reads the second argument of a hookscript.
    ///
    /// # Errors
    /// [`UnknownPhase`] for everything but the four names.
    pub fn parse(bytes: &[u8]) -> Result<Phase, UnknownPhase> {
        match bytes {
            b"pre-start" => Ok(Phase::PreStart),
            b"post-start" => Ok(Phase::PostStart),
            b"pre-stop" => Ok(Phase::PreStop),
            b"post-stop" => Ok(Phase::PostStop),
            _ => Err(UnknownPhase),
        }
    }

    /// The name Proxmox VE uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::PreStart => "pre-start",
            Phase::PostStart => "post-start",
            Phase::PreStop => "pre-stop",
            Phase::PostStop => "post-stop",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_phases_are_known_by_their_exact_names() {
        for name in ["pre-start", "post-start", "pre-stop", "post-stop"] {
            assert_eq!(Phase::parse(name.as_bytes()).unwrap().as_str(), name);
        }
        for other in [
            "",
            "start",
            "Pre-Start",
            "pre-start ",
            "pre-start\n",
            "pre_start",
        ] {
            assert_eq!(Phase::parse(other.as_bytes()), Err(UnknownPhase));
        }
    }
}

//! QEMU's run states, and what may be done in each.
use crate::model::Printable;

/// QEMU's run state, as `query-status` names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RunState {
    /// The vCPUs run.
    Running,
    /// Started with `-S`, not continued yet.
    Prelaunch,
    /// Stopped by somebody.
    Paused,
    /// Waiting for an incoming migration.
    Inmigrate,
    /// Any other: migrating, saving, broken, shutting down.
    Other(Printable),
}

/// What may be done with a guest's RTC.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Treatment {
    /// Stop the vCPUs, write, continue them.
    StopWriteContinue,
    /// Write; the vCPUs stand, and continuing them is for whoever stopped them.
    WriteOnly,
    /// Nothing, for this reason.
    LeaveAlone(String),
}

impl RunState {
    /// Reads the name.
    #[must_use]
    pub fn parse(name: &str) -> RunState {
        match name {
            "running" => RunState::Running,
            "prelaunch" => RunState::Prelaunch,
            "paused" => RunState::Paused,
            "inmigrate" => RunState::Inmigrate,
            other => RunState::Other(Printable::from(other)),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            RunState::Running => "running",
            RunState::Prelaunch => "prelaunch",
            RunState::Paused => "paused",
            RunState::Inmigrate => "inmigrate",
            RunState::Other(name) => name.as_str(),
        }
    }
}

/// What may be done in `state`, while a migration goes on or not, with the `lock` that the VM's
/// config had before the start.
///
/// A lock means that something else is at work on the VM. The one exception: a backup in stop mode
/// starts the VM with `-S` under `lock: backup` and lets it boot afterwards, so its RTC has to be
/// right by then, and writing it then stops nobody.
#[must_use]
pub fn treatment(state: &RunState, migrating: bool, lock: Option<&Printable>) -> Treatment {
    if migrating {
        return Treatment::LeaveAlone("a migration is going on".to_owned());
    }
    match (state, lock.map(Printable::as_str)) {
        (RunState::Prelaunch, None | Some("backup")) | (RunState::Paused, None) => {
            Treatment::WriteOnly
        }
        (RunState::Running, None) => Treatment::StopWriteContinue,
        (RunState::Running | RunState::Prelaunch | RunState::Paused, Some(lock)) => {
            Treatment::LeaveAlone(format!("the VM is locked ({lock})"))
        }
        (RunState::Inmigrate | RunState::Other(_), _) => {
            Treatment::LeaveAlone(format!("QEMU's state is {}", state.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_vm_is_stopped_and_continued() {
        let every_other = [
            "inmigrate",
            "restore-vm",
            "save-vm",
            "finish-migrate",
            "postmigrate",
            "io-error",
            "internal-error",
            "guest-panicked",
            "watchdog",
            "shutdown",
            "suspended",
            "colo",
            "",
        ];
        let of = |name: &str| treatment(&RunState::parse(name), false, None);
        assert_eq!(of("running"), Treatment::StopWriteContinue);
        assert_eq!(of("prelaunch"), Treatment::WriteOnly);
        assert_eq!(of("paused"), Treatment::WriteOnly);
        for name in every_other {
            assert!(matches!(of(name), Treatment::LeaveAlone(_)), "{name}");
        }
    }

    #[test]
    fn a_migration_or_a_lock_leaves_every_state_alone() {
        for name in ["running", "prelaunch", "paused"] {
            let state = RunState::parse(name);
            assert!(matches!(
                treatment(&state, true, None),
                Treatment::LeaveAlone(_)
            ));
            let lock = Printable::from("snapshot");
            assert!(matches!(
                treatment(&state, false, Some(&lock)),
                Treatment::LeaveAlone(_)
            ));
        }
    }

    #[test]
    fn a_backup_in_stop_mode_gets_its_rtc_but_nothing_else_under_that_lock() {
        let lock = Printable::from("backup");
        assert_eq!(
            treatment(&RunState::Prelaunch, false, Some(&lock)),
            Treatment::WriteOnly
        );
        for state in [RunState::Running, RunState::Paused] {
            assert!(matches!(
                treatment(&state, false, Some(&lock)),
                Treatment::LeaveAlone(_)
            ));
        }
    }
}

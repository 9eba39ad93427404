//! What VM 100 may have while its clock is measured.
use std::fs;

/// The rules that are in force in turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rule {
    /// Whoever asks may give the guest the host's time; its start changes nothing.
    Now,
    /// A start sets the RTC.
    Rtc,
    /// A start sets the RTC, and a worker the clock.
    Agent,
    /// The same, and the worker stays to look once more.
    Held,
}

impl Rule {
    fn profile(self) -> &'static str {
        match self {
            Rule::Now => "target = \"now\"\n",
            Rule::Rtc => "target = \"2016-06-15T12:00:00Z\"\nstages = [\"rtc\"]\n",
            Rule::Agent => {
                "target = \"2016-06-15T12:00:00Z\"\nstages = [\"rtc\", \"agent\"]\nhold = \"0s\"\n"
            }
            Rule::Held => {
                "target = \"2016-06-15T12:00:00Z\"\nstages = [\"rtc\", \"agent\"]\nhold = \"1s\"\n"
            }
        }
    }

    /// Puts it in force.
    pub(super) fn enforce(self) {
        let assign = if self == Rule::Now {
            ""
        } else {
            "assign = \"p\"\n"
        };
        let text = format!(
            "version = 1\n[profiles.p]\n{}[[allow]]\nvmids = [100]\nprofiles = [\"p\"]\n{assign}\
             earliest = \"2010-01-01\"\nlatest = \"2099-12-31\"\nmax-shift = \"80y\"\n",
            self.profile()
        );
        fs::write("/etc/time-shift/new", text).unwrap();
        fs::rename("/etc/time-shift/new", "/etc/time-shift/allowlist.toml").unwrap();
    }
}

/// Where the worker's program is: the world's /usr/bin is the machine's own.
pub(super) fn write_config() {
    let text = format!("[paths]\nprogram = \"{}\"\n", super::ours::PROGRAM);
    fs::write("/etc/time-shift/config.toml", text).unwrap();
}

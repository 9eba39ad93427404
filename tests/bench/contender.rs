//! A program with arguments that does one of the duties that are compared.
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::files::{self, Allowlist};

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Duty {
    /// Nothing at all: what a process costs.
    Floor,
    /// pre-start of a VM that no rule and no tag is about.
    Nothing,
    /// post-start of a VM for which nothing was planned.
    NothingAfter,
    /// pre-start of a VM with a rule.
    PreStart,
    /// The same with 10,000 rules.
    ManyRules,
    /// post-start of a VM with a rule: its RTC is set.
    Rtc,
}

impl Duty {
    /// The words for the table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Duty::Floor => "a process",
            Duty::Nothing => "nothing to do, pre-start",
            Duty::NothingAfter => "nothing to do, post-start",
            Duty::PreStart => "pre-start with a rule",
            Duty::ManyRules => "the same, 10,000 rules in 1 MiB",
            Duty::Rtc => "post-start: the RTC stage",
        }
    }
}

/// A program that is compared.
pub(crate) struct Contender {
    pub(crate) duty: Duty,
    pub(crate) program: &'static str,
    pub(crate) argv: Vec<&'static str>,
    /// It runs in one round of so many.
    pub(crate) each: usize,
    allowlist: Allowlist,
    /// A part of what it says when it did its duty; nothing: it says nothing.
    says: &'static str,
}

impl Contender {
    pub(crate) fn new(
        duty: Duty,
        program: &'static str,
        argv: &[&'static str],
        allowlist: Allowlist,
        says: &'static str,
    ) -> Contender {
        let argv = argv.to_vec();
        Contender {
            duty,
            program,
            argv,
            each: 1,
            allowlist,
            says,
        }
    }

    pub(crate) fn each(self, each: usize) -> Contender {
        Contender { each, ..self }
    }

    /// Puts the files into the state that a run begins with.
    pub(crate) fn prepare(&self) {
        files::use_allowlist(self.allowlist);
        if self.duty == Duty::Rtc {
            files::restore_note();
        }
    }

    /// The command of this contender behind `wrapper`, with a Proxmox VE task's environment.
    pub(crate) fn command(&self, wrapper: &[&str]) -> Command {
        let mut words = wrapper.iter().chain(&self.argv);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin");
        command.env("PVE_MIGRATED_FROM", "").stdin(Stdio::null());
        command
    }

    /// One run as Proxmox VE makes it: both streams read to their ends, then waited for. How long that
    /// takes. All contenders start the same way (`posix_spawn`).
    pub(crate) fn time(&self) -> Duration {
        let mut command = self.command(&[]);
        let begun = Instant::now();
        let output = command.output().unwrap();
        let took = begun.elapsed();
        assert!(
            self.did_it(&output.stdout) && output.status.success(),
            "{:?}: {output:?}",
            self.argv
        );
        took
    }

    /// Whether a run that said `out` did its duty.
    pub(crate) fn did_it(&self, out: &[u8]) -> bool {
        let out = String::from_utf8_lossy(out);
        out.contains(self.says) && out.is_empty() == self.says.is_empty()
    }

    /// Makes sure, once, that it does its duty, and that nothing but the duty's line is said.
    pub(crate) fn check(&self) {
        self.prepare();
        let output = self.command(&[]).output().unwrap();
        assert!(
            output.stderr.is_empty() && self.did_it(&output.stdout),
            "{:?} does not do its duty: {output:?}",
            self.argv
        );
    }
}

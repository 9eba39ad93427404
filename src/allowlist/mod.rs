//! The allowlist: what may be done to which guest's clock. Nothing listed means nothing allowed.
//!
//! Text in, checked values out. Belongs here: the schema of the file and every check that the file
//! alone can answer. What a rule means for a VM at a point in time is decided in `policy`.
#![forbid(unsafe_code)]

mod check;
mod command;
mod deny;
mod difference;
mod host_command;
mod profile;
mod references;
mod remarks;
mod role;
mod rule;
mod uuid;
mod vmids;

use std::collections::BTreeMap;

use crate::model::{ProfileName, VmId};
use crate::strict::{Finding, Table, read};

pub use command::{CommandName, CommandNameError, Does, GuestCommand, GuestOs};
pub use deny::DenyList;
pub use difference::{Affected, Change, Difference, Kind, difference};
pub use host_command::{HostCommand, KNOWN, PARAMETERS, PATH, PVE_CREATE, PVE_GET, PVE_SET};
pub use profile::{OnUndo, Profile, TimeService, no_profile};
pub use role::Role;
pub use rule::Rule;
pub use uuid::{Uuid, UuidError};

use references::References;
use vmids::Index;

/// The only version of the format there is.
const VERSION: &str = "1";

/// A checked allowlist. The default allows nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Allowlist {
    /// What can be done to a clock, by name.
    pub profiles: BTreeMap<ProfileName, Profile>,
    /// Who may have what, in the order of the file.
    pub rules: Vec<Rule>,
    /// Commands that may be run in a guest, by name.
    pub guest_commands: BTreeMap<CommandName, GuestCommand>,
    /// Commands that may be run on the host, by name.
    pub host_commands: BTreeMap<CommandName, HostCommand>,
    /// What no command may be, or hold.
    pub deny: DenyList,
    /// Who may do what with the command line, in the order of the file.
    pub roles: Vec<Role>,
    index: Index,
    warnings: Vec<Finding>,
}

impl Allowlist {
    /// The rule for a VM. No two rules hold the same VMID.
    #[must_use]
    pub fn rule_for(&self, vmid: VmId) -> Option<&Rule> {
        self.rules.get(self.index.find(vmid)?)
    }

    /// What is valid but probably not meant, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }
}

/// Reads an allowlist.
///
/// The caller bounds the size (1 MiB, as pmxcfs does).
///
/// # Errors
/// All that is wrong with the file, in the order of the text.
pub fn parse(text: &str) -> Result<Allowlist, Vec<Finding>> {
    read(text, |file| read_file(file, None))
}

/// Reads an allowlist for one VM: of the rules, which are checked as all else is, only its own is kept, and
/// there are no warnings. That spares a VM's start the memory for all the others.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_for(text: &str, vmid: VmId) -> Result<Allowlist, Vec<Finding>> {
    read(text, |file| read_file(file, Some(vmid)))
}

fn read_file(file: &mut Table<'_>, only: Option<VmId>) -> Option<Allowlist> {
    let reader = file.reader();
    let mut references = References::default();

    let version = file.required("version", |value| {
        if !value.is_integer() {
            return value.wrong_type("the number 1");
        }
        if value.source() != VERSION {
            return value.refuse("this program knows version 1 of the allowlist only");
        }
        Some(())
    });
    let profiles = file.or("profiles", BTreeMap::new(), |value| {
        value.table("profiles", |table| {
            Some(profile::read_all(table, &mut references))
        })
    });
    let mut number: usize = 0;
    let rules = file.or("allow", Vec::new(), |value| {
        value.list("[[allow]] tables", false, |value| {
            let read = rule::read(&value, number, &mut references);
            number = number.saturating_add(1);
            let (mut rule, marks) = read?;
            check::rule(reader, &rule, &marks, &profiles);
            if only.is_some_and(|vmid| !rule.names(vmid)) {
                return None;
            }
            rule.line = reader.line(marks.rule);
            Some((rule, marks))
        })
    });
    let commands = file.or("guest-command", Vec::new(), |value| {
        value.list("[[guest-command]] tables", false, |value| {
            command::read(&value, &mut references)
        })
    });
    let guest_commands = command::by_name(reader, commands, &references);
    let host_commands = file.or("host-command", Vec::new(), |value| {
        value.list("[[host-command]] tables", false, |value| {
            host_command::read(&value, &mut references)
        })
    });
    let host_commands = host_command::by_name(reader, host_commands);
    let deny = file.or("deny", DenyList::default(), |value| deny::read(&value));
    let roles = file.or("role", Vec::new(), |value| {
        value.list("[[role]] tables", false, |value| role::read(&value))
    });
    let roles = role::all(reader, roles);

    vmids::check(reader, &mut references.ranges);
    check::references(reader, &references);
    deny::check(reader, &deny, &references);
    let warnings = match only {
        None => {
            let mut all = remarks::all(reader, &profiles, &rules, &guest_commands, &references);
            all.extend(host_command::remarks(reader, &host_commands));
            all.sort();
            all
        }
        Some(_) => Vec::new(),
    };

    version?;
    let rules: Vec<Rule> = rules.into_iter().map(|(rule, _)| rule).collect();
    let index = match only {
        None => Index::new(&references.ranges),
        // No other rule names the VM, or the file is not valid.
        Some(_) => Index::of_first(rules.first()),
    };
    let profiles = profiles
        .into_iter()
        .map(|(name, (profile, _))| (name, profile))
        .collect();
    let host_commands = host_commands.into_iter();
    let host_commands = host_commands.map(|(name, (command, _))| (name, command));
    Some(Allowlist {
        profiles,
        rules,
        guest_commands,
        host_commands: host_commands.collect(),
        deny,
        roles,
        index,
        warnings,
    })
}

#[cfg(test)]
mod error_tests;
#[cfg(test)]
mod mutation_tests;
#[cfg(test)]
mod tests;

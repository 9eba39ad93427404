//! What the tables of an allowlist say about each other, gathered while they are read.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::command::CommandName;
use super::vmids::Range;
use crate::model::ProfileName;
use crate::strict::{Mark, Value, quoted};

/// Names as they were defined and used, also in tables that have errors: a profile with a bad date
/// is not an unknown profile.
#[derive(Default)]
pub(super) struct References {
    /// Every profile that has a valid name.
    pub(super) profiles: BTreeSet<ProfileName>,
    /// Every command that has a valid name, and where that stands first.
    pub(super) commands: BTreeMap<CommandName, Mark>,
    /// The profiles that rules name.
    pub(super) wanted_profiles: Vec<(ProfileName, Mark)>,
    /// The commands that profiles and other commands name.
    pub(super) wanted_commands: Vec<(CommandName, Mark)>,
    /// The programs of all commands.
    pub(super) programs: Vec<(String, Mark)>,
    /// The arguments of all commands.
    pub(super) arguments: Vec<(String, Mark)>,
    /// The VMIDs of all rules.
    pub(super) ranges: Vec<Range>,
}

/// Reads a list of names, each at most once; gives them with their places.
pub(super) fn names<N: Ord + Clone + Display>(
    value: &Value<'_>,
    want: &str,
    read: impl Fn(&Value<'_>) -> Option<N>,
) -> Option<Vec<(N, Mark)>> {
    let mut seen = BTreeSet::new();
    value.list(want, false, |value| {
        let name = read(&value)?;
        if seen.insert(name.clone()) {
            Some((name, value.mark()))
        } else {
            value.refuse(format!("{} is listed twice", quoted(&name.to_string())))
        }
    })
}

//! What the tables of an allowlist say about each other, gathered while they are read.
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use super::command::CommandName;
use super::vmids::Range;
use crate::model::{ProfileName, ShiftBound, Timestamp};
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
    pub(super) used_profiles: BTreeSet<ProfileName>,
    /// Those among them that are nowhere.
    pub(super) unknown_profiles: Vec<(ProfileName, Mark)>,
    /// The commands that profiles and other commands name.
    pub(super) wanted_commands: Vec<(CommandName, Mark)>,
    /// The programs of all commands.
    pub(super) programs: Vec<(String, Mark)>,
    /// The arguments of all commands.
    pub(super) arguments: Vec<(String, Mark)>,
    /// The VMIDs of all rules.
    pub(super) ranges: Vec<Range>,
    /// The bounds of the rule before.
    pub(super) bounds: Bounds,
}

/// Bounds that were read. Files of thousands of rules have few different ones, and to read a date takes as
/// long as the rest of its rule.
#[derive(Default)]
pub(super) struct Bounds {
    pub(super) earliest: Last<Timestamp>,
    pub(super) latest: Last<Timestamp>,
    pub(super) max_shift: Last<ShiftBound>,
}

/// What was read last, and from which words.
pub(super) struct Last<T>(Option<(String, T)>);

impl<T> Default for Last<T> {
    fn default() -> Last<T> {
        Last(None)
    }
}

impl<T: Copy> Last<T> {
    /// What `parse` makes of these words.
    pub(super) fn parse<E>(
        &mut self,
        words: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, E> {
        match &self.0 {
            Some((last, value)) if last == words => Ok(*value),
            _ => {
                let value = parse(words)?;
                self.0 = Some((words.to_owned(), value));
                Ok(value)
            }
        }
    }
}

impl References {
    /// Takes down that a rule names this profile. The profiles have been read before the rules.
    pub(super) fn uses(&mut self, name: &ProfileName, mark: Mark) {
        if !self.profiles.contains(name) {
            self.unknown_profiles.push((name.clone(), mark));
        } else if !self.used_profiles.contains(name) {
            self.used_profiles.insert(name.clone());
        }
    }
}

/// Reads a list of names, each at most once; gives them with their places.
pub(super) fn names<N: Ord + Clone + Display>(
    value: &Value<'_>,
    want: &str,
    read: impl Fn(&Value<'_>) -> Option<N>,
) -> Option<Vec<(N, Mark)>> {
    let mut all = value.list(want, false, |value| Some((read(&value)?, value)))?;
    // Most lists have one name.
    if all.len() > 1 {
        let mut seen = BTreeSet::new();
        all.retain(|(name, value)| {
            let new = seen.insert(name.clone());
            if !new {
                let text = format!("{} is listed twice", quoted(&name.to_string()));
                let _ = value.refuse::<()>(text);
            }
            new
        });
    }
    Some(
        all.into_iter()
            .map(|(name, value)| (name, value.mark()))
            .collect(),
    )
}

//! Records that have not come when they should have, while a chain is being checked.
use std::collections::BTreeMap;
use std::rc::Rc;

use super::fault::Kind;

/// How many gaps are remembered. Beyond that, what comes back late counts as inserted.
const REMEMBERED: usize = 100_000;

/// A place in the files.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) file: Rc<str>,
    pub(super) line: u64,
}

/// Records that have not come.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    /// The number of the last of them.
    pub(super) last: u64,
    pub(super) place: Place,
    pub(super) kind: Kind,
}

/// All gaps, by the number of the first record of each.
#[derive(Debug, Default)]
pub(super) struct Gaps(BTreeMap<u64, Gap>);

impl Gaps {
    /// Adds one. `false` where there are too many already.
    #[must_use]
    pub(super) fn add(&mut self, first: u64, gap: Gap) -> bool {
        let room = self.0.len() < REMEMBERED;
        if room {
            self.0.insert(first, gap);
        }
        room
    }

    /// A record has come late. `false` where it was not missing.
    #[must_use]
    pub(super) fn fill(&mut self, seq: u64) -> bool {
        let found = self.0.range(..=seq).next_back();
        let found = found.filter(|(_, gap)| gap.last >= seq);
        let Some((first, gap)) = found.map(|(first, gap)| (*first, gap.clone())) else {
            return false;
        };
        self.0.remove(&first);
        if first < seq {
            let last = seq.saturating_sub(1);
            let before = Gap {
                last,
                ..gap.clone()
            };
            self.0.insert(first, before);
        }
        if seq < gap.last {
            self.0.insert(seq.saturating_add(1), gap);
        }
        true
    }

    /// What is still missing.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Gap> {
        std::mem::take(&mut self.0)
    }
}

//! The sweep, each minute: looks again at every shifted guest for as long as its shift is in force.
//!
//! Everything it needs is in the state files, so it can be killed at any moment, and two at once do
//! no harm: each guest is locked while it is worked on.
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;

use super::due::{End, one};
use super::error::KeepError;
use crate::config::Config;
use crate::model::{BootInstant, Now, Printable, VmId};
use crate::state::{Keep, Note, Store};
use crate::system::{self, Deadline};

/// How long a whole sweep may take. The next one begins a minute after it.
const LIMIT: Duration = Duration::from_secs(50);

/// Until when a guest's clock may begin to be set: one whose agent is the slowest possible takes half
/// a minute for it, and the next sweep begins with it.
const SETS_BEGIN: Duration = Duration::from_secs(25);

/// How many guests are looked at at once.
const AT_ONCE: usize = 16;

/// What a sweep did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SweepReport {
    /// Guests whose clock was as it should be.
    pub right: usize,
    /// Guests whose clock was set (again).
    pub set: usize,
    /// Guests that got their real time back.
    pub restored: usize,
    /// Guests whose clock is not as it should be and was left so.
    pub left: usize,
    /// Guests that could not be looked at: their agent does not answer, or somebody works on them.
    pub unreachable: usize,
    /// Guests that are not due.
    pub skipped: usize,
    /// Starts whose VM has stopped without telling.
    pub ended: usize,
    /// State files that are of no use, each with the reason. Nothing is done to their guests.
    pub unusable: Vec<Printable>,
}

/// One guest to be looked at.
struct Due {
    note: Note,
    keep: Option<Keep>,
    /// Overdue restores come first, then who has waited longest.
    rank: (bool, BootInstant),
}

/// Looks at every guest that is due, overdue restores first, many at once.
///
/// # Errors
/// [`KeepError`] where the state cannot be read at all.
pub fn sweep(config: &Config) -> Result<SweepReport, KeepError> {
    let store = Store::new(&config.paths.state);
    let now = system::now()?;
    let overall = Deadline::after(LIMIT);
    let sets_begin = Deadline::after(SETS_BEGIN);
    let mut due = Vec::new();
    let mut unusable = Vec::new();
    for vmid in store.kept()? {
        forget_leftovers(&store, vmid);
    }
    for vmid in store.vmids()? {
        // One bad file must not hide the others.
        let (note, keep) = match (store.load(vmid), store.load_keep(vmid)) {
            (Ok(Some(note)), Ok(keep)) => (note, keep),
            (Ok(None), _) => continue,
            (Err(error), _) | (_, Err(error)) => {
                unusable.push(Printable::sentence(&error.to_string()));
                continue;
            }
        };
        let keep = keep.filter(|keep| Some(keep.generation) == note.generation);
        due.push(Due {
            rank: rank(keep.as_ref(), now),
            note,
            keep,
        });
    }
    due.sort_by_key(|due| due.rank);
    let at_once = AT_ONCE.min(due.len());
    let queue = Mutex::new(VecDeque::from(due));
    let report = Mutex::new(SweepReport {
        unusable,
        ..SweepReport::default()
    });
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some(next) = take(&queue) {
                    let end = match overall.passed() {
                        true => End::Skipped,
                        false => one(
                            config,
                            &store,
                            &next.note,
                            next.keep.as_ref(),
                            now,
                            sets_begin,
                        ),
                    };
                    count(&report, &end);
                }
            });
        }
    });
    Ok(report.into_inner().unwrap_or_default())
}

fn take(queue: &Mutex<VecDeque<Due>>) -> Option<Due> {
    queue.lock().ok()?.pop_front()
}

fn count(report: &Mutex<SweepReport>, end: &End) {
    let Ok(mut report) = report.lock() else {
        return;
    };
    let counter = match end {
        End::Right => &mut report.right,
        End::Set => &mut report.set,
        End::Restored => &mut report.restored,
        End::Left => &mut report.left,
        End::Unreachable => &mut report.unreachable,
        End::Skipped => &mut report.skipped,
        End::Ended => &mut report.ended,
    };
    *counter = counter.saturating_add(1);
}

fn rank(keep: Option<&Keep>, now: Now) -> (bool, BootInstant) {
    let overdue = keep.is_some_and(|keep| keep.is_overdue(now));
    let waited = keep.and_then(|keep| keep.not_before);
    (!overdue, waited.unwrap_or(BootInstant::from_nanos(0)))
}

/// How a clock was kept whose VM has stopped: a run that was at it just then saves that after post-stop
/// has removed it.
fn forget_leftovers(store: &Store, vmid: VmId) {
    let Ok(_alone) = store.lock(vmid, Deadline::after(Duration::ZERO)) else {
        return;
    };
    let keep = store.load_keep(vmid).ok().flatten();
    let over = keep.is_some_and(|keep| !keep.generation.is_alive());
    if over && matches!(store.load(vmid), Ok(None)) {
        // What cannot be removed is tried again.
        let _ = store.remove_keep(vmid);
    }
}

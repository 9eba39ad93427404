//! Which time a running guest shall have: what its start fixed, or, for one that goes on from a saved
//! state, what it had when it was saved.
use std::time::Duration;

use super::allow::fixed;
use super::error::KeepError;
use super::subject::Subject;
use crate::guest::rtc;
use crate::model::{Course, Offset, StartKind};
use crate::state::{Handover, KeepStage, Note, Stage};
use crate::system::{self, Deadline};

/// How far the RTC, known to some milliseconds, may be from what was handed over. The guest's own
/// hwclock writes whole seconds.
const SAME: Duration = Duration::from_secs(2);

/// How long the RTC's next second may take.
const TICK_LIMIT: Duration = Duration::from_secs(3);

/// Where a time comes from.
#[derive(Clone, Debug)]
pub(super) struct Intended {
    pub(super) course: Course,
    /// For people.
    pub(super) source: &'static str,
    /// What an earlier life of this guest left, where it is still true.
    pub(super) handover: Option<Handover>,
}

impl Subject<'_> {
    /// The time that the guest shall have.
    pub(super) fn intended(&self) -> Result<Intended, KeepError> {
        let of = |course, source| Intended {
            course,
            source,
            handover: None,
        };
        if let Some(keep) = &self.keep {
            // Until it was set for the first time its start's counts.
            if !matches!(keep.stage, KeepStage::Waiting | KeepStage::GaveUp) {
                return Ok(of(keep.course, "as it was set"));
            }
        }
        match &self.note {
            Some(note) if goes_on(note) => self.saved(),
            Some(note) => Ok(of(started(note)?, "as its start fixed it")),
            None => self.saved(),
        }
    }

    /// The time of a guest that goes on from a saved state: its RTC has kept it.
    fn saved(&self) -> Result<Intended, KeepError> {
        let (shown, at) = rtc::tick(&self.qemu, &self.zone()?, Deadline::after(TICK_LIMIT))?;
        let seen = shown.since(at.real)?;
        let handover = self.handovers.load(self.vmid);
        let same = |handover: &Handover| apart(handover.offset_ns, seen) <= SAME;
        Ok(match handover.filter(same) {
            Some(handover) => Intended {
                course: Course::Constant {
                    offset: handover.offset_ns,
                },
                source: "as it was before",
                handover: Some(handover),
            },
            None => Intended {
                course: Course::Constant { offset: seen },
                source: "as its RTC has kept it",
                handover: None,
            },
        })
    }
}

/// Whether the guest goes on from a saved state, so that its own clock and not its profile counts.
pub(super) fn goes_on(note: &Note) -> bool {
    matches!(
        note.start_kind,
        Some(StartKind::Resume | StartKind::Incoming)
    ) && !note.by_hand
}

/// What a start fixed: the offset when its RTC was set.
fn started(note: &Note) -> Result<Course, KeepError> {
    match (note.plan.course, note.rtc) {
        (Course::Shifted { .. }, Some(rtc)) if note.stage == Stage::RtcSet => {
            Ok(Course::Constant {
                offset: rtc.offset_ns,
            })
        }
        (Course::Shifted { .. }, _) => Ok(Course::Constant {
            offset: note.offset_ns,
        }),
        (course, _) => fixed(course, system::now()?),
    }
}

fn apart(one: Offset, other: Offset) -> Duration {
    let nanos = i128::from(one.as_nanos())
        .saturating_sub(other.as_nanos().into())
        .unsigned_abs();
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

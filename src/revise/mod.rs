//! Changes the text of an allowlist and keeps its comments and layout: a VM is put under a profile, or
//! taken off.
//!
//! Text and the allowlist that was read from it in, text out. Belongs here: which change has the wanted
//! effect on that VM and none on any other, and how it is written. Nothing is given back that does not
//! load, or that changes more than it was asked to.
#![forbid(unsafe_code)]

mod choose;
mod document;
mod error;
mod list;

use crate::allowlist::{self, Allowlist, difference};
use crate::model::{ProfileName, VmId};

pub use error::ReviseError;

use choose::{Step, to_assign, to_unassign};
use document::Document;

/// Where a VM without a rule gets its bounds from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Source {
    /// The only rule that assigns the profile.
    #[default]
    TheOnlyRule,
    /// The rule of this VM.
    RuleOf(VmId),
    /// A rule of its own with these bounds, as they are written in the file.
    Bounds(Bounds),
}

/// The bounds of a new rule, as they are written in the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// `earliest`.
    pub earliest: String,
    /// `latest`.
    pub latest: String,
    /// `max-shift`.
    pub max_shift: String,
}

/// How far a VM is taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Off {
    /// Out of its rule: it may have no time but the real one.
    OfItsRule,
    /// Only off the assignment: it may choose by tag what its rule lists.
    OfTheAssignment,
}

/// A changed text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Revision {
    /// The whole of it.
    pub text: String,
    /// What was done to the file, for people.
    pub how: String,
}

/// The text in which the VM has this profile; none where it has it already.
///
/// # Errors
/// [`ReviseError`]: the text cannot be changed so that only this VM is affected, or it is not clear how.
pub fn assign(
    text: &str,
    allowlist: &Allowlist,
    vmid: VmId,
    profile: &ProfileName,
    source: &Source,
) -> Result<Option<Revision>, ReviseError> {
    let step = to_assign(allowlist, vmid, profile, source)?;
    revise(text, allowlist, vmid, step)
}

/// The text in which the VM is taken off; none where there is nothing to take it off.
///
/// # Errors
/// [`ReviseError`], as for [`assign`].
pub fn unassign(
    text: &str,
    allowlist: &Allowlist,
    vmid: VmId,
    off: Off,
) -> Result<Option<Revision>, ReviseError> {
    revise(text, allowlist, vmid, to_unassign(allowlist, vmid, off))
}

fn revise(
    text: &str,
    allowlist: &Allowlist,
    vmid: VmId,
    step: Step,
) -> Result<Option<Revision>, ReviseError> {
    if step == Step::Nothing {
        return Ok(None);
    }
    let mut document = Document::read(text)?;
    let how = document.carry_out(vmid, &step, &allowlist.rules)?;
    let text = document.write();
    let new = allowlist::parse(&text).map_err(ReviseError::Invalid)?;
    if !difference(allowlist, &new).is_only_about(vmid) {
        return Err(ReviseError::Others);
    }
    Ok(Some(Revision { text, how }))
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

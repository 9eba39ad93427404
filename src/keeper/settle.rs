//! Giving a guest the time that it shall have, for the first time or again, and the ways in which that
//! ends.
use std::time::Duration;

use super::apply::Occasion;
use super::error::KeepError;
use super::intended::goes_on;
use super::subject::Subject;
use crate::audit::{Event, Record};
use crate::model::{Deny, Printable};
use crate::state::{Keep, KeepStage, Note};

/// How long setting may take once the agent has answered: a backup may have frozen the guest.
const SET_LIMIT: Duration = Duration::from_secs(120);

/// Which intent a setting belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Receipts {
    /// That of pre-start, where nothing was set through the agent since.
    Redeem,
    /// One of its own.
    Own,
}

impl Subject<'_> {
    /// Gives the guest the time that it shall have, in the background: says what came of it.
    pub(super) fn settle_and_say(&mut self, why: &str) -> Result<(), KeepError> {
        match self.settle(why, Receipts::Redeem, SET_LIMIT) {
            Ok(text) => self.voice.say(Event::Outcome, &text),
            Err(KeepError::Denied(deny)) => {
                self.denied(&deny);
                return Err(deny.into());
            }
            // That a VM stops is nothing that somebody should act on.
            Err(error) if !self.qemu.generation.is_alive() => return Err(error),
            Err(error) => {
                let text = error.to_string();
                self.voice.alarm(Event::Outcome.code(), &text);
                if self
                    .keep
                    .as_ref()
                    .is_some_and(|keep| keep.stage == KeepStage::Waiting)
                {
                    self.end_as(KeepStage::GaveUp, &text);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives the guest the time that it shall have. Gives what was done, for people.
    pub(super) fn settle(
        &mut self,
        why: &str,
        receipts: Receipts,
        limit: Duration,
    ) -> Result<String, KeepError> {
        let intended = self.intended()?;
        let proposal = self.may_keep(intended.course)?;
        let first = self.keep.as_ref().is_none_or(|keep| keep.agent.is_none());
        let redeems = first && receipts == Receipts::Redeem;
        let own = self.note.as_ref();
        let own = own.filter(|note| redeems && !goes_on(note));
        let receipt = own.and_then(|note| note.intent.as_ref());
        let intent = match receipt.and_then(|receipt| self.trail.redeem(receipt, self.vmid)) {
            Some(intent) => intent,
            None => self.intend(&proposal, &format!("{why}: its time {}", intended.source))?,
        };
        let restore_by = intended.handover.and_then(|known| known.restore_by);
        let occasion = Occasion {
            restore_by,
            ..Occasion::OUTCOME
        };
        let (_, mut text) = self.apply(&proposal, &intent, occasion, limit)?;
        if goes_on_or_none(self.note.as_ref()) {
            text = format!("{text}; {}", intended.source);
        }
        Ok(text)
    }

    /// Writes down and says that policy does not permit it (any more).
    pub(super) fn denied(&mut self, deny: &Deny) {
        let text = KeepError::Denied(deny.clone()).to_string();
        self.record(&Record {
            name: self.facts.name.as_ref(),
            reason: Some(deny.reason),
            text: Some(Printable::sentence(&text)),
            ..Record::new(Event::Denied, self.vmid)
        });
        self.voice.warn(Event::Denied.code(), &text);
        self.end_as(KeepStage::Denied, &text);
    }

    /// Writes down and says that the agent did not come.
    pub(super) fn give_up(&mut self, why: &str) -> KeepError {
        self.report(Event::Outcome, why);
        self.end_as(KeepStage::GaveUp, why);
        KeepError::Unreachable(why.to_owned())
    }

    fn end_as(&mut self, stage: KeepStage, why: &str) {
        let Some(keep) = self.keep.clone() else {
            return;
        };
        let keep = Keep {
            stage,
            remark: Some(Printable::sentence(why)),
            ..keep
        };
        if let Err(error) = self.save(keep) {
            self.voice.warn("state", &error.to_string());
        }
    }
}

fn goes_on_or_none(note: Option<&Note>) -> bool {
    note.is_none_or(goes_on)
}

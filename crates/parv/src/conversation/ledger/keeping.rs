//! Keeping what is known of old commits on the disk, and getting over it when that cannot be read.
//!
//! What is held in memory is handed to a [`Job`] that writes it beside whatever else is done, and let go of when that is done.
//! Only a history without anything [aside](super::aside) is written; while something lies there, and when a head fell back
//! behind what was written, the books are gathered anew first, so that what lies aside comes last.

use super::Ledger;
use super::gather::{Gathered, forget, gather, keep, settle};
use crate::conversation::kept::{Kept, Unkept};
use crate::conversation::log::LogIndex;
use crate::error;
use parv_store::StoreError;
use parv_validator::settled::Unreadable;

/// So many commits in memory beside something that lies aside are a reason to gather the books anew.
const TOO_MANY: usize = 16_384;

/// Rows to be written.
pub(crate) struct Job {
    kept: Kept,
    more: Unkept,
    gathered: u64,
}

/// Rows that were written.
pub(crate) struct Done {
    kept: Result<Kept, StoreError>,
    gathered: u64,
}

impl Job {
    /// Writes them. Blocks, and syncs the disk.
    pub(crate) fn run(self) -> Done {
        Done { kept: self.kept.extended(&self.more), gathered: self.gathered }
    }
}

impl Ledger {
    /// How many commits are in memory.
    pub(crate) fn unkept(&self) -> usize {
        self.replica.unsettled().len()
    }

    /// What is to be written, if it is `least` commits at least.
    pub(crate) fn to_keep(&self, least: usize) -> Option<Job> {
        if self.unkept() < least || !self.is_whole() {
            return None;
        }
        let log = self.log.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let kept = log.kept().cloned().unwrap_or_else(|| Kept::nothing(&self.repository));
        Some(Job { kept, more: Unkept::of(&self.replica), gathered: self.gathered })
    }

    /// Lets go of what was written.
    pub(crate) fn adopt(&mut self, done: Done) -> Result<(), StoreError> {
        let kept = done.kept?;
        if done.gathered == self.gathered {
            LogIndex::change(&self.log, |log| settle(&mut self.replica, log, kept));
        }
        Ok(())
    }

    /// Whether all that is known is part of the conversation.
    fn is_whole(&self) -> bool {
        let mut heads = self.heads.clone();
        heads.sort();
        self.replica.tips() == heads && self.replica.unreadable().is_none()
    }

    /// Refuses to build on answers that do not count.
    pub(in crate::conversation) fn require_readable(&self) -> Result<(), Unreadable> {
        self.replica.unreadable().cloned().map_or(Ok(()), Err)
    }

    /// Lets go of what is kept, because somebody could not read it, and gathers the books anew.
    pub(crate) fn keep_anew(&mut self) {
        forget(&self.repository, self.id());
        self.gather_anew();
    }

    /// Gathers the books anew if they cannot be read any more, or cannot be kept as they are though they have become long.
    pub(in crate::conversation) fn mend(&mut self) {
        let too_many = self.unkept() >= self.stayed + TOO_MANY && !self.is_whole();
        if too_many || self.replica.unreadable().is_some() {
            self.gather_anew();
        }
    }

    /// Brings the books to the heads by what is kept, and keeps what is new right away.
    pub(super) fn gather_anew(&mut self) {
        if let Some(why) = self.replica.unreadable() {
            tracing::warn!(conversation = %self.id(), "{why}");
            forget(&self.repository, self.id());
        }
        match gather(&self.repository, self.id(), &self.heads) {
            Ok(Gathered { mut replica, mut log }) => {
                keep(&mut replica, &mut log, &self.repository);
                self.stayed = replica.unsettled().len();
                self.replica = replica;
                LogIndex::change(&self.log, |old| *old = log);
                self.gathered += 1;
                self.judged = None;
                // What was found out before that is still to be told.
                let changes = std::mem::take(&mut self.content_changes);
                self.recall();
                self.content_changes = changes;
            }
            Err(error) => tracing::error!(conversation = %self.id(), "{}", error::chain(&error)),
        }
    }
}

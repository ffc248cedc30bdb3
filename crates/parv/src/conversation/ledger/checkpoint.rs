//! Forks from far behind are held until a person lets them in (validation §8, decision 0013).
//!
//! The *checkpoint* is the newest commit that this device wrote more than a month ago, by its own clock, and that all devices
//! of the account have known ever since. A head that does not know it and brings something that changes the state is a
//! fork of a time that the account's devices have long agreed to be over.

use super::{IntakeError, Ledger, read};
use crate::view::HeldFork;
use crate::{Error, clock};
use parv_model::{CommitId, DeviceId};
use parv_store::StoreError;
use parv_validator::{CheckedCommit, Signatures};

/// How long ago something must have been written to be a checkpoint, in seconds: a month, longer than most people are
/// without a network.
const CHECKPOINT_AGE: i64 = 30 * 86_400;

impl Ledger {
    /// The newest commit of this device that is old enough and that all devices of the account know; none if this
    /// account has no part in the conversation, or a device of it has not written since.
    fn checkpoint(&mut self) -> Option<CommitId> {
        let (state, own) = (self.state(), self.author.uri());
        let is_own = |(device, account): &(DeviceId, _)| *account == own && !state.is_revoked(device);
        let newest = |(device, _): (DeviceId, _)| self.replica.last_commit_of(&device);
        // A device whose certificate is here has written at least the commit that brought it.
        let known_to: Vec<CommitId> = state.devices().filter(is_own).filter_map(newest).collect();
        if known_to.is_empty() {
            return None;
        }
        let latest = clock::now() - CHECKPOINT_AGE;
        let is_agreed = |commit: &CommitId| {
            let old = self.replica.display_key(commit).is_some_and(|(_, time, _)| time <= latest);
            old && known_to.iter().all(|newest| newest == commit || self.replica.is_behind(commit, newest))
        };
        self.replica.newest_commit_where(&self.author.device(), &own, is_agreed)
    }

    /// Splits offered heads into those that are held and the others.
    pub(super) fn far_behind(&mut self, offered: &[CommitId]) -> (Vec<CommitId>, Vec<CommitId>) {
        let heads = self.heads.clone();
        let brings = |this: &Self, head: &CommitId| this.replica.brings_control(head, &heads);
        if !offered.iter().any(|head| brings(self, head)) {
            return (Vec::new(), offered.to_vec());
        }
        let Some(checkpoint) = self.checkpoint() else { return (Vec::new(), offered.to_vec()) };
        let forks =
            |head: &CommitId| brings(self, head) && *head != checkpoint && !self.replica.is_behind(&checkpoint, head);
        offered.iter().copied().partition(forks)
    }

    /// The heads that are held.
    pub(crate) fn held(&self) -> &[HeldFork] {
        &self.aside.held
    }

    /// Lets a held head in; gives all that it brings, parents first.
    pub(crate) fn let_in(&mut self, head: &CommitId) -> Result<Vec<CheckedCommit>, Error> {
        if !self.aside.holds(head) {
            return Err(Error::UnknownCommit(*head));
        }
        self.replica.gate(&self.heads, &[*head])?;
        let heads = self.replica.maximal(&[self.heads.as_slice(), &[*head]].concat());
        let heads = self.without_fallen(heads, &[*head])?;
        self.require_readable().map_err(StoreError::from)?;
        self.repository.set_heads(&self.heads, &heads)?;
        let old = std::mem::replace(&mut self.heads, heads);
        let new = self.unlisted(&old).map_err(|error| match error {
            IntakeError::Refused(refusal) => Error::from(refusal),
            IntakeError::Store(error) => error.into(),
        })?;
        self.moved(&old, &new);
        Ok(new)
    }

    /// What the heads reach and the old ones did not, and the log does not list yet.
    pub(super) fn unlisted(&self, old: &[CommitId]) -> Result<Vec<CheckedCommit>, IntakeError> {
        let mut ids = self.repository.walk(&self.heads, old)?;
        ids.retain(|commit| !self.lists(commit));
        Ok(crate::replay::check_all(&ids, &read(&self.repository, &ids)?, Signatures::New)?)
    }
}

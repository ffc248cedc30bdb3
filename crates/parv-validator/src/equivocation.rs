//! Devices that fork their own chain (validation §8): each commit of an honest device comes after all that it wrote before.
//!
//! A device writes on top of all heads that it has, so its own newest commit is always behind the next one. Two commits of
//! one device of which neither is an ancestor of the other therefore mean that the device was copied, restored from an old
//! backup, or lies: it told different people different things. Both are signed by it, which is the proof.

use crate::ancestry::Ancestry;
use parv_model::{CommitId, DeviceId, Uri};
use std::collections::BTreeMap;

/// A device wrote two commits, neither of which knows the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Equivocation {
    /// The device.
    pub device: DeviceId,
    /// Whose it is.
    pub account: Uri,
    /// The proof: both are signed by the device. There may be more such pairs; one is enough.
    pub commits: [CommitId; 2],
}

/// What every device wrote, in the order of admission, and which of them forked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trails {
    commits: BTreeMap<DeviceId, Vec<CommitId>>,
    forks: BTreeMap<DeviceId, Equivocation>,
}

impl Trails {
    /// A device of `account` wrote a commit, which `ancestry` knows.
    pub(crate) fn note(&mut self, device: DeviceId, account: Uri, commit: CommitId, ancestry: &Ancestry) {
        let commits = self.commits.entry(device).or_default();
        // Until the first fork the last commit comes after all others, so it stands for them.
        if let Some(last) = commits.last().filter(|last| !ancestry.is_ancestor(last, &commit)) {
            let fork = Equivocation { device, account, commits: [*last, commit] };
            self.forks.entry(device).or_insert(fork);
        }
        commits.push(commit);
    }

    /// Takes back the commit that was noted last.
    pub(crate) fn remove_last(&mut self, device: &DeviceId, commit: &CommitId) {
        if let Some(commits) = self.commits.get_mut(device) {
            commits.pop();
            if commits.is_empty() {
                self.commits.remove(device);
            }
        }
        if self.forks.get(device).is_some_and(|fork| fork.commits[1] == *commit) {
            self.forks.remove(device);
        }
    }

    /// The commits of a device, parents first.
    pub(crate) fn of(&self, device: &DeviceId) -> &[CommitId] {
        self.commits.get(device).map_or(&[], Vec::as_slice)
    }

    /// Every device that ever wrote, with its commits, parents first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&DeviceId, &[CommitId])> {
        self.commits.iter().map(|(device, commits)| (device, commits.as_slice()))
    }

    /// Whether a device forked.
    pub(crate) fn is_forked(&self, device: &DeviceId) -> bool {
        self.forks.contains_key(device)
    }

    /// Every device that forked, in the order of their ids.
    pub(crate) fn forks(&self) -> impl Iterator<Item = Equivocation> + '_ {
        self.forks.values().copied()
    }
}

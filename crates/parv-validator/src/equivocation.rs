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
pub struct Equivocation<A = Uri, D = DeviceId> {
    /// The device.
    pub device: D,
    /// Whose it is.
    pub account: A,
    /// The proof: both are signed by the device. There may be more such pairs; one is enough.
    pub commits: [CommitId; 2],
}

/// What every device wrote, in the order of admission, and which of them forked.
#[derive(Debug, Clone)]
pub(crate) struct Trails<A, D> {
    commits: BTreeMap<D, Vec<CommitId>>,
    forks: BTreeMap<D, Equivocation<A, D>>,
}

impl<A, D> Default for Trails<A, D> {
    fn default() -> Self {
        Self { commits: BTreeMap::new(), forks: BTreeMap::new() }
    }
}

impl<A: Ord + Copy, D: Ord + Copy> Trails<A, D> {
    /// A device of `account` wrote a commit, which `ancestry` knows.
    pub(crate) fn note(&mut self, device: D, account: A, commit: CommitId, ancestry: &Ancestry<A>) {
        let commits = self.commits.entry(device).or_default();
        // Until the first fork the last commit comes after all others, so it stands for them.
        if let Some(last) = commits.last().filter(|last| !ancestry.is_ancestor(last, &commit)) {
            let fork = Equivocation { device, account, commits: [*last, commit] };
            self.forks.entry(device).or_insert(fork);
        }
        commits.push(commit);
    }

    /// Takes back the commit that was noted last.
    pub(crate) fn remove_last(&mut self, device: &D, commit: &CommitId) {
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
    pub(crate) fn of(&self, device: &D) -> &[CommitId] {
        self.commits.get(device).map_or(&[], Vec::as_slice)
    }

    /// Every device that ever wrote, with its commits, parents first.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&D, &[CommitId])> {
        self.commits.iter().map(|(device, commits)| (device, commits.as_slice()))
    }

    /// Whether a device forked.
    pub(crate) fn is_forked(&self, device: &D) -> bool {
        self.forks.contains_key(device)
    }

    /// Every device that forked, in the order of their ids.
    pub(crate) fn forks(&self) -> impl Iterator<Item = Equivocation<A, D>> + '_ {
        self.forks.values().copied()
    }
}

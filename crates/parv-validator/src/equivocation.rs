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

/// What every device wrote, in the order of admission.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trails(BTreeMap<DeviceId, Trail>);

#[derive(Debug, Clone)]
struct Trail {
    account: Uri,
    commits: Vec<CommitId>,
    fork: Option<[CommitId; 2]>,
}

impl Trails {
    /// A device of `account` wrote a commit, which `ancestry` knows.
    pub(crate) fn note(&mut self, device: DeviceId, account: Uri, commit: CommitId, ancestry: &Ancestry) {
        let trail = self.0.entry(device).or_insert_with(|| Trail { account, commits: Vec::new(), fork: None });
        // Until the first fork the last commit comes after all others, so it stands for them.
        if trail.fork.is_none() {
            trail.fork =
                trail.commits.last().filter(|last| !ancestry.is_ancestor(last, &commit)).map(|&last| [last, commit]);
        }
        trail.commits.push(commit);
    }

    /// Takes back the commit that was noted last.
    pub(crate) fn remove_last(&mut self, device: &DeviceId, commit: &CommitId) {
        let Some(trail) = self.0.get_mut(device) else { return };
        trail.commits.pop();
        trail.fork = trail.fork.filter(|[_, second]| second != commit);
        if trail.commits.is_empty() {
            self.0.remove(device);
        }
    }

    /// The commits of a device, parents first.
    pub(crate) fn of(&self, device: &DeviceId) -> &[CommitId] {
        self.0.get(device).map_or(&[], |trail| &trail.commits)
    }

    /// Every device that forked, in the order of their ids.
    pub(crate) fn forks(&self) -> impl Iterator<Item = Equivocation> + '_ {
        let fork = |(&device, trail): (&DeviceId, &Trail)| {
            trail.fork.map(|commits| Equivocation { device, account: trail.account, commits })
        };
        self.0.iter().filter_map(fork)
    }
}

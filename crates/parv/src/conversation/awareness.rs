//! Which connected devices are known to have which heads: they said so, or they fetched them here.
//!
//! Gossip may miss somebody: a mesh that is still forming, a connection that has just come. So a moment
//! after a change, a few neighbours of whom it is not known that they have the heads are told them directly. What they have
//! is not told back, so that nothing goes round in circles.

use parv_model::{CommitId, DeviceId};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many devices are kept in mind; there are never more connections.
const MAX_DEVICES: usize = 1024;

/// How many heads are kept in mind of one device until heads change: what it says has to be no head at all.
const MAX_HEADS: usize = 64;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Awareness(Mutex<HashMap<DeviceId, HashSet<CommitId>>>);

impl Awareness {
    /// A device has these heads, with all that they reach.
    pub(crate) fn note(&self, device: DeviceId, heads: &[CommitId]) {
        let mut known = self.known();
        if known.len() < MAX_DEVICES || known.contains_key(&device) {
            let theirs = known.entry(device).or_default();
            theirs.extend(&heads[..heads.len().min(MAX_HEADS.saturating_sub(theirs.len()))]);
        }
    }

    /// These are the heads now; what devices have of others does not matter any more.
    pub(crate) fn keep(&self, heads: &[CommitId]) {
        self.known().retain(|_, theirs| {
            theirs.retain(|head| heads.contains(head));
            !theirs.is_empty()
        });
    }

    /// Whether somebody has this head.
    pub(crate) fn anybody_has(&self, head: &CommitId) -> bool {
        self.known().values().any(|theirs| theirs.contains(head))
    }

    /// Whether a device is known to have all of these heads.
    pub(crate) fn has_all(&self, device: &DeviceId, heads: &[CommitId]) -> bool {
        self.known().get(device).is_some_and(|theirs| heads.iter().all(|head| theirs.contains(head)))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<DeviceId, HashSet<CommitId>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_heads_of_now_matter() {
        let awareness = Awareness::default();
        let (device, other) = (DeviceId::from_bytes([1; 32]), DeviceId::from_bytes([2; 32]));
        let [a, b] = [3, 4].map(|number| CommitId::from_bytes([number; 20]));
        awareness.note(device, &[a]);
        assert!(awareness.has_all(&device, &[a]) && !awareness.has_all(&device, &[a, b]));
        assert!(!awareness.has_all(&other, &[a]));
        awareness.note(device, &[b]);
        awareness.keep(&[b]);
        assert!(awareness.anybody_has(&b) && !awareness.anybody_has(&a));
        awareness.keep(&[]);
        assert!(!awareness.anybody_has(&b));
    }

    #[test]
    fn who_names_ever_new_commits_costs_no_more() {
        let awareness = Awareness::default();
        let device = DeviceId::from_bytes([1; 32]);
        for number in 0..1000u32 {
            let commit = CommitId::from_bytes(std::array::from_fn(|i| number.to_le_bytes()[i % 4]));
            awareness.note(device, &[commit; 3]);
        }
        assert_eq!(awareness.known()[&device].len(), MAX_HEADS);
    }
}

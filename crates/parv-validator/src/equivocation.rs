//! Devices that fork their own chain (validation §8): each commit of an honest device comes after all that it wrote before.
//!
//! A device writes on top of all heads that it has, so its own newest commit is always behind the next one. Two commits of
//! one device of which neither is an ancestor of the other therefore mean that the device was copied, restored from an old
//! backup, or lies: it told different people different things. Both are signed by it, which is the proof.

use parv_model::{CommitId, DeviceId, Uri};

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

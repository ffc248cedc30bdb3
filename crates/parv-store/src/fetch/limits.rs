//! How much a device takes from another at once. This is its own policy, not part of any format: two devices may differ.

use std::time::Duration;

/// The limits of one fetch. A fetch that exceeds one of them is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchLimits {
    /// The largest pack, in bytes on the wire. A million short messages take about 0.5 GiB.
    pub max_pack_bytes: u64,
    /// The most objects in the pack. A message is one; a change of members a handful.
    pub max_objects: u32,
    /// The largest object, in bytes. The largest of a conversation are the folder of ten thousand members' certificates
    /// (1 MiB) and a profile picture (256 KiB).
    pub max_object_bytes: u32,
    /// The most bytes of all objects together, deltas applied. A packed folder of members is stored once per change, so
    /// this may be much more than the pack.
    pub max_inflated_bytes: u64,
    /// The most bytes that one byte of the pack may inflate to, on the average and beyond the first
    /// [`INFLATION_ALLOWANCE`] bytes. Signatures and keys hardly compress; text does by less than ten.
    pub max_inflation_ratio: u64,
    /// The most bytes that all objects may have together, deltas applied, for one byte of the pack, on the average and beyond
    /// the first [`EXPANSION_ALLOWANCE`] bytes. Each member who joins changes the folder of the members, which is a few
    /// bytes as a delta and a hundred for each member when applied: a conversation that grew to five thousand members
    /// comes to 150.
    pub max_expansion_ratio: u64,
    /// The most commits that are new.
    pub max_commits: usize,
    /// The longest chain of deltas. Stock git makes chains of 50.
    pub max_delta_depth: u16,
    /// The most heads that the other device may have.
    pub max_refs: usize,
    /// How long it may take from the first byte to the last. The caller gives streams that time out when nothing comes
    /// at all; this ends a trickle.
    pub max_time: Duration,
}

/// How many bytes may come out of a pack before [`FetchLimits::max_inflation_ratio`] counts: 32 MiB.
pub const INFLATION_ALLOWANCE: u64 = 32 * 1024 * 1024;

/// How many bytes objects may have together before [`FetchLimits::max_expansion_ratio`] counts: 64 MiB.
pub const EXPANSION_ALLOWANCE: u64 = 64 * 1024 * 1024;

impl Default for FetchLimits {
    /// A whole conversation of a million messages, on a slow line.
    fn default() -> Self {
        Self {
            max_pack_bytes: 1024 * 1024 * 1024,
            max_objects: 2_000_000,
            max_object_bytes: 2 * 1024 * 1024,
            max_inflated_bytes: 4 * 1024 * 1024 * 1024,
            max_inflation_ratio: 32,
            max_expansion_ratio: 192,
            max_commits: 1_500_000,
            max_delta_depth: 64,
            max_refs: crate::MAX_HEADS,
            max_time: Duration::from_secs(30 * 60),
        }
    }
}

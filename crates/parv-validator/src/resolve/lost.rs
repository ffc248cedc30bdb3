//! Votes that came to nothing without anybody having decided against them (validation §6, "No rollback").
//!
//! Their authors' devices cast them again: they were honest, and only their time or place was wrong.

use super::{Events, Settled};
use crate::event::Act;
use parv_model::{Target, Uri, VoteKind};
use std::collections::BTreeSet;

/// The votes of `voter` that are stale or void in what is settled. Not those that a resolution has used up or overtaken, or
/// that ended with somebody's office or part in the conversation; nor those that a device cast which is banned or revoked by
/// now, since nobody knows whose votes they were.
pub(super) fn lost_votes(events: Events<'_>, settled: &Settled, voter: Uri) -> BTreeSet<(VoteKind, Target)> {
    let Settled { state, counts } = settled;
    let mut lost = BTreeSet::new();
    for v in counts.void_votes(voter) {
        let event = events.get(v);
        let Act::Vote { kind, target, .. } = event.act else { continue };
        let distrusted =
            state.is_device_banned(&event.device) || event.serial.is_some_and(|serial| state.revokes(&voter, &serial));
        if counts.vote_goes_on(events, v) && !distrusted && !state.votes(kind, target).contains(&voter) {
            lost.insert((kind, target));
        }
    }
    lost
}

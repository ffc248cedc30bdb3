//! Votes that came to nothing without anybody having decided against them (validation §6, "No rollback").
//!
//! Their authors' devices cast them again: they were honest, and only their time or place was wrong.

use super::Resolver;
use super::fixpoint::fixpoint;
use super::standing::Counted;
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use crate::state::State;
use parv_model::{Target, Uri, VoteKind};
use std::collections::BTreeSet;

/// The votes of `voter` in a set, whose state is `state`, that are stale or void there. Not those that a resolution has
/// used up or overtaken, or that ended with somebody's office or part in the conversation; nor those that a device cast which
/// is banned or revoked by now, since nobody knows whose votes they were.
pub(super) fn lost_votes(
    resolver: &Resolver<'_>,
    set: &EventSet,
    state: &State,
    voter: Uri,
) -> BTreeSet<(VoteKind, Target)> {
    let events = resolver.events;
    let outcome = fixpoint(resolver, set);
    let alive: BTreeSet<EventNumber> = outcome.alive.iter().copied().collect();
    let mut counted = Counted::new(events);
    outcome.alive.iter().for_each(|&e| counted.push(e));
    let losses = counted.losses_of_office(&voter, set);
    let mut lost = BTreeSet::new();
    for v in set.iter().filter(|v| events.get(*v).author == voter && !alive.contains(v)) {
        let event = events.get(v);
        let Act::Vote { kind, target, .. } = event.act else { continue };
        let owner = target.device().and_then(|device| event.before.owner(&device));
        let mut ends = counted.ends_of_votes(&target, owner, set);
        ends.extend(&losses);
        let distrusted =
            state.is_device_banned(&event.device) || event.serial.is_some_and(|serial| state.revokes(&voter, &serial));
        if ends.iter().all(|&end| events.le(end, v)) && !distrusted && !state.votes(kind, target).contains(&voter) {
            lost.insert((kind, target));
        }
    }
    lost
}

//! Which resolutions hold, and which control events with them (validation §6, "Fixpoint").
//!
//! A ban may void the very votes that another ban rests on, and the other way round. [`gamma`] takes a guess of what
//! holds, uses it for everything that takes away, and derives everything that gives; a larger guess takes away more, so
//! gamma turns the order round and gamma² keeps it. Starting from "nothing holds", gamma² climbs to its least fixpoint:
//! what holds. What is only in the greatest is undecided, and leaves things as they were.

use super::Resolver;
use super::endorse::{Endorsement, Removal};
use super::standing::{Counted, Membership};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use parv_model::{Mode, Uri, VoteKind};
use std::collections::{BTreeMap, BTreeSet};

/// What a set of events comes to.
pub(super) struct Outcome {
    /// The control events that count, parents first.
    pub(super) alive: Vec<EventNumber>,
    /// Resolutions that hold or do not hold with equal right.
    pub(super) undecided: BTreeSet<EventNumber>,
}

/// Computes it.
pub(super) fn fixpoint(resolver: &Resolver<'_>, set: &EventSet) -> Outcome {
    let endorsement = Endorsement::new(resolver, set);
    let mut least = BTreeSet::new();
    loop {
        let greatest = gamma(resolver, &endorsement, &least, None).effective;
        let next = gamma(resolver, &endorsement, &greatest, None).effective;
        debug_assert!(least.is_subset(&next) && next.is_subset(&greatest), "gamma is antimonotone");
        if next == least {
            let alive = gamma(resolver, &endorsement, &least, Some(&least)).alive;
            return Outcome { alive, undecided: greatest.difference(&least).copied().collect() };
        }
        least = next;
    }
}

struct Fold {
    effective: BTreeSet<EventNumber>,
    alive: Vec<EventNumber>,
}

/// One fold of the set, taking `holds` as the resolutions that hold wherever something is taken away. With `only`, no
/// other resolutions come to life.
fn gamma(
    resolver: &Resolver<'_>,
    endorsement: &Endorsement<'_, '_>,
    holds: &BTreeSet<EventNumber>,
    only: Option<&BTreeSet<EventNumber>>,
) -> Fold {
    let events = resolver.events;
    let takes_away = |r: EventNumber| matches!(events.get(r).resolution(), Some((VoteKind::Ban | VoteKind::Demote, _)));
    let removals: Vec<EventNumber> = holds.iter().copied().filter(|&r| takes_away(r)).collect();
    // Whether `resolution`, or a `vote` for it, withstands what hits it: another resolution by outranking it, a revocation
    // list by the endorsement of the other admins only.
    let withstands = |resolution: EventNumber, vote: EventNumber, removal: Removal| match removal {
        Removal::Resolution(r) if events.concurrent(resolution, r) => endorsement.outranks(resolution, r),
        _ => endorsement.endorsed(vote, removal),
    };
    let mut fold = Fold { effective: BTreeSet::new(), alive: Vec::new() };
    let mut counted = Counted::new(events);
    removals.iter().for_each(|&r| counted.push(r));
    let lists = endorsement.all().iter().copied().filter(|&e| events.get(e).brought.list.is_some());
    let hitting: Vec<Removal> =
        removals.iter().copied().map(Removal::Resolution).chain(lists.map(Removal::List)).collect();
    // Which removals hit each vote that its author was entitled to cast.
    let mut cast: BTreeMap<EventNumber, Vec<Removal>> = BTreeMap::new();

    for &e in endorsement.all() {
        let event = events.get(e);
        if !event.is_control()
            || !entitled(&counted, event.author, &event.act, &event.past, event.before.mode())
            || !counted.device_bans_in_force(&event.device, &event.past).is_empty()
        {
            continue;
        }
        let hit: Vec<Removal> = hitting.iter().copied().filter(|&r| endorsement.hits(r, e)).collect();
        match event.act {
            Act::Vote { .. } => {
                let void = hit.iter().any(|&r| !endorsement.endorsed(e, r)) || endorsement.stale(e, None);
                cast.insert(e, hit);
                if void {
                    continue;
                }
            }
            Act::Resolve { target, .. } => {
                if hit.iter().any(|&r| !withstands(e, e, r))
                    || endorsement.stale(e, None)
                    || only.is_some_and(|only| !only.contains(&e))
                {
                    continue;
                }
                let expired_by: Vec<EventNumber> = holds
                    .iter()
                    .copied()
                    .filter(|&r| event.past.contains(r) && events.get(r).resolution().map(|(_, t)| t) == Some(target))
                    .collect();
                let counts = |&v: &EventNumber| {
                    let Some(hit) = cast.get(&v) else { return false };
                    !endorsement.stale(v, Some(e))
                        && hit.iter().all(|&r| withstands(e, v, r))
                        && expired_by.iter().all(|&r| events.le(r, v))
                        && counted.is_admin(&events.get(v).author, &event.past)
                };
                let voters: BTreeSet<Uri> =
                    endorsement.votes_for(e).filter(counts).map(|v| events.get(v).author).collect();
                // The electorate is that of the resolution's own past.
                if 2 * voters.len() <= event.before.admins().len() {
                    continue;
                }
                fold.effective.insert(e);
            }
            _ => {
                if hit.iter().any(|&r| !endorsement.endorsed(e, r)) {
                    continue;
                }
            }
        }
        fold.alive.push(e);
        if !takes_away(e) {
            counted.push(e);
        }
    }
    fold
}

/// Whether the author may do this, by what counts in the event's own past.
fn entitled(counted: &Counted<'_>, author: Uri, act: &Act, past: &EventSet, mode: Mode) -> bool {
    match act {
        Act::Initial { .. } => true,
        Act::Join => match counted.membership(&author, past) {
            Membership::Invited => true,
            Membership::Unknown | Membership::Left => mode == Mode::Public,
            Membership::Member | Membership::Banned => false,
        },
        Act::Vote { .. } | Act::Resolve { .. } | Act::Profile(_) => counted.is_admin(&author, past),
        Act::Add(_) if mode == Mode::AdminInvitesOnly => counted.is_admin(&author, past),
        _ => counted.membership(&author, past) == Membership::Member,
    }
}

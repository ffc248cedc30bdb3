//! Which resolutions hold, and which control events with them (validation §6, "Fixpoint").
//!
//! A ban may void the very votes that another ban rests on, and the other way round. [`Fold`] takes a guess of what
//! holds, uses it for everything that takes away, and derives everything that gives; a larger guess takes away more, so a
//! fold turns the order round and two of them keep it. Starting from "nothing holds", two folds at a time climb to their
//! least fixpoint: what holds. What is only in the greatest is undecided, and leaves things as they were.

use super::endorse::{Endorsement, Hit, Removal, Weighed};
use super::region::Region;
use super::standing::{About, Membership};
use super::{Events, Settled};
use crate::event::{Act, Event};
use crate::event_set::{EventNumber, EventSet};
use crate::rules::Memo;
use parv_model::{Mode, Target, Uri, VoteKind};
use std::collections::BTreeSet;

/// What a region comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The control events that count, parents first.
    pub(super) alive: Vec<EventNumber>,
    /// The votes that a resolution to come may count.
    pub(super) ballots: Vec<EventNumber>,
    /// Resolutions that hold or do not hold with equal right.
    pub(super) undecided: BTreeSet<EventNumber>,
}

/// Computes it, or says which smaller sets must be known first.
pub(super) fn fixpoint(
    events: Events<'_>,
    region: &Region,
    weighed: &Weighed,
    memo: &Memo<Settled>,
) -> Result<Outcome, Vec<EventSet>> {
    let endorsement = Endorsement::new(events, region, weighed, memo);
    let fold = |holds: &BTreeSet<EventNumber>, only_these: bool| {
        let folded = Fold::of(events, region, &endorsement, holds, only_these);
        endorsement.missing().map(|()| folded)
    };
    let mut least = BTreeSet::new();
    loop {
        let greatest = fold(&least, false)?.effective;
        let below = fold(&greatest, false)?;
        if below.effective == greatest {
            return Ok(Outcome { alive: below.alive, ballots: below.ballots, undecided: BTreeSet::new() });
        }
        debug_assert!(least.is_subset(&below.effective) && below.effective.is_subset(&greatest), "not antimonotone");
        if below.effective.is_subset(&least) {
            let last = fold(&least, true)?;
            let undecided = greatest.difference(&least).copied().collect();
            return Ok(Outcome { alive: last.alive, ballots: last.ballots, undecided });
        }
        least.extend(below.effective);
    }
}

/// What one fold comes to.
struct Folded {
    /// The resolutions that came to life.
    effective: BTreeSet<EventNumber>,
    alive: Vec<EventNumber>,
    ballots: Vec<EventNumber>,
}

/// One fold of a region.
struct Fold<'a> {
    events: Events<'a>,
    region: &'a Region,
    endorsement: &'a Endorsement<'a>,
    /// The resolutions that hold wherever something is taken away.
    holds: &'a BTreeSet<EventNumber>,
    /// Whether no other resolutions may come to life.
    only_these: bool,
    alive: EventSet,
    /// The votes that their authors were entitled to cast, void or not.
    cast: EventSet,
}

impl<'a> Fold<'a> {
    fn of(
        events: Events<'a>,
        region: &'a Region,
        endorsement: &'a Endorsement<'a>,
        holds: &'a BTreeSet<EventNumber>,
        only_these: bool,
    ) -> Folded {
        let (alive, cast) = (EventSet::default(), EventSet::default());
        let mut fold = Self { events, region, endorsement, holds, only_these, alive, cast };
        let mut folded = Folded { effective: BTreeSet::new(), alive: Vec::new(), ballots: Vec::new() };
        for &e in &region.control {
            if fold.counts(e, &mut folded) {
                folded.alive.push(e);
                fold.alive.insert(e);
            }
        }
        folded
    }

    fn counts(&mut self, e: EventNumber, folded: &mut Folded) -> bool {
        let event = self.events.get(e);
        if !self.is_entitled(e, event) || self.about(e, event.device.into()).bans_in_force().next().is_some() {
            return false;
        }
        let hits: Vec<Hit> = self.endorsement.hits(e).iter().filter(|hit| self.is_felt(hit)).copied().collect();
        let endorsed = hits.iter().all(|hit| hit.endorsed);
        match event.act {
            Act::Vote { .. } => {
                self.cast.insert(e);
                if endorsed {
                    folded.ballots.push(e);
                }
                endorsed && !self.endorsement.stale(e, None)
            }
            Act::Resolve { kind, target, .. } => {
                let counts = hits.iter().all(|hit| self.withstands(e, hit))
                    && (!self.only_these || self.holds.contains(&e))
                    && !self.endorsement.stale(e, None)
                    && self.has_majority(e, event, kind, target);
                if counts {
                    folded.effective.insert(e);
                }
                counts
            }
            _ => endorsed,
        }
    }

    /// Whether a removal is there: a resolution where it holds, a list in any case.
    fn is_felt(&self, hit: &Hit) -> bool {
        match hit.removal {
            Removal::Resolution(r) => self.holds.contains(&r),
            Removal::List(_) => true,
        }
    }

    /// Whether a resolution withstands what hits it, or a vote for it: another resolution by outranking it, a revocation
    /// list by the endorsement of the other admins only.
    fn withstands(&self, resolution: EventNumber, hit: &Hit) -> bool {
        match hit.removal {
            Removal::Resolution(r) if self.events.concurrent(resolution, r) => self.endorsement.outranks(resolution, r),
            _ => hit.endorsed,
        }
    }

    /// Whether more than half of the admins of a resolution's own past voted for it.
    fn has_majority(&self, e: EventNumber, event: &Event, kind: VoteKind, target: Target) -> bool {
        let resolutions = self.region.about(&target).iter().copied();
        let expired_by: Vec<EventNumber> =
            resolutions.filter(|r| self.holds.contains(r) && self.events.lt(*r, e)).collect();
        let counts = |v: EventNumber| {
            self.cast.contains(v)
                && expired_by.iter().all(|&r| self.events.le(r, v))
                && self.endorsement.hits(v).iter().all(|hit| !self.is_felt(hit) || self.withstands(e, hit))
                && !self.endorsement.stale(v, Some(e))
        };
        let here = self.region.votes_for(self.events, e).filter(|&v| counts(v));
        // Nothing that this resolution has not seen can have voided those below.
        let below = self.region.below().ballots(kind, target).filter(|_| expired_by.is_empty());
        let mut voters: BTreeSet<Uri> = here.chain(below).map(|v| self.events.get(v).author).collect();
        voters.retain(|voter| self.about(e, voter.into()).is_admin());
        2 * voters.len() > event.before.admins().len()
    }

    /// Whether the author may do this, by what counts in the event's own past.
    fn is_entitled(&self, e: EventNumber, event: &Event) -> bool {
        let mode = event.before.mode();
        let author = || self.about(e, event.author.into());
        match event.act {
            Act::Initial { .. } => true,
            Act::Join => match author().membership() {
                Membership::Invited => true,
                Membership::Unknown | Membership::Left => mode == Mode::Public,
                Membership::Member | Membership::Banned => false,
            },
            Act::Vote { .. } | Act::Resolve { .. } | Act::Profile(_) => author().is_admin(),
            Act::Add(_) if mode == Mode::AdminInvitesOnly => author().is_admin(),
            _ => author().is_member(),
        }
    }

    /// What counts of all that is about `target` in the eyes of `e`.
    fn about(&self, e: EventNumber, target: Target) -> About<'_> {
        self.region.seen_by(self.events, e, target, |x| match self.events.get(x).resolution() {
            Some((VoteKind::Ban | VoteKind::Demote, _)) => self.holds.contains(&x),
            _ => self.alive.contains(x),
        })
    }
}

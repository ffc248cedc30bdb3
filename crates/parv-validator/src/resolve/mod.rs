//! `resolve(D)`: the state that a set of commits closed under ancestors stands for (validation §6).
//!
//! * [`cut`] finds where a set falls into a part that all of the rest has seen, and that rest. What the lower part comes to
//!   is *settled*: nothing above can weigh it anew. So only the *region* above the highest such cut is looked at; on a line
//!   that is the newest event alone, after a fork it is what the fork is about.
//! * [`region`] is that rest, [`endorse`] and [`fixpoint`] are the rules: who built on what, and which resolutions hold.
//! * [`standing`] says what somebody is by the events that count, [`counts`] keeps these, and [`assemble`] changes the state
//!   of the settled part by what the region does to it. [`lost`] asks which votes came to nothing.
//!
//! All are pure functions of the set: no clock, no commit id and no order of arrival decides anything of weight. Nothing
//! recurses: the rules weigh events in the states of smaller sets, which wait on a stack of their own.

mod assemble;
mod counts;
mod cut;
mod endorse;
mod fixpoint;
mod lost;
mod region;
mod standing;
#[cfg(test)]
mod tests;

use crate::event::Event;
use crate::event_set::{EventNumber, EventSet};
use crate::rules::Memo;
use crate::state::State;
use counts::Counts;
use endorse::Weighed;
use parv_model::{Target, Uri, VoteKind};
use region::Region;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The events of a conversation, numbered parents first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events<'a> {
    list: &'a [Event],
    /// How often two events were compared: what a computation costs, whatever the machine.
    compared: &'a Cell<u64>,
}

impl<'a> Events<'a> {
    pub(crate) fn get(self, number: EventNumber) -> &'a Event {
        &self.list[number]
    }

    /// `x ≺ y`: x is a strict ancestor of y.
    fn lt(self, x: EventNumber, y: EventNumber) -> bool {
        self.compared.set(self.compared.get() + 1);
        self.list[y].past.contains(x)
    }

    /// `x ≼ y`.
    fn le(self, x: EventNumber, y: EventNumber) -> bool {
        x == y || self.lt(x, y)
    }

    /// `x ∥ y`.
    fn concurrent(self, x: EventNumber, y: EventNumber) -> bool {
        !self.le(x, y) && !self.le(y, x)
    }

    /// Whether an event comes after all of these, and is none of them.
    fn is_after(self, e: EventNumber, mut others: impl Iterator<Item = EventNumber>) -> bool {
        others.all(|other| self.lt(other, e))
    }

    /// An event and all its ancestors.
    fn closure(self, x: EventNumber) -> EventSet {
        self.list[x].past.with(x)
    }

    /// Of these, in the order of their numbers, the one that no other comes after; of several such the one of the greatest
    /// weight, and only of those that weigh the same the one with the highest commit id.
    fn latest<W: Ord>(
        self,
        candidates: impl DoubleEndedIterator<Item = EventNumber>,
        weight: impl Fn(EventNumber) -> W,
    ) -> Option<EventNumber> {
        let mut maximal: Vec<EventNumber> = Vec::new();
        for e in candidates.rev() {
            if !maximal.iter().any(|&later| self.le(e, later)) {
                maximal.push(e);
            }
        }
        maximal.into_iter().max_by_key(|&e| (weight(e), self.get(e).commit))
    }
}

/// What a set of events comes to.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The state.
    pub(crate) state: Arc<State>,
    counts: Counts,
}

impl Settled {
    /// Whether nothing in it is undecided. What is undecided holds or does not hold, and what comes after is weighed both
    /// ways; so it cannot be built on as one state.
    fn is_decided(&self) -> bool {
        self.state.undecided.is_empty()
    }
}

/// How many sets are remembered between questions.
pub(crate) const MOST_REMEMBERED: usize = 4096;

/// Forgets some of what was settled, if it is more than `most`: every second of the older half. So the further back, the
/// fewer are left, and what is asked for again is found from the next one below. Of use between questions only: what one
/// of them needs at once may be any number of sets.
pub(crate) fn thin(memo: &mut Memo<Settled>, most: usize) {
    while memo.len() > most {
        let mut ends: Vec<usize> = memo.keys().map(EventSet::end).collect();
        let middle = ends.len() / 2;
        let (_, &mut middle, _) = ends.select_nth_unstable(middle);
        let mut keep = false;
        memo.retain(|set, _| {
            keep = !keep;
            set.end() > middle || keep
        });
    }
}

/// A set that is being resolved.
struct Open {
    set: EventSet,
    /// What has been found out so far, kept while the states of smaller sets are computed.
    work: Option<(Region, Weighed)>,
}

impl Open {
    fn new(set: EventSet) -> Self {
        Self { set, work: None }
    }
}

/// The state after an event that nothing came before.
pub(crate) fn alone(event: Event) -> Arc<State> {
    let mut memo = Memo::new();
    Resolver::new(&[event], &mut memo).settle(&EventSet::default().with(0)).state.clone()
}

/// Computes `resolve`.
pub(crate) struct Resolver<'a> {
    events: &'a [Event],
    memo: &'a mut Memo<Settled>,
    /// Whether settled parts may be taken as they are.
    cuts: bool,
    compared: Cell<u64>,
}

impl<'a> Resolver<'a> {
    /// By way of what is settled.
    pub(crate) fn new(events: &'a [Event], memo: &'a mut Memo<Settled>) -> Self {
        Self { events, memo, cuts: true, compared: Cell::new(0) }
    }

    /// By all events of a set at once, whatever is settled among them: slow, and plain. The memo must hold nothing but what
    /// was computed in this way.
    pub(crate) fn plain(events: &'a [Event], memo: &'a mut Memo<Settled>) -> Self {
        Self { cuts: false, ..Self::new(events, memo) }
    }

    /// What a set of events closed under ancestors comes to.
    pub(crate) fn settle(&mut self, set: &EventSet) -> Arc<Settled> {
        let mut open = vec![Open::new(set.clone())];
        loop {
            let Some(mut next) = open.pop() else { break };
            if self.memo.contains_key(&next.set) {
                continue;
            }
            match self.attempt(&mut next) {
                Ok(settled) => drop(self.memo.insert(next.set, Arc::new(settled))),
                Err(missing) => {
                    open.push(next);
                    open.extend(missing.into_iter().map(Open::new));
                }
            }
        }
        self.memo[set].clone()
    }

    /// The same, or the smaller sets that must be known first.
    fn attempt(&self, open: &mut Open) -> Result<Settled, Vec<EventSet>> {
        let events = Events { list: self.events, compared: &self.compared };
        let (region, weighed) = match open.work.take() {
            Some(work) => work,
            None => {
                let base = self.base(events, &open.set)?;
                (Region::new(events, base, &open.set), Weighed::default())
            }
        };
        match fixpoint::fixpoint(events, &region, &weighed, self.memo) {
            Ok(outcome) => Ok(assemble::assemble(events, &region, &outcome)),
            Err(missing) => {
                open.work = Some((region, weighed));
                Err(missing)
            }
        }
    }

    /// The settled part of a set: the highest that is decided.
    fn base(&self, events: Events<'_>, set: &EventSet) -> Result<Option<(EventSet, Arc<Settled>)>, Vec<EventSet>> {
        if !self.cuts {
            return Ok(None);
        }
        for part in cut::cuts(events, set) {
            match self.memo.get(&part) {
                Some(settled) if settled.is_decided() => return Ok(Some((part, settled.clone()))),
                Some(_) => {}
                None => return Err(vec![part]),
            }
        }
        Ok(None)
    }

    /// The votes of an account that are stale or void in a set of events closed under ancestors.
    pub(crate) fn lost_votes(&mut self, set: &EventSet, voter: Uri) -> BTreeSet<(VoteKind, Target)> {
        let settled = self.settle(set);
        lost::lost_votes(Events { list: self.events, compared: &self.compared }, &settled, voter)
    }

    /// How often two events were compared so far.
    #[cfg(test)]
    fn compared(&self) -> u64 {
        self.compared.get()
    }
}

//! `resolve(D)`: the state that a set of commits closed under ancestors stands for (validation §6).
//!
//! * [`apply`] is the fast path of one parent: the state of the past, changed by what the event itself says.
//! * [`union`] is the fast path of heads whose differences cannot contradict each other.
//! * [`endorse`] and [`fixpoint`] are the rules in full: who built on what, and which resolutions hold.
//! * [`assemble`] makes a state of the events that count.
//!
//! All are pure functions of the set: no clock, no commit id and no order of arrival decides anything of weight.

pub(crate) mod apply;
mod assemble;
mod endorse;
mod fixpoint;
mod lost;
mod standing;
mod union;

use crate::event::Event;
use crate::event_set::{EventNumber, EventSet};
use crate::state::State;
use parv_model::{Target, Uri, VoteKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The events of a conversation, numbered parents first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events<'a>(pub(crate) &'a [Event]);

impl<'a> Events<'a> {
    pub(crate) fn get(self, number: EventNumber) -> &'a Event {
        &self.0[number]
    }

    /// `x ≼ y`.
    fn le(self, x: EventNumber, y: EventNumber) -> bool {
        x == y || self.0[y].past.contains(x)
    }

    /// `x ∥ y`.
    fn concurrent(self, x: EventNumber, y: EventNumber) -> bool {
        !self.le(x, y) && !self.le(y, x)
    }

    /// An event and all its ancestors.
    fn closure(self, x: EventNumber) -> EventSet {
        self.0[x].past.with(x)
    }
}

/// What has been resolved already, by the set of events.
pub(crate) type Memo = BTreeMap<EventSet, Arc<State>>;

/// One computation of `resolve`, which needs the states of many smaller sets on its way.
pub(crate) struct Resolver<'a> {
    events: Events<'a>,
    memo: RefCell<&'a mut Memo>,
}

impl<'a> Resolver<'a> {
    pub(crate) fn new(events: &'a [Event], memo: &'a mut Memo) -> Self {
        Self { events: Events(events), memo: RefCell::new(memo) }
    }

    /// The state of a set of events closed under ancestors, by the rules in full.
    pub(crate) fn state(&self, set: &EventSet) -> Arc<State> {
        if let Some(state) = self.memo.borrow().get(set) {
            return state.clone();
        }
        let outcome = fixpoint::fixpoint(self, set);
        let state = Arc::new(assemble::assemble(self.events, set, &outcome));
        self.memo.borrow_mut().insert(set.clone(), state.clone());
        state
    }

    /// The state of two heads together: by the fast path where it applies.
    pub(crate) fn union(&self, one: (&EventSet, &Arc<State>), other: (&EventSet, &Arc<State>)) -> Arc<State> {
        let set = one.0.union(other.0);
        if let Some(state) = self.memo.borrow().get(&set) {
            return state.clone();
        }
        match union::union(self.events, one, other) {
            Some(state) => {
                self.memo.borrow_mut().insert(set, state.clone());
                state
            }
            None => self.state(&set),
        }
    }

    /// The votes of an account that are stale or void in a set of events; see [`lost::lost_votes`].
    pub(crate) fn lost_votes(&self, set: &EventSet, voter: Uri) -> BTreeSet<(VoteKind, Target)> {
        lost::lost_votes(self, set, &self.state(set), voter)
    }

    /// `resolve(anc∪self of x ∩ anc∪self of y)`: the common ground on which two events are weighed.
    fn common_ground(&self, x: EventNumber, y: EventNumber) -> Arc<State> {
        self.state(&self.events.closure(x).intersection(&self.events.closure(y)))
    }
}

//! What lies behind a commit: events, and who has already written on its control frontier. The same for every rule set.

use crate::event_set::{EventNumber, EventSet};
use crate::rules::{RuleSet, Weight};
use crate::settled::{Position, Step};
use imbl::OrdSet;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What lies behind a commit, itself included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past<A: Ord> {
    pub(crate) events: EventSet,
    /// The control events among them. Equal sets mean the same control frontier.
    pub(crate) control: EventSet,
    /// The accounts with a commit in this past that was written with just these control events in its own. The author of
    /// the latest control event is not among them: it was written without itself.
    pub(crate) writers: OrdSet<A>,
}

impl<A: Ord + Copy> Past<A> {
    /// The past of the first commit, seen from before it: nothing.
    pub(crate) fn empty() -> Self {
        Self { events: EventSet::default(), control: EventSet::default(), writers: OrdSet::new() }
    }

    /// What two heads know together.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let control = self.control.union(&other.control);
        let same_frontier = [self, other].into_iter().filter(|past| past.control == control);
        let writers = same_frontier.flat_map(|past| &past.writers).copied().collect();
        Self { events: self.events.union(&other.events), control, writers }
    }

    /// The same with one more event at its end.
    pub(crate) fn with(&self, number: EventNumber, author: A, weight: Weight) -> Self {
        let events = self.events.with(number);
        if weight == Weight::Control {
            Self { events, control: self.control.with(number), writers: OrdSet::new() }
        } else {
            let mut writers = self.writers.clone();
            writers.insert(author);
            Self { events, control: self.control.clone(), writers }
        }
    }
}

/// What lies behind some commits, and what it comes to.
#[derive(Debug)]
pub(crate) struct Standpoint<R: RuleSet> {
    pub(crate) past: Arc<Past<R::Account>>,
    pub(crate) state: Arc<R::State>,
    step: Step,
}

impl<R: RuleSet> Clone for Standpoint<R> {
    fn clone(&self) -> Self {
        Self { past: self.past.clone(), state: self.state.clone(), step: self.step }
    }
}

/// The standpoints of all commits, by number. The events behind a commit decide the rest of its past, so there is one for
/// every set of them.
#[derive(Debug)]
pub(crate) struct Standpoints<R: RuleSet> {
    list: Vec<Standpoint<R>>,
    numbers: BTreeMap<EventSet, u32>,
}

impl<R: RuleSet> Clone for Standpoints<R> {
    fn clone(&self) -> Self {
        Self { list: self.list.clone(), numbers: self.numbers.clone() }
    }
}

impl<R: RuleSet> Default for Standpoints<R> {
    fn default() -> Self {
        Self { list: Vec::new(), numbers: BTreeMap::new() }
    }
}

impl<R: RuleSet> Standpoints<R> {
    pub(crate) fn get(&self, number: u32) -> Option<&Standpoint<R>> {
        self.list.get(number as usize)
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// How each came about, and where the commits stand that have it.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        self.list.iter().map(|standpoint| standpoint.step)
    }

    /// The number of the standpoint with just these events.
    pub(crate) fn number(&self, events: &EventSet) -> Option<u32> {
        self.numbers.get(events).copied()
    }

    /// Adds one that is not there yet; gives its number.
    pub(crate) fn push(&mut self, past: Arc<Past<R::Account>>, state: Arc<R::State>, step: Step) -> u32 {
        // There is a commit for every one, and no more of those than a position can say.
        let number = self.list.len() as u32;
        self.numbers.insert(past.events.clone(), number);
        self.list.push(Standpoint { past, state, step });
        number
    }

    /// Notes that the commit at a position, and none after it, has the standpoint with this number.
    pub(crate) fn extend(&mut self, number: u32, position: Position) {
        if let Some(standpoint) = self.list.get_mut(number as usize) {
            standpoint.step.last = position;
        }
    }

    /// Leaves the oldest ones, up to this length.
    pub(crate) fn truncate(&mut self, length: usize) {
        for standpoint in self.list.drain(length.min(self.list.len())..) {
            self.numbers.remove(&standpoint.past.events);
        }
    }
}

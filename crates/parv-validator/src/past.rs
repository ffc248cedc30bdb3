//! What lies behind a commit: events, and who has already written on its control frontier. The same for every rule set.

use crate::event_set::{EventNumber, EventSet};
use crate::rules::Weight;
use imbl::OrdSet;

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

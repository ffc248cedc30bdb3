//! Where a set of events can be cut.

use super::Events;
use crate::event_set::EventSet;

/// The parts of a set, the largest first, that every event of the rest has seen whole; neither the part nor the rest is
/// empty.
///
/// Nothing in such a part can be weighed anew by the rest: whoever wrote there knew both sides of whatever was concurrent
/// below. In the order of their numbers, parents first, the events of such a part come before all others; so one walk
/// from the newest event down finds them all, and it goes no further than it is followed.
pub(super) fn cuts<'a>(events: Events<'a>, set: &'a EventSet) -> impl Iterator<Item = EventSet> + 'a {
    // The first event that one of those above has not seen.
    let mut unseen = usize::MAX;
    let mut above = false;
    set.iter_rev().filter_map(move |e| {
        let cut = above && e < unseen;
        above = true;
        unseen = unseen.min(set.first_missing_in(&events.get(e).past).unwrap_or(e));
        cut.then(|| set.below(e + 1))
    })
}

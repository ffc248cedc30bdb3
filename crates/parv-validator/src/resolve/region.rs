//! The part of a set that is not settled.

use super::counts::{self, Counts};
use super::standing::About;
use super::{Events, Settled};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use parv_model::{Target, Uri, VoteKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The events above a settled part, every one of which has seen all of that.
pub(super) struct Region {
    /// What lies below; nothing at the beginning.
    pub(super) base: Option<Arc<Settled>>,
    /// The events, parents first.
    pub(super) all: Vec<EventNumber>,
    /// The control events among them.
    pub(super) control: Vec<EventNumber>,
    by_author: BTreeMap<Uri, Vec<EventNumber>>,
    about: BTreeMap<Target, Vec<EventNumber>>,
    lists: BTreeMap<Uri, Vec<EventNumber>>,
    votes: BTreeMap<(VoteKind, Target), Vec<EventNumber>>,
    nothing: Counts,
}

impl Region {
    /// The events of `set` that are not in the settled part.
    pub(super) fn new(events: Events<'_>, base: Option<(EventSet, Arc<Settled>)>, set: &EventSet) -> Self {
        let (below, base) = base.unzip();
        let mut region = Self {
            base,
            all: set.difference(&below.unwrap_or_default()).collect(),
            control: Vec::new(),
            by_author: BTreeMap::new(),
            about: BTreeMap::new(),
            lists: BTreeMap::new(),
            votes: BTreeMap::new(),
            nothing: Counts::default(),
        };
        for &e in &region.all {
            let event = events.get(e);
            region.by_author.entry(event.author).or_default().push(e);
            if event.is_control() {
                region.control.push(e);
            }
            for target in counts::subjects(events, e) {
                region.about.entry(target).or_default().push(e);
            }
            if event.brought.list.is_some() {
                region.lists.entry(event.author).or_default().push(e);
            }
            if let Act::Vote { kind, target, .. } = event.act {
                region.votes.entry((kind, target)).or_default().push(e);
            }
        }
        region
    }

    /// What counts below.
    pub(super) fn below(&self) -> &Counts {
        self.base.as_ref().map_or(&self.nothing, |base| &base.counts)
    }

    /// What an account wrote.
    pub(super) fn by_author(&self, account: &Uri) -> &[EventNumber] {
        self.by_author.get(account).map_or(&[], Vec::as_slice)
    }

    /// The events about an account or a device, whether they count or not.
    pub(super) fn about(&self, target: &Target) -> &[EventNumber] {
        self.about.get(target).map_or(&[], Vec::as_slice)
    }

    /// The events by which an account brought revocation lists.
    pub(super) fn lists(&self, account: &Uri) -> &[EventNumber] {
        self.lists.get(account).map_or(&[], Vec::as_slice)
    }

    /// The votes that a resolution rests on, but for those below: of its kind and target, in its past.
    pub(super) fn votes_for<'a>(
        &'a self,
        events: Events<'a>,
        resolution: EventNumber,
    ) -> impl Iterator<Item = EventNumber> + 'a {
        let matter = events.get(resolution).resolution();
        let votes = matter.and_then(|matter| self.votes.get(&matter)).map_or(&[][..], Vec::as_slice);
        votes.iter().copied().filter(move |&v| events.lt(v, resolution))
    }

    /// What counts of all that is about `target` in the eyes of `e`; `counts` says so of the events of the region.
    pub(super) fn seen_by<'a>(
        &'a self,
        events: Events<'a>,
        e: EventNumber,
        target: Target,
        counts: impl Fn(EventNumber) -> bool + 'a,
    ) -> About<'a> {
        let here = self.about(&target).iter().copied().take_while(move |&x| x < e);
        let here = here.filter(move |&x| counts(x) && events.lt(x, e));
        About::new(events, target, self.below().about(target).chain(here))
    }
}

//! Endorsement: who built on what without knowing what (validation §6, "Endorsement", "Duels", "No rollback").

use super::{Events, Resolver};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use parv_model::{Target, Uri, VoteKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// How many admins, and how many members or invitees, of the common ground built on one side only. Compared as a pair.
type Weight = (usize, usize);

/// What can void acts that are concurrent with it. One event can be both: a resolution that brings a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// A ban or a demotion, taken to hold.
    Resolution(EventNumber),
    /// A revocation list. It holds unconditionally, whatever becomes of the commit that brought it.
    List(EventNumber),
}

impl Removal {
    fn event(self) -> EventNumber {
        match self {
            Self::Resolution(r) | Self::List(r) => r,
        }
    }

    /// Whom it is about; a ban of a device, whose that is; a list, its own account.
    fn account(self, events: Events<'_>) -> Option<Uri> {
        match self {
            Self::Resolution(r) => match events.get(r).resolution()? {
                (_, Target::Account(uri)) => Some(uri),
                (_, Target::Device(device)) => events.get(r).before.owner(&device),
            },
            Self::List(r) => Some(events.get(r).author),
        }
    }
}

/// Answers questions of endorsement about one set of events.
pub(super) struct Endorsement<'r, 'a> {
    resolver: &'r Resolver<'a>,
    all: Vec<EventNumber>,
    votes: Vec<EventNumber>,
    by_author: BTreeMap<Uri, Vec<EventNumber>>,
    weights: RefCell<BTreeMap<(EventNumber, EventNumber), Weight>>,
    stale: RefCell<BTreeMap<(EventNumber, Option<EventNumber>), bool>>,
}

impl<'r, 'a> Endorsement<'r, 'a> {
    pub(super) fn new(resolver: &'r Resolver<'a>, set: &EventSet) -> Self {
        let all: Vec<EventNumber> = set.iter().collect();
        let events = resolver.events;
        let votes = all.iter().copied().filter(|&e| matches!(events.get(e).act, Act::Vote { .. })).collect();
        let mut by_author: BTreeMap<Uri, Vec<EventNumber>> = BTreeMap::new();
        for &number in &all {
            by_author.entry(events.get(number).author).or_default().push(number);
        }
        Self { resolver, all, votes, by_author, weights: RefCell::default(), stale: RefCell::default() }
    }

    /// The events of the set, parents first.
    pub(super) fn all(&self) -> &[EventNumber] {
        &self.all
    }

    /// The votes that a resolution rests on: those of its kind and target in its past.
    pub(super) fn votes_for(&self, resolution: EventNumber) -> impl Iterator<Item = EventNumber> + '_ {
        let events = self.resolver.events;
        let past = &events.get(resolution).past;
        let about = events.get(resolution).resolution();
        self.votes.iter().copied().filter(move |&v| match events.get(v).act {
            Act::Vote { kind, target, .. } => past.contains(v) && about == Some((kind, target)),
            _ => false,
        })
    }

    /// Whether `n` knows `x`: has it in its past or is it. Of a witness only what its author knew counts, so it is known to
    /// whoever knows all of that (decision 0006).
    fn knows(&self, n: EventNumber, x: EventNumber) -> bool {
        let (event, witness) = (self.resolver.events.get(n), self.resolver.events.get(x));
        if witness.is_control() {
            return self.resolver.events.le(x, n);
        }
        witness.known.difference(&event.known).iter().all(|&unknown| unknown == n)
    }

    /// `who(x|y)`: accounts that built on `x` without knowing `y`; for a resolution also its voters, by votes that `y`
    /// has not seen.
    fn who(&self, x: EventNumber, y: EventNumber) -> BTreeSet<Uri> {
        let events = self.resolver.events;
        let built = self.all.iter().copied().filter(|&k| self.knows(k, x) && !self.knows(k, y));
        let voters = self.votes_for(x).filter(|&v| !self.knows(v, y) && !events.le(v, y));
        built.chain(voters).map(|k| events.get(k).author).collect()
    }

    /// `E(x|y)`.
    fn weight(&self, x: EventNumber, y: EventNumber) -> Weight {
        if let Some(&weight) = self.weights.borrow().get(&(x, y)) {
            return weight;
        }
        let ground = self.resolver.common_ground(x, y);
        let who = self.who(x, y);
        let admins = who.iter().filter(|uri| ground.is_admin(uri)).count();
        let people = who
            .iter()
            .filter(|uri| ground.is_member(uri) || ground.role(uri) == Some(parv_model::Role::Invited))
            .count();
        self.weights.borrow_mut().insert((x, y), (admins, people));
        (admins, people)
    }

    /// `x ≻ y`: which of two concurrent resolutions outranks the other.
    pub(super) fn outranks(&self, x: EventNumber, y: EventNumber) -> bool {
        let (wx, wy) = (self.weight(x, y), self.weight(y, x));
        if wx != wy {
            return wx > wy;
        }
        let ground = self.resolver.common_ground(x, y);
        let rank: BTreeMap<Uri, usize> = ground.admins().enumerate().map(|(rank, uri)| (uri, rank)).collect();
        let events = self.resolver.events;
        let voters = |r| self.votes_for(r).map(|v| events.get(v).author).collect::<BTreeSet<Uri>>();
        let (vx, vy) = (voters(x), voters(y));
        let most_senior = |these: &BTreeSet<Uri>, those: &BTreeSet<Uri>| {
            these.difference(those).filter_map(|uri| rank.get(uri)).min().copied().unwrap_or(usize::MAX)
        };
        most_senior(&vx, &vy) < most_senior(&vy, &vx)
    }

    /// Whether a vote or resolution is stale: its author also acted under another regime, knowing control events that it
    /// does not know, and that side weighs more. What `seen_by` has seen does not count against it.
    pub(super) fn stale(&self, v: EventNumber, seen_by: Option<EventNumber>) -> bool {
        if let Some(&stale) = self.stale.borrow().get(&(v, seen_by)) {
            return stale;
        }
        let events = self.resolver.events;
        let event = events.get(v);
        let stale = self.by_author[&event.author].iter().any(|&k| {
            events.concurrent(k, v)
                && self.knows_more(k, v)
                && !seen_by.is_some_and(|r| events.le(k, r))
                && !same_regime(&events.get(k).before, &event.before)
                && self.weight(k, v) > self.weight(v, k)
        });
        self.stale.borrow_mut().insert((v, seen_by), stale);
        stale
    }

    /// Whether `k` knows, or is, a control event that `v` does not know.
    fn knows_more(&self, k: EventNumber, v: EventNumber) -> bool {
        let (k, v) = (self.resolver.events.get(k), self.resolver.events.get(v));
        k.is_control() || !k.known.is_subset(&v.known)
    }

    /// Whether more than half of the admins of `removal`'s past, without the one it is about, hold a commit that knows `e`
    /// and not `removal`.
    pub(super) fn endorsed(&self, e: EventNumber, removal: Removal) -> bool {
        let events = self.resolver.events;
        let (removal, about) = (removal.event(), removal.account(events));
        let before = &events.get(removal).before;
        let electorate: BTreeSet<Uri> = before.admins().filter(|uri| Some(*uri) != about).collect();
        let holders: BTreeSet<Uri> = self
            .all
            .iter()
            .filter(|&&k| events.le(e, k) && !events.le(removal, k))
            .map(|&k| events.get(k).author)
            .filter(|uri| electorate.contains(uri))
            .collect();
        2 * holders.len() > electorate.len()
    }

    /// Whether a removal would void `e`, before endorsements are looked at: it is about `e`'s author, concurrent, and has
    /// seen their admission. A demotion touches votes and resolutions only, a list or the ban of a device what those devices
    /// wrote.
    pub(super) fn hits(&self, removal: Removal, e: EventNumber) -> bool {
        let events = self.resolver.events;
        let event = events.get(e);
        if removal.account(events) != Some(event.author) || !events.concurrent(removal.event(), e) {
            return false;
        }
        let has_seen_admission = || self.admission(e).is_some_and(|admission| events.le(admission, removal.event()));
        match removal {
            Removal::List(r) => {
                let list = &events.get(r).brought.list;
                let revoked =
                    list.as_ref().zip(event.serial).is_some_and(|(list, serial)| list.revoked.contains(&serial));
                revoked && has_seen_admission()
            }
            Removal::Resolution(r) => match events.get(r).resolution() {
                Some((VoteKind::Ban, Target::Device(device))) => device == event.device && has_seen_admission(),
                Some((VoteKind::Ban, Target::Account(_))) => has_seen_admission(),
                Some((VoteKind::Demote, _)) => matches!(event.act, Act::Vote { .. } | Act::Resolve { .. }),
                _ => false,
            },
        }
    }

    /// The last time the author of `e` came in, as `e` knows it.
    fn admission(&self, e: EventNumber) -> Option<EventNumber> {
        let events = self.resolver.events;
        let own = self.by_author.get(&events.get(e).author)?;
        let admissions = own
            .iter()
            .copied()
            .filter(|&k| events.le(k, e) && matches!(events.get(k).act, Act::Initial { .. } | Act::Join));
        admissions.max_by_key(|&k| events.get(k).key())
    }
}

fn same_regime(one: &crate::State, other: &crate::State) -> bool {
    let admins = |state: &crate::State| state.admins().collect::<BTreeSet<Uri>>();
    admins(one) == admins(other)
}

//! Endorsement: who built on what without knowing what (validation §6, "Endorsement", "Duels", "No rollback").
//!
//! Only the events of a region are ever weighed against each other: what lies below has been seen by both sides. Their
//! weight is measured in the state of their common ground, which is a smaller set; one that is not known yet is noted as
//! missing, and the question is asked again when it is.

use super::region::Region;
use super::{Events, Settled};
use crate::event::Act;
use crate::event_set::{EventNumber, EventSet};
use crate::rules::Memo;
use crate::state::{Seniority, State};
use imbl::OrdSet;
use parv_model::{Role, Target, Uri, VoteKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// How many admins, and how many members or invitees, of the common ground built on one side only. Compared as a pair.
type Weight = (usize, usize);

/// What can void acts that are concurrent with it. One event can be both: a resolution that brings a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

/// A removal that would void an event if it held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) removal: Removal,
    /// Whether a majority of the others holds on to the event all the same.
    pub(super) endorsed: bool,
}

/// Who built on an event: of every account the earliest commits that know it. Later ones know no less, so whoever did not
/// know something else is found among these.
type Followers = Rc<BTreeMap<Uri, Vec<EventNumber>>>;

/// What has been weighed so far.
#[derive(Default)]
pub(super) struct Weighed {
    followers: RefCell<BTreeMap<EventNumber, Followers>>,
    weights: RefCell<BTreeMap<(EventNumber, EventNumber), Weight>>,
    outranks: RefCell<BTreeMap<(EventNumber, EventNumber), bool>>,
    voters: RefCell<BTreeMap<EventNumber, Rc<BTreeSet<Uri>>>>,
    stale: RefCell<BTreeMap<(EventNumber, Option<EventNumber>), bool>>,
    hits: RefCell<BTreeMap<EventNumber, Rc<[Hit]>>>,
    electorates: RefCell<BTreeMap<Removal, Rc<BTreeSet<Uri>>>>,
    regimes: RefCell<Regimes>,
}

/// Sets of admins, numbered, so that they need not be compared again and again.
#[derive(Default)]
struct Regimes {
    by_event: BTreeMap<EventNumber, usize>,
    met: Vec<(OrdSet<(Seniority, Uri)>, usize)>,
    numbers: BTreeMap<BTreeSet<Uri>, usize>,
}

/// Answers questions of endorsement about a region.
pub(super) struct Endorsement<'a> {
    events: Events<'a>,
    region: &'a Region,
    weighed: &'a Weighed,
    memo: &'a Memo<Settled>,
    missing: RefCell<BTreeSet<EventSet>>,
}

impl<'a> Endorsement<'a> {
    pub(super) fn new(events: Events<'a>, region: &'a Region, weighed: &'a Weighed, memo: &'a Memo<Settled>) -> Self {
        Self { events, region, weighed, memo, missing: RefCell::default() }
    }

    /// The common grounds whose states were asked for and are not known; answers since may be wrong.
    pub(super) fn missing(&self) -> Result<(), Vec<EventSet>> {
        let missing = self.missing.take();
        if missing.is_empty() { Ok(()) } else { Err(missing.into_iter().collect()) }
    }

    fn is_exact(&self) -> bool {
        self.missing.borrow().is_empty()
    }

    /// Whether `n` knows `x`: has it in its past or is it. Of a witness only what its author knew counts, so it is known to
    /// whoever knows all of that (decision 0006).
    fn knows(&self, n: EventNumber, x: EventNumber) -> bool {
        let witness = self.events.get(x);
        if witness.is_control() {
            return self.events.le(x, n);
        }
        let event = self.events.get(n);
        event.known == witness.known || witness.known.difference(&event.known).all(|unknown| unknown == n)
    }

    fn followers(&self, x: EventNumber) -> Followers {
        if let Some(followers) = self.weighed.followers.borrow().get(&x) {
            return followers.clone();
        }
        // Only of a witness do those know who were numbered before it.
        let from = if self.events.get(x).is_control() { self.region.all.partition_point(|&k| k < x) } else { 0 };
        let mut followers: BTreeMap<Uri, Vec<EventNumber>> = BTreeMap::new();
        for &k in self.region.all[from..].iter().filter(|&&k| self.knows(k, x)) {
            let earliest = followers.entry(self.events.get(k).author).or_default();
            if !earliest.iter().any(|&earlier| self.events.le(earlier, k)) {
                earliest.push(k);
            }
        }
        let followers = Rc::new(followers);
        self.weighed.followers.borrow_mut().insert(x, followers.clone());
        followers
    }

    /// `who(x|y)`: accounts that built on `x` without knowing `y`; for a resolution also its voters, by votes that `y`
    /// has not seen.
    fn who(&self, x: EventNumber, y: EventNumber) -> BTreeSet<Uri> {
        let followers = self.followers(x);
        let built = followers.iter().filter(|(_, earliest)| earliest.iter().any(|&k| !self.knows(k, y)));
        let votes = self.region.votes_for(self.events, x).filter(|&v| !self.knows(v, y) && !self.events.le(v, y));
        built.map(|(account, _)| *account).chain(votes.map(|v| self.events.get(v).author)).collect()
    }

    /// `anc∪self of x ∩ anc∪self of y`.
    fn ground(&self, x: EventNumber, y: EventNumber) -> EventSet {
        self.events.closure(x).intersection(&self.events.closure(y))
    }

    /// The state of the common ground on which two events are weighed.
    fn state_of_ground(&self, x: EventNumber, y: EventNumber) -> Option<Arc<State>> {
        let ground = self.ground(x, y);
        let state = self.memo.get(&ground).map(|settled| settled.state.clone());
        if state.is_none() {
            self.missing.borrow_mut().insert(ground);
        }
        state
    }

    /// `E(x|y)`.
    fn weight(&self, x: EventNumber, y: EventNumber) -> Option<Weight> {
        if let Some(&weight) = self.weighed.weights.borrow().get(&(x, y)) {
            return Some(weight);
        }
        let ground = self.state_of_ground(x, y)?;
        let mut weight = (0, 0);
        for account in self.who(x, y) {
            match ground.role(&account) {
                Some(Role::Admin) => weight = (weight.0 + 1, weight.1 + 1),
                Some(Role::Member | Role::Invited) => weight.1 += 1,
                Some(Role::Banned | Role::Left) | None => {}
            }
        }
        self.weighed.weights.borrow_mut().insert((x, y), weight);
        Some(weight)
    }

    /// Everybody who voted for a resolution, whatever became of the vote.
    fn voters(&self, resolution: EventNumber) -> Rc<BTreeSet<Uri>> {
        if let Some(voters) = self.weighed.voters.borrow().get(&resolution) {
            return voters.clone();
        }
        let here = self.region.votes_for(self.events, resolution).map(|v| self.events.get(v).author);
        let matter = self.events.get(resolution).resolution();
        let below = matter.into_iter().flat_map(|(kind, target)| self.region.below().voters(kind, target));
        let voters: Rc<BTreeSet<Uri>> = Rc::new(here.chain(below).collect());
        self.weighed.voters.borrow_mut().insert(resolution, voters.clone());
        voters
    }

    /// `x ≻ y`: whether the first of two concurrent resolutions outranks the other.
    pub(super) fn outranks(&self, x: EventNumber, y: EventNumber) -> bool {
        if let Some(&outranks) = self.weighed.outranks.borrow().get(&(x, y)) {
            return outranks;
        }
        let outranks = match (self.weight(x, y), self.weight(y, x)) {
            (Some(one), Some(other)) if one != other => one > other,
            (Some(_), Some(_)) => {
                let Some(ground) = self.state_of_ground(x, y) else { return false };
                let (one, other) = (self.voters(x), self.voters(y));
                // The most senior admin who voted for one and not for the other decides.
                let mut seniors = ground.admins();
                seniors.find(|uri| one.contains(uri) != other.contains(uri)).is_some_and(|uri| one.contains(&uri))
            }
            _ => return false,
        };
        self.weighed.outranks.borrow_mut().insert((x, y), outranks);
        outranks
    }

    /// Whether a vote or resolution is stale: its author also acted under another regime, knowing control events that it
    /// does not know, and that side weighs more. What `seen_by` has seen does not count against it.
    pub(super) fn stale(&self, v: EventNumber, seen_by: Option<EventNumber>) -> bool {
        if let Some(&stale) = self.weighed.stale.borrow().get(&(v, seen_by)) {
            return stale;
        }
        let stale = self.is_stale(v, seen_by);
        if self.is_exact() {
            self.weighed.stale.borrow_mut().insert((v, seen_by), stale);
        }
        stale
    }

    fn is_stale(&self, v: EventNumber, seen_by: Option<EventNumber>) -> bool {
        let events = self.events;
        // Along a line of the author's own commits on the same ground, the side of a later one is never heavier.
        let mut too_light: Vec<(EventNumber, EventSet)> = Vec::new();
        for &k in self.region.by_author(&events.get(v).author) {
            if !events.concurrent(k, v)
                || !self.knows_more(k, v)
                || seen_by.is_some_and(|r| events.le(k, r))
                || self.regime(k) == self.regime(v)
            {
                continue;
            }
            let ground = self.ground(k, v);
            let votes_weigh = events.get(k).resolution().is_some();
            if !votes_weigh && too_light.iter().any(|(earlier, same)| *same == ground && events.le(*earlier, k)) {
                continue;
            }
            match (self.weight(k, v), self.weight(v, k)) {
                (Some(other), Some(own)) if other > own => return true,
                (Some(_), Some(_)) => too_light.push((k, ground)),
                _ => {}
            }
        }
        false
    }

    /// Whether `k` knows, or is, a control event that `v` does not know.
    fn knows_more(&self, k: EventNumber, v: EventNumber) -> bool {
        let (k, v) = (self.events.get(k), self.events.get(v));
        k.is_control() || !k.known.is_subset(&v.known)
    }

    /// A number for the set of admins that an event was written under.
    fn regime(&self, e: EventNumber) -> usize {
        let mut regimes = self.weighed.regimes.borrow_mut();
        let Regimes { by_event, met, numbers } = &mut *regimes;
        *by_event.entry(e).or_insert_with(|| {
            let admins = &self.events.get(e).before.admins;
            if let Some((_, number)) = met.iter().find(|(known, _)| known.ptr_eq(admins)) {
                return *number;
            }
            let next = numbers.len();
            let number = *numbers.entry(admins.iter().map(|(_, uri)| *uri).collect()).or_insert(next);
            met.push((admins.clone(), number));
            number
        })
    }

    /// What would void `e` if it held: every ban or demotion of its author, ban of its device and list of its account that
    /// is concurrent with it and has seen the author's admission.
    pub(super) fn hits(&self, e: EventNumber) -> Rc<[Hit]> {
        if let Some(hits) = self.weighed.hits.borrow().get(&e) {
            return hits.clone();
        }
        let event = self.events.get(e);
        let about_author = self.region.about(&event.author.into());
        let resolutions = about_author.iter().chain(self.region.about(&event.device.into()));
        let lists = self.region.lists(&event.author);
        let removals = resolutions.map(|&r| Removal::Resolution(r)).chain(lists.iter().map(|&r| Removal::List(r)));
        let hit = |removal: Removal| Hit { removal, endorsed: self.endorsed(e, removal) };
        let hits: Rc<[Hit]> = removals.filter(|&removal| self.does_hit(removal, e)).map(hit).collect();
        self.weighed.hits.borrow_mut().insert(e, hits.clone());
        hits
    }

    /// A demotion touches votes and resolutions only, a list or the ban of a device what those devices wrote.
    fn does_hit(&self, removal: Removal, e: EventNumber) -> bool {
        let events = self.events;
        let event = events.get(e);
        if removal.account(events) != Some(event.author) || !events.concurrent(removal.event(), e) {
            return false;
        }
        match removal {
            Removal::List(r) => {
                let list = events.get(r).brought.list.as_ref();
                let revoked = list.zip(event.serial).is_some_and(|(list, serial)| list.revoked.contains(&serial));
                revoked && self.has_seen_admission(r, e)
            }
            Removal::Resolution(r) => match events.get(r).resolution() {
                Some((VoteKind::Ban, _)) => self.has_seen_admission(r, e),
                Some((VoteKind::Demote, _)) => matches!(event.act, Act::Vote { .. } | Act::Resolve { .. }),
                _ => false,
            },
        }
    }

    /// Whether `removal` has seen the last time that the author of `e` came in, as `e` knows it. One that lies below the
    /// region has been seen by all.
    fn has_seen_admission(&self, removal: EventNumber, e: EventNumber) -> bool {
        let events = self.events;
        let own = self.region.by_author(&events.get(e).author).iter().copied();
        let admissions =
            own.filter(|&k| matches!(events.get(k).act, Act::Initial { .. } | Act::Join) && events.le(k, e));
        match admissions.max_by_key(|&k| events.get(k).key()) {
            Some(admission) => events.le(admission, removal),
            None => self.region.base.is_some(),
        }
    }

    /// Whether more than half of the admins of a removal's past, without the one it is about, hold a commit that knows `e`
    /// and not the removal. Where there are no others, anybody else who holds one is enough: else an account that was once
    /// alone could revoke the device with which it began, and void all that has been built since (decision 0015).
    fn endorsed(&self, e: EventNumber, removal: Removal) -> bool {
        let electorate = self.electorate(removal);
        let followers = self.followers(e);
        let mut unaware = followers
            .iter()
            .filter(|(_, earliest)| earliest.iter().any(|&k| !self.events.le(removal.event(), k)))
            .map(|(account, _)| *account);
        if electorate.is_empty() {
            let about = removal.account(self.events);
            return unaware.any(|account| Some(account) != about);
        }
        2 * unaware.filter(|account| electorate.contains(account)).count() > electorate.len()
    }

    fn electorate(&self, removal: Removal) -> Rc<BTreeSet<Uri>> {
        let mut electorates = self.weighed.electorates.borrow_mut();
        let electorate = electorates.entry(removal).or_insert_with(|| {
            let about = removal.account(self.events);
            let before = &self.events.get(removal.event()).before;
            Rc::new(before.admins().filter(|uri| Some(*uri) != about).collect())
        });
        electorate.clone()
    }
}

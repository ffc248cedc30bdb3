//! Which events count, and the state that they come to (validation §6, "Fixpoint").

use super::standing::{Membership, View};
use super::weight::Weights;
use super::{Deed, History, Person, Set, State};
use parv_model::{Category, Mode, VoteKind};
use std::collections::BTreeSet;
use std::rc::Rc;

/// What one fold gives.
struct Fold {
    /// Resolutions that hold.
    holding: BTreeSet<usize>,
    /// Everything that counts.
    alive: Vec<usize>,
}

impl History {
    /// The state of a set of events closed under ancestors.
    pub(super) fn resolve(&self, set: &Set) -> Rc<State> {
        if let Some(state) = self.known.borrow().get(set) {
            return state.clone();
        }
        let weights = Weights::new(self, set);
        let mut least = BTreeSet::new();
        let (alive, undecided) = loop {
            let greatest = self.fold(&weights, &least, None).holding;
            let next = self.fold(&weights, &greatest, None).holding;
            if next == least {
                break (self.fold(&weights, &least, Some(&least)).alive, &greatest - &least);
            }
            least = next;
        };
        let state = Rc::new(self.assemble(set, &alive, undecided));
        self.known.borrow_mut().insert(set.clone(), state.clone());
        state
    }

    pub(super) fn mode(&self) -> Mode {
        match self.events[0].deed {
            Deed::Begin(mode, _) => mode,
            _ => unreachable!("a history begins with its first event"),
        }
    }

    fn removes(&self, x: usize) -> bool {
        matches!(self.events[x].deed.resolved(), Some((VoteKind::Ban | VoteKind::Demote, _)))
    }

    /// One pass, with `holds` as the resolutions that hold wherever something is taken away. With `only`, no other
    /// resolution comes to life.
    fn fold(&self, weights: &Weights<'_>, holds: &BTreeSet<usize>, only: Option<&BTreeSet<usize>>) -> Fold {
        let removals: Vec<usize> = holds.iter().copied().filter(|&r| self.removes(r)).collect();
        let mut fold = Fold { holding: BTreeSet::new(), alive: Vec::new() };
        // Votes that their authors were entitled to cast, void or not.
        let mut cast = BTreeSet::new();
        for &e in &weights.all {
            let event = &self.events[e];
            let mut counted: Vec<usize> = fold.alive.iter().copied().filter(|&f| !self.removes(f)).collect();
            counted.extend(&removals);
            let view = View { history: self, counted: &counted, from: &self.places[e].past };
            let banned_device = !view.device_bans_in_force((event.who, event.device)).is_empty();
            if banned_device || !self.entitled(&view, event.who, event.deed) {
                continue;
            }
            let hit_by = |v: usize| removals.iter().copied().filter(move |&r| weights.hits(r, v));
            let counts = match event.deed {
                Deed::Vote(..) | Deed::VoteOnDevice(..) => {
                    cast.insert(e);
                    hit_by(e).all(|r| weights.endorsed(e, r)) && !weights.stale(e, None)
                }
                Deed::Resolve(..) | Deed::ResolveOnDevice(..) => {
                    let target = |r: usize| self.events[r].deed.resolved().map(|(_, target)| target);
                    let earlier = |r: &&usize| **r != e && self.le(**r, e) && target(**r) == target(e);
                    let vote_counts = |v: &usize| {
                        cast.contains(v)
                            && !weights.stale(*v, Some(e))
                            && hit_by(*v).all(|r| {
                                if self.concurrent(e, r) { weights.outranks(e, r) } else { weights.endorsed(*v, r) }
                            })
                            && holds.iter().filter(earlier).all(|&r| self.le(r, *v))
                            && view.is_admin(self.events[*v].who)
                    };
                    let votes = weights.votes_for(e).into_iter().filter(vote_counts);
                    let voters: BTreeSet<Person> = votes.map(|v| self.events[v].who).collect();
                    let holds = hit_by(e).all(|r| weights.outranks(e, r))
                        && !weights.stale(e, None)
                        && only.is_none_or(|only| only.contains(&e))
                        && 2 * voters.len() > self.before(e).admins.len();
                    if holds {
                        fold.holding.insert(e);
                    }
                    holds
                }
                _ => hit_by(e).all(|r| weights.endorsed(e, r)),
            };
            if counts {
                fold.alive.push(e);
            }
        }
        fold
    }

    fn entitled(&self, view: &View<'_>, who: Person, deed: Deed) -> bool {
        match deed {
            Deed::Begin(..) => true,
            Deed::Join => match view.membership(who) {
                Membership::Invited => true,
                Membership::Stranger | Membership::Left => self.mode() == Mode::Public,
                Membership::Member | Membership::Banned => false,
            },
            Deed::Vote(..) | Deed::Resolve(..) | Deed::VoteOnDevice(..) | Deed::ResolveOnDevice(..) => {
                view.is_admin(who)
            }
            Deed::Profile => view.is_admin(who),
            Deed::Add(_) if self.mode() == Mode::AdminInvitesOnly => view.is_admin(who),
            Deed::Add(_) | Deed::Leave | Deed::Text | Deed::Merge => view.membership(who) == Membership::Member,
        }
    }

    fn assemble(&self, set: &Set, alive: &[usize], undecided: BTreeSet<usize>) -> State {
        let view = View { history: self, counted: alive, from: set };
        let mut state = State { undecided, ..State::default() };
        let mut people = BTreeSet::new();
        for &e in alive {
            people.insert(self.events[e].who);
            match self.events[e].deed {
                Deed::Add(u) | Deed::Resolve(_, u) | Deed::Begin(_, Some(u)) => drop(people.insert(u)),
                _ => {}
            }
        }
        let mut admins = Vec::new();
        for u in people {
            // An account certificate comes with the first commit or a join, and must be there to be shown.
            let came_in =
                |&e: &usize| self.events[e].who == u && matches!(self.events[e].deed, Deed::Begin(..) | Deed::Join);
            let certified = alive.iter().any(came_in);
            match view.membership(u) {
                Membership::Member if !certified => {}
                Membership::Member => match view.promotions(u).into_iter().map(|p| self.key(p)).min() {
                    Some(key) => admins.push((key, u)),
                    None => drop(state.members.insert(u)),
                },
                Membership::Banned => {
                    let folders = view.bans_in_force(u).into_iter().filter_map(|b| self.places[b].category);
                    let highest = folders.min().filter(|_| certified).unwrap_or(Category::Invited);
                    state.banned.insert(u, highest);
                }
                Membership::Invited => drop(state.invited.insert(u)),
                Membership::Left => drop(state.left.insert(u)),
                Membership::Stranger => {}
            }
        }
        admins.sort();
        state.admins = admins.into_iter().map(|(_, u)| u).collect();
        for &e in alive {
            let who = self.events[e].who;
            let after = |ends: Vec<usize>| ends.into_iter().all(|end| self.le(end, e));
            let mut shown = Vec::new();
            if self.places[e].brings_device {
                shown.push((who, self.events[e].device));
            }
            if let Deed::ResolveOnDevice(VoteKind::Unban, device) = self.events[e].deed
                && self.before(e).is_member(device.0)
            {
                shown.push(device);
            }
            for device in shown {
                let ends = [view.bans(device.0), view.leaves(device.0), view.device_bans(device)];
                if state.is_member(device.0) && ends.into_iter().all(after) {
                    state.devices.insert(device);
                }
            }
            if let Deed::ResolveOnDevice(_, device) = self.events[e].deed
                && !view.device_bans_in_force(device).is_empty()
            {
                state.banned_devices.insert(device);
            }
            let in_office =
                state.is_admin(who) && [view.bans(who), view.leaves(who), view.demotions(who)].into_iter().all(after);
            if let Deed::VoteOnDevice(kind, device) = self.events[e].deed
                && in_office
                && after(view.device_resolutions(device))
                && after(view.bans(device.0))
                && after(view.leaves(device.0))
            {
                state.votes_on_devices.insert((kind, device, who));
            }
            if let Deed::Vote(kind, target) = self.events[e].deed
                && in_office
                && after(view.resolutions(target))
                && after(view.leaves(target))
            {
                state.votes.insert((kind, target, who));
            }
        }
        state
    }
}

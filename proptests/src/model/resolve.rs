//! Which events count, and the state that they come to (validation §6, "Fixpoint").

use super::standing::{Membership, View};
use super::weight::{Removal, Weights};
use super::{Certificate, Deed, Device, History, Person, Set, State, members_of};
use parv_model::{Category, Mode, VoteKind};
use std::collections::{BTreeMap, BTreeSet};
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
        // Revocation lists hold whatever becomes of the commits that bring them.
        let lists = weights.all.iter().copied().filter(|&x| self.events[x].papers.list.is_some());
        let mut hitting: Vec<Removal> = removals.iter().map(|&by| Removal { by, is_list: false }).collect();
        hitting.extend(lists.map(|by| Removal { by, is_list: true }));
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
            let hit_by = |v: usize| hitting.iter().copied().filter(move |&r| weights.hits(r, v));
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
                                let duel = !r.is_list && self.concurrent(e, r.by);
                                if duel { weights.outranks(e, r.by) } else { weights.endorsed(*v, r) }
                            })
                            && holds.iter().filter(earlier).all(|&r| self.le(r, *v))
                            && view.is_admin(self.events[*v].who)
                    };
                    let votes = weights.votes_for(e).into_iter().filter(vote_counts);
                    let voters: BTreeSet<Person> = votes.map(|v| self.events[v].who).collect();
                    let withstands =
                        |r: Removal| if r.is_list { weights.endorsed(e, r) } else { weights.outranks(e, r.by) };
                    let holds = hit_by(e).all(withstands)
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
            let brought = alive.iter().filter_map(|&e| Some((e, self.brought(u, e)?)));
            let certificate = self.latest_certificate(brought.collect());
            match (view.membership(u), certificate) {
                // There is nothing to show for somebody without a certificate.
                (Membership::Member, None) => {}
                (Membership::Member, Some(certificate)) => {
                    state.accounts.insert(u, certificate);
                    match view.promotions(u).into_iter().map(|p| self.key(p)).min() {
                        Some(key) => admins.push((key, u)),
                        None => drop(state.members.insert(u)),
                    }
                }
                (Membership::Banned, certificate) => {
                    let folders = view.bans_in_force(u).into_iter().filter_map(|b| self.places[b].category);
                    let highest = folders.min().filter(|_| certificate.is_some()).unwrap_or(Category::Invited);
                    state.banned.insert(u, highest);
                    if let Some(certificate) = certificate.filter(|_| highest != Category::Invited) {
                        state.accounts.insert(u, certificate);
                    }
                }
                (Membership::Invited, _) => drop(state.invited.insert(u)),
                (Membership::Left, _) => drop(state.left.insert(u)),
                (Membership::Stranger, _) => {}
            }
        }
        admins.sort();
        state.admins = admins.into_iter().map(|(_, u)| u).collect();
        self.show_papers(&view, &mut state);
        for &e in alive {
            let who = self.events[e].who;
            let after = |ends: Vec<usize>| ends.into_iter().all(|end| self.le(end, e));
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

    /// What the tree shows of devices, lists and the profile.
    fn show_papers(&self, view: &View<'_>, state: &mut State) {
        // Nothing of before a ban or a leave remains.
        let remains = |who: Person, e: usize| {
            let ends = [view.bans(who), view.leaves(who)].concat();
            state.is_member(who) && ends.into_iter().all(|end| end != e && self.le(end, e))
        };
        let mut devices: BTreeMap<Device, Vec<(usize, Certificate)>> = BTreeMap::new();
        for &e in view.counted {
            let event = &self.events[e];
            let brought = event.papers.device.clone().map(|certificate| ((event.who, event.device), certificate));
            for (device, certificate) in brought.into_iter().chain(self.lets_back(e)) {
                let is_new = view.device_bans(device).into_iter().all(|ban| ban != e && self.le(ban, e));
                if is_new && remains(device.0, e) {
                    devices.entry(device).or_default().push((e, certificate));
                }
            }
        }
        let mut lists: BTreeMap<Person, (u64, &str, &str)> = BTreeMap::new();
        for e in members_of(view.from) {
            let event = &self.events[e];
            if let Some(list) = event.papers.list.as_ref().filter(|_| remains(event.who, e)) {
                let candidate = (list.number, event.id.as_str(), list.file.as_str());
                lists.entry(event.who).and_modify(|shown| *shown = candidate.max(*shown)).or_insert(candidate);
            }
        }
        state.lists = lists.into_iter().map(|(who, (_, _, file))| (who, file.to_owned())).collect();
        for (device, shown) in devices {
            let certificate = self.latest_certificate(shown).expect("one of them");
            if self.said(device.0, view.from).1.contains(&certificate.serial) {
                state.revoked.insert(device);
            }
            state.devices.insert(device, certificate);
        }
        for &e in view.counted {
            if let Deed::ResolveOnDevice(_, device) = self.events[e].deed {
                let ban = self.latest(view.device_bans_in_force(device));
                let found = ban.and_then(|ban| self.before(ban).devices.get(&device).cloned());
                found.into_iter().for_each(|certificate| drop(state.banned_devices.insert(device, certificate)));
            }
        }
        let edits = view.counted.iter().copied().filter(|&e| self.events[e].deed == Deed::Profile);
        state.profile = self.latest(edits.collect()).and_then(|e| self.events[e].papers.profile.clone());
    }

    /// The device that an event lets back to where it may write, with the certificate that it had.
    fn lets_back(&self, e: usize) -> Option<(Device, Certificate)> {
        let before = self.before(e);
        match self.events[e].deed {
            Deed::ResolveOnDevice(VoteKind::Unban, device) if before.is_member(device.0) => {
                before.banned_devices.get(&device).map(|certificate| (device, certificate.clone()))
            }
            _ => None,
        }
    }

    /// The certificate of an account that an event brings.
    fn brought(&self, who: Person, e: usize) -> Option<Certificate> {
        self.events[e].papers.account.clone().filter(|_| self.events[e].who == who)
    }

    /// The one that no other comes after; of several, the one with the highest commit id.
    fn latest(&self, candidates: Vec<usize>) -> Option<usize> {
        self.last_of(&candidates).into_iter().max_by_key(|&e| &self.events[e].id)
    }

    /// The certificate that no other comes after; of several, the one that ends last, or began first, and so on.
    fn latest_certificate(&self, shown: Vec<(usize, Certificate)>) -> Option<Certificate> {
        let last = self.last_of(&shown.iter().map(|(e, _)| *e).collect::<Vec<_>>());
        let candidates = shown.into_iter().filter(|(e, _)| last.contains(e));
        let best = candidates.max_by_key(|(e, it)| (it.until, -it.from, &self.events[*e].id));
        best.map(|(_, certificate)| certificate)
    }

    fn last_of(&self, candidates: &[usize]) -> Vec<usize> {
        let last = |&e: &usize| candidates.iter().all(|&other| other == e || !self.le(e, other));
        candidates.iter().copied().filter(last).collect()
    }
}

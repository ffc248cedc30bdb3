//! Who built on what: endorsement, duels, staleness, and what a removal hits (validation §6).

use super::{Deed, History, Person, Set, State, Target, common, members_of};
use parv_model::VoteKind;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What takes something away: a ban or demotion that holds, or a revocation list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Removal {
    /// The event.
    pub(super) by: usize,
    /// Whether it is meant as the list that it brings.
    pub(super) is_list: bool,
}

/// Questions of weight about one set of events.
pub(super) struct Weights<'a> {
    history: &'a History,
    pub(super) all: Vec<usize>,
    known: RefCell<BTreeMap<(usize, usize), (usize, usize)>>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(history: &'a History, set: &Set) -> Self {
        Self { history, all: members_of(set), known: RefCell::default() }
    }

    fn author(&self, x: usize) -> Person {
        self.history.events[x].who
    }

    /// The votes for what a resolution resolves, in its past.
    pub(super) fn votes_for(&self, resolution: usize) -> Vec<usize> {
        let Some(matter) = self.history.events[resolution].deed.resolved() else {
            return Vec::new();
        };
        let is_one = |&v: &usize| {
            v != resolution && self.history.le(v, resolution) && self.history.events[v].deed.voted() == Some(matter)
        };
        self.all.iter().copied().filter(is_one).collect()
    }

    fn common_ground(&self, x: usize, y: usize) -> Rc<State> {
        let one = self.history.closure(&[x]);
        let other = self.history.closure(&[y]);
        self.history.resolve(&common(&one, &other))
    }

    /// Whether `n` knows `x`. Of an event that changes nothing only what its author knew counts.
    fn knows(&self, n: usize, x: usize) -> bool {
        let le = |a, b| self.history.le(a, b);
        if self.history.is_control(x) {
            return le(x, n);
        }
        self.all.iter().all(|&c| !self.history.is_control(c) || !le(c, x) || le(c, n))
    }

    /// `who(x|y)`.
    fn who(&self, x: usize, y: usize) -> BTreeSet<Person> {
        let built = self.all.iter().copied().filter(|&k| self.knows(k, x) && !self.knows(k, y));
        let voted = self.votes_for(x).into_iter().filter(|&v| !self.knows(v, y) && !self.history.le(v, y));
        built.chain(voted).map(|k| self.author(k)).collect()
    }

    /// `E(x|y)`.
    fn endorsement(&self, x: usize, y: usize) -> (usize, usize) {
        if let Some(known) = self.known.borrow().get(&(x, y)) {
            return *known;
        }
        let ground = self.common_ground(x, y);
        let who = self.who(x, y);
        let admins = who.iter().filter(|&&u| ground.is_admin(u)).count();
        let people = who.iter().filter(|&&u| ground.is_member(u) || ground.invited.contains(&u)).count();
        self.known.borrow_mut().insert((x, y), (admins, people));
        (admins, people)
    }

    /// Which of two concurrent resolutions outranks the other.
    pub(super) fn outranks(&self, x: usize, y: usize) -> bool {
        let (ex, ey) = (self.endorsement(x, y), self.endorsement(y, x));
        if ex != ey {
            return ex > ey;
        }
        let ground = self.common_ground(x, y);
        let voters = |r| self.votes_for(r).into_iter().map(|v| self.author(v)).collect::<BTreeSet<Person>>();
        let (vx, vy) = (voters(x), voters(y));
        // The first admin in the order of seniority who voted for one and not for the other decides.
        let most_senior = ground.admins.iter().find(|u| vx.contains(u) != vy.contains(u));
        most_senior.is_some_and(|u| vx.contains(u))
    }

    /// Whether a vote or resolution comes from a time that its author knows to be over. What `seen_by` has seen does not
    /// count against it.
    pub(super) fn stale(&self, v: usize, seen_by: Option<usize>) -> bool {
        let le = |a, b| self.history.le(a, b);
        self.all.iter().any(|&k| {
            self.author(k) == self.author(v)
                && self.history.concurrent(k, v)
                && self.all.iter().any(|&x| self.history.is_control(x) && le(x, k) && !le(x, v))
                && !seen_by.is_some_and(|r| le(k, r))
                && self.regime(k) != self.regime(v)
                && self.endorsement(k, v) > self.endorsement(v, k)
        })
    }

    fn regime(&self, x: usize) -> BTreeSet<Person> {
        self.history.before(x).admins.iter().copied().collect()
    }

    /// Whether a majority of the others who were admins then held what the removal would void.
    pub(super) fn endorsed(&self, e: usize, removal: Removal) -> bool {
        let Removal { by, .. } = removal;
        let mut electorate = self.regime(by);
        electorate.remove(&self.about(removal));
        let le = |a, b| self.history.le(a, b);
        let holds = |u: &&Person| self.all.iter().any(|&k| self.author(k) == **u && le(e, k) && !le(by, k));
        if electorate.is_empty() {
            // Where there is nobody to be asked, anybody else's word counts.
            let about = self.about(removal);
            return self.all.iter().any(|&k| self.author(k) != about && holds(&&self.author(k)));
        }
        2 * electorate.iter().filter(holds).count() > electorate.len()
    }

    /// Whose acts a removal can void.
    fn about(&self, Removal { by, is_list }: Removal) -> Person {
        match self.history.events[by].deed.resolved() {
            Some((_, target)) if !is_list => target.person(),
            _ => self.author(by),
        }
    }

    /// Whether a removal would void `e`, before anybody's endorsement is looked at.
    pub(super) fn hits(&self, removal: Removal, e: usize) -> bool {
        let Removal { by, is_list } = removal;
        let event = &self.history.events[e];
        if self.about(removal) != event.who || !self.history.concurrent(by, e) {
            return false;
        }
        let saw_admission = || self.last_admission(e).is_some_and(|a| self.history.le(a, by));
        if is_list {
            let (list, serial) = (&self.history.events[by].papers.list, &self.history.places[e].serial);
            let revoked = list.iter().any(|list| serial.iter().any(|serial| list.revoked.contains(serial)));
            return revoked && saw_admission();
        }
        match self.history.events[by].deed.resolved() {
            Some((VoteKind::Ban, Target::Device((_, device)))) => device == event.device && saw_admission(),
            Some((VoteKind::Ban, Target::Person(_))) => saw_admission(),
            Some((VoteKind::Demote, _)) => event.deed.voted().or(event.deed.resolved()).is_some(),
            _ => false,
        }
    }

    fn last_admission(&self, e: usize) -> Option<usize> {
        let comes_in = |&k: &usize| {
            self.author(k) == self.author(e)
                && self.history.le(k, e)
                && matches!(self.history.events[k].deed, Deed::Begin(..) | Deed::Join)
        };
        self.all.iter().copied().filter(comes_in).max_by_key(|&k| self.history.key(k))
    }
}

//! The rules of validation once more, as simply as possible: what the real validator is held against.
//!
//! This model is written from the specification (docs/src/validation.md, §5 and §6). It never calls the validator. It has
//! no fast paths, no witnesses, no bit sets and no certificates: a history is a list of events, a set of events is a list
//! of yes and no, and every question is answered by looking at everything. It is slow, and meant to be obviously right.
//!
//! * `standing`: who is what, by the events that count.
//! * `weight`: who built on what, what is stale, what outranks what, what a removal hits.
//! * `resolve`: which events count.
//! * `allowed`: who may do what next.
//! * `papers`: certificates and revocation lists, and what time it is by the word of the admins.
//!
//! People are numbers; what they sign and how trees look is not in here. A certificate is when it is good, and a number.

mod allowed;
mod papers;
mod resolve;
mod standing;
mod weight;

pub use papers::{Certificate, List, Papers};

use parv_model::{Category, Mode, VoteKind};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A person, by number.
pub type Person = usize;

/// A device: whose, and which of theirs.
pub type Device = (Person, usize);

/// A set of events: whether each is in it, by number. What lies beyond the end is not in it.
pub type Set = Vec<bool>;

/// What a commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// The first commit; mode 0 names the other person.
    Begin(Mode, Option<Person>),
    /// A text.
    Text,
    /// An invitation.
    Add(Person),
    /// The author takes up an invitation.
    Join,
    /// The author leaves.
    Leave,
    /// An admin votes.
    Vote(VoteKind, Person),
    /// A vote is resolved.
    Resolve(VoteKind, Person),
    /// An admin votes on a device.
    VoteOnDevice(VoteKind, Device),
    /// A vote on a device is resolved.
    ResolveOnDevice(VoteKind, Device),
    /// The profile is replaced.
    Profile,
    /// Two heads become one.
    Merge,
}

/// Whom or what a vote is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Person(Person),
    Device(Device),
}

impl Target {
    /// The person, or whose device it is.
    fn person(self) -> Person {
        match self {
            Target::Person(person) | Target::Device((person, _)) => person,
        }
    }
}

impl Deed {
    /// What it votes for.
    fn voted(self) -> Option<(VoteKind, Target)> {
        match self {
            Deed::Vote(kind, person) => Some((kind, Target::Person(person))),
            Deed::VoteOnDevice(kind, device) => Some((kind, Target::Device(device))),
            _ => None,
        }
    }

    /// What it resolves.
    fn resolved(self) -> Option<(VoteKind, Target)> {
        match self {
            Deed::Resolve(kind, person) => Some((kind, Target::Person(person))),
            Deed::ResolveOnDevice(kind, device) => Some((kind, Target::Device(device))),
            _ => None,
        }
    }
}

/// A commit, as far as the model cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its author.
    pub who: Person,
    /// Which of the author's devices wrote it.
    pub device: usize,
    /// What it does.
    pub deed: Deed,
    /// What it was written on, by number; all are smaller than its own.
    pub parents: Vec<usize>,
    /// The date that its author wrote on it, in seconds since 1970.
    pub time: i64,
    /// What it brings of its author's certificates.
    pub papers: Papers,
    /// Its commit id, which orders admins who became that at the same length of the history.
    pub id: String,
}

/// What a set of events comes to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The admins, the most senior first.
    pub admins: Vec<Person>,
    /// The members who are no admins.
    pub members: BTreeSet<Person>,
    /// Who may join.
    pub invited: BTreeSet<Person>,
    /// Who was banned, and the folder that they lie in.
    pub banned: BTreeMap<Person, Category>,
    /// Who was a member, or invited, and went.
    pub left: BTreeSet<Person>,
    /// Account certificates of members and, in `banned/`, of those who were that.
    pub accounts: BTreeMap<Person, Certificate>,
    /// The devices of members, with their certificates.
    pub devices: BTreeMap<Device, Certificate>,
    /// Those of the devices whose certificate is revoked.
    pub revoked: BTreeSet<Device>,
    /// The devices that are banned, with their certificates.
    pub banned_devices: BTreeMap<Device, Certificate>,
    /// The revocation lists that the tree shows, by their files.
    pub lists: BTreeMap<Person, String>,
    /// The profile, by its file.
    pub profile: Option<String>,
    /// Open votes: kind, target, voter.
    pub votes: BTreeSet<(VoteKind, Person, Person)>,
    /// Open votes on devices: kind, target, voter.
    pub votes_on_devices: BTreeSet<(VoteKind, Device, Person)>,
    /// Resolutions that stand undecided against each other.
    pub undecided: BTreeSet<usize>,
}

impl State {
    fn is_admin(&self, who: Person) -> bool {
        self.admins.contains(&who)
    }

    fn is_member(&self, who: Person) -> bool {
        self.is_admin(who) || self.members.contains(&who)
    }

    /// The folder that somebody's file lies in.
    fn category(&self, who: Person) -> Option<Category> {
        if self.is_admin(who) {
            return Some(Category::Admins);
        }
        if self.members.contains(&who) {
            return Some(Category::Members);
        }
        if self.invited.contains(&who) {
            return Some(Category::Invited);
        }
        self.banned.get(&who).copied()
    }
}

/// What follows from an event's place in the history, noted when it is added.
#[derive(Debug, Clone)]
struct Place {
    past: Set,
    /// The length of the longest way to the first event.
    generation: usize,
    /// The folder that the target of a vote or resolution was in.
    category: Option<Category>,
    /// The number of the certificate that it was written under.
    serial: Option<String>,
}

/// Events, each after its parents.
#[derive(Debug, Default, Clone)]
pub struct History {
    events: Vec<Event>,
    places: Vec<Place>,
    known: RefCell<BTreeMap<Set, Rc<State>>>,
}

impl History {
    /// Takes in an event, which the rules need not allow; [`allowed`](Self::allowed) says whether they do.
    ///
    /// # Panics
    /// When a parent is not in the history.
    pub fn push(&mut self, event: Event) {
        let past = self.closure(&event.parents);
        let before = self.resolve(&past);
        let target = match event.deed {
            Deed::Vote(_, target) | Deed::Resolve(_, target) => Some(target),
            _ => None,
        };
        let known = before.devices.get(&(event.who, event.device));
        self.places.push(Place {
            generation: event.parents.iter().map(|&p| self.places[p].generation + 1).max().unwrap_or(0),
            category: target.and_then(|target| before.category(target)),
            serial: event.papers.device.as_ref().or(known).map(|certificate| certificate.serial.clone()),
            past,
        });
        self.events.push(event);
    }

    /// Forgets all events from this number on.
    pub fn truncate(&mut self, events: usize) {
        self.events.truncate(events);
        self.places.truncate(events);
        self.known.get_mut().retain(|set, _| set.len() <= events);
    }

    /// The events, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The state of these heads with everything behind them.
    pub fn state(&self, heads: &[usize]) -> Rc<State> {
        self.resolve(&self.closure(heads))
    }

    /// Those of the events that no other comes after.
    pub fn heads(&self) -> Vec<usize> {
        let all = 0..self.events.len();
        all.clone().filter(|&x| all.clone().all(|y| x == y || !self.le(x, y))).collect()
    }

    /// `x ≼ y`.
    fn le(&self, x: usize, y: usize) -> bool {
        x == y || has(&self.places[y].past, x)
    }

    /// `x ∥ y`.
    fn concurrent(&self, x: usize, y: usize) -> bool {
        !self.le(x, y) && !self.le(y, x)
    }

    /// These events and all their ancestors.
    fn closure(&self, heads: &[usize]) -> Set {
        let end = heads.iter().max().map_or(0, |&last| last + 1);
        (0..end).map(|x| heads.iter().any(|&head| self.le(x, head))).collect()
    }

    /// The state in an event's own past.
    fn before(&self, x: usize) -> Rc<State> {
        self.resolve(&self.places[x].past)
    }

    /// Whether an event changes the tree by what it says or brings.
    fn is_control(&self, x: usize) -> bool {
        !matches!(self.events[x].deed, Deed::Text | Deed::Merge) || self.events[x].papers != Papers::default()
    }

    /// Orders events along the history.
    fn key(&self, x: usize) -> (usize, &str) {
        (self.places[x].generation, &self.events[x].id)
    }
}

fn has(set: &Set, x: usize) -> bool {
    set.get(x) == Some(&true)
}

fn members_of(set: &Set) -> Vec<usize> {
    (0..set.len()).filter(|&x| set[x]).collect()
}

fn common(one: &Set, other: &Set) -> Set {
    let mut set: Set = one.iter().zip(other).map(|(x, y)| *x && *y).collect();
    while set.last() == Some(&false) {
        set.pop();
    }
    set
}

//! What a computation costs, counted in comparisons of events, so that it is the same on every machine; and that nothing
//! recurses. What the answers are is held against a model elsewhere (`proptests/`).

use super::{Resolver, Settled, thin};
use crate::event::{Act, Brought, Event};
use crate::event_set::{EventNumber, EventSet};
use crate::rules::Memo;
use crate::state::{Certificate, State};
use parv_identity::certificate::Validity;
use parv_model::{BlobId, CommitId, DeviceId, Mode, Role, Target, Uri, VoteKind};
use std::sync::Arc;

/// Events that are taken at their word, without commits, signatures or trees.
struct History {
    events: Vec<Event>,
    control: EventSet,
    memo: Memo<Settled>,
}

impl History {
    /// Founded by account 0.
    fn new() -> Self {
        let mut history = Self { events: Vec::new(), control: EventSet::default(), memo: Memo::new() };
        history.push(0, Act::Initial { invited: None }, &[]);
        history
    }

    /// A line of founder and admins `0..admins` and as many more members.
    fn group(admins: usize, members: usize) -> Self {
        let mut history = Self::new();
        for number in 1..admins + members {
            history.on_top(0, Act::Add(uri(number)));
            history.on_top(number, Act::Join);
        }
        for target in 1..admins {
            let voters: Vec<usize> = (0..=target / 2).collect();
            let head = history.last();
            history.decide(&voters, VoteKind::Promote, target, head);
        }
        history
    }

    fn last(&self) -> EventNumber {
        self.events.len() - 1
    }

    fn on_top(&mut self, author: usize, act: Act) -> EventNumber {
        let head = self.last();
        self.push(author, act, &[head])
    }

    fn closure(&self, heads: &[EventNumber]) -> EventSet {
        let closures = heads.iter().map(|&head| self.events[head].past.with(head));
        closures.fold(EventSet::default(), |all, closure| all.union(&closure))
    }

    fn settle(&mut self, set: &EventSet) -> (Arc<Settled>, u64) {
        let mut resolver = Resolver::new(&self.events, &mut self.memo);
        let settled = resolver.settle(set);
        (settled, resolver.compared())
    }

    fn push(&mut self, author: usize, act: Act, heads: &[EventNumber]) -> EventNumber {
        let past = self.closure(heads);
        let before = if past == EventSet::default() {
            Arc::new(State::empty(Mode::InvitesOnly, None))
        } else {
            self.settle(&past).0.state.clone()
        };
        self.push_knowing(author, act, past, before)
    }

    fn push_knowing(&mut self, author: usize, act: Act, past: EventSet, before: Arc<State>) -> EventNumber {
        let number = self.events.len();
        let known = past.intersection(&self.control);
        if act != Act::Witness {
            self.control.insert(number);
        }
        let generation = past.iter_rev().next().map_or(0, |latest| self.events[latest].generation + 1);
        let certificate = Certificate {
            blob: BlobId::from_bytes([author as u8; 20]),
            validity: Validity::new(0, 4_000_000_000).expect("a period"),
        };
        let comes = matches!(act, Act::Initial { .. } | Act::Join);
        let mut commit = [0; 20];
        commit[..8].copy_from_slice(&number.to_be_bytes());
        self.events.push(Event {
            commit: CommitId::from_bytes(commit),
            generation,
            author: uri(author),
            device: DeviceId::from_bytes(*uri(author).as_bytes()),
            serial: None,
            act,
            brought: Brought { account: comes.then_some(certificate), ..Brought::default() },
            past,
            known,
            before,
        });
        number
    }

    /// Votes of these, and the resolution, in a line on `head`.
    fn decide(&mut self, voters: &[usize], kind: VoteKind, target: usize, head: EventNumber) -> EventNumber {
        let about = Target::from(uri(target));
        let state = self.settle(&self.closure(&[head])).0.state.clone();
        let category = state.category(&about).expect("somebody who is here");
        let mut head = head;
        for &voter in voters {
            head = self.push(voter, Act::Vote { kind, category, target: about }, &[head]);
        }
        self.push(voters[0], Act::Resolve { kind, category, target: about }, &[head])
    }

    /// Two sides of one fork, each of which bans `bans` members and an admin of the other side; admin 2 is on both.
    fn conflict(&mut self, bans: usize) -> [EventNumber; 2] {
        let base = self.last();
        let mut sides = [base; 2];
        for (side, (voters, rival)) in [([0, 1, 2], 3), ([3, 4, 2], 0)].into_iter().enumerate() {
            let members = (0..bans).map(|number| 5 + side * bans + number);
            for target in members.take(bans / 2).chain([rival]) {
                sides[side] = self.decide(&voters, VoteKind::Ban, target, sides[side]);
            }
        }
        sides
    }
}

fn uri(number: usize) -> Uri {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Uri::from_bytes(bytes)
}

/// The cost of a merge whose sides conflict over `bans` bans each, after a line of `before` other events.
fn cost_of_conflict(bans: usize, before: usize) -> u64 {
    let mut history = History::group(5, 2 * bans);
    for number in 0..before {
        history.on_top(0, Act::Add(uri(100_000 + number)));
    }
    let sides = history.conflict(bans);
    let (settled, cost) = history.settle(&history.closure(&sides));
    let banned = [uri(0), uri(3)].map(|uri| settled.state.role(&uri) == Some(Role::Banned));
    assert_eq!(banned.iter().filter(|&&banned| banned).count(), 1, "one of the two sides prevails");
    cost
}

#[test]
fn a_conflict_costs_no_more_than_its_square() {
    let costs = [10, 20, 40, 80].map(|bans| cost_of_conflict(bans, 0));
    for pair in costs.windows(2) {
        assert!(pair[1] <= 4 * pair[0], "twice the conflict, more than four times the cost: {costs:?}");
    }
}

#[test]
fn a_conflict_costs_the_same_after_a_long_history() {
    assert_eq!(cost_of_conflict(10, 0), cost_of_conflict(10, 1000));
}

#[test]
fn on_a_line_an_event_costs_the_same_however_long_it_is() {
    let mut history = History::group(2, 1);
    let mut costs = Vec::new();
    for number in 0..2000 {
        let e = history.on_top(0, Act::Add(uri(100_000 + number)));
        costs.push(history.settle(&history.closure(&[e])).1);
    }
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
}

/// A line with a conflict in it every now and then: of what is long ago little is remembered, and the same is found again.
#[test]
fn what_was_forgotten_is_found_again() {
    const MOST: usize = 64;
    let mut history = History::group(5, 400);
    let mut heads = Vec::new();
    for number in 0..40 {
        let base = history.last();
        let [one, other] = [[0, 1, 2], [3, 4, 2]].map(|voters| {
            let target = if voters[0] == 0 { 5 + number } else { 105 + number };
            history.decide(&voters, VoteKind::Ban, target, base)
        });
        let merged = history.push(1, Act::Add(uri(1000 + number)), &[one, other]);
        heads.extend([vec![one], vec![one, other], vec![merged]]);
        thin(&mut history.memo, MOST);
        assert!(history.memo.len() <= MOST);
    }
    let sets: Vec<EventSet> = heads.iter().map(|heads| history.closure(heads)).collect();
    for (place, set) in sets.iter().enumerate() {
        let fresh = Resolver::new(&history.events, &mut Memo::new()).settle(set);
        let again = history.settle(set).0;
        assert_eq!(again.state, fresh.state, "{place}");
        thin(&mut history.memo, MOST);
    }
}

/// Every event is written next to all others, and one commit merges them all.
#[test]
fn a_comb_with_twenty_thousand_teeth() {
    const TEETH: usize = 20_000;
    let mut history = History::group(1, 1);
    let (past, before) = (history.closure(&[history.last()]), history.settle(&history.closure(&[history.last()])).0);
    for number in 0..TEETH {
        let past = past.clone();
        history.push_knowing(number % 2, Act::Add(uri(100 + number)), past, before.state.clone());
    }
    let mut all = past;
    (history.events.len() - TEETH..history.events.len()).for_each(|tooth| all.insert(tooth));
    let (settled, cost) = history.settle(&all);
    assert_eq!(settled.state.people().count(), 2 + TEETH);
    assert!(cost < 100 * TEETH as u64, "{cost}");
}

/// Two lanes of votes of one account, each of which sees the other but for its newest events: every question of weight is
/// about a common ground that has such questions in it. Resolved from nothing, on a stack that would not hold many calls.
#[test]
fn grounds_within_grounds_do_not_recurse() {
    const LENGTH: usize = 100;
    let mut history = History::group(2, 0);
    let base = history.closure(&[history.last()]);
    let both = history.settle(&base).0.state.clone();
    let alone = history.settle(&history.closure(&[0])).0.state.clone();
    let mut lanes: [Vec<EventNumber>; 2] = Default::default();
    for number in 0..LENGTH {
        for lane in 0..2 {
            let seen = |lane: &Vec<EventNumber>, but: usize| lane.iter().rev().nth(but).copied();
            let heads = [seen(&lanes[lane], 0), seen(&lanes[1 - lane], 2)];
            let heads: Vec<EventNumber> = heads.into_iter().flatten().collect();
            let past = base.union(&history.closure(&heads));
            let category = parv_model::Category::Invited;
            let act = Act::Vote { kind: VoteKind::Ban, category, target: uri(1000 + number).into() };
            // The regimes differ, whatever the events say.
            let before = if lane == 0 { both.clone() } else { alone.clone() };
            let e = history.push_knowing(0, act, past, before);
            lanes[lane].push(e);
        }
    }
    let heads = lanes.map(|lane| *lane.last().expect("events"));
    let all = history.closure(&heads);
    let work = move || {
        let mut memo = Memo::new();
        Resolver::new(&history.events, &mut memo).settle(&all);
        memo.len()
    };
    let small = std::thread::Builder::new().stack_size(128 * 1024).spawn(work).expect("a thread");
    assert!(small.join().expect("it ends") > LENGTH);
}

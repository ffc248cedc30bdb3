//! Every history of a small world: a few people in two partitions, who take every move that the rules allow in every order,
//! and merge at every moment.
//!
//! A history is a set of commits, so two ways of writing the same set are one history. The two partitions are two *tips*;
//! moves on different tips can be swapped, so since the last merge those on the first tip are written first. A date is one
//! more than that of the newest parent, which makes the commits of equal histories equal.

use crate::World;
use crate::model::History;
use parv_model::{CommitId, Message};
use parv_validator::Replica;
use std::collections::BTreeSet;

/// What somebody does in one go: one commit, or several on a line.
pub type Move = Vec<(usize, Message)>;

/// The exploration of one small world.
#[derive(Debug)]
pub struct SmallWorld {
    world: World,
    model: History,
    /// The replica at the beginning, from which others replay in another order.
    ground: Replica,
    beginning: usize,
    moves: Vec<Move>,
    mergers: Vec<usize>,
    seen: BTreeSet<Vec<CommitId>>,
    commits: usize,
}

/// How much was explored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explored {
    /// Different histories.
    pub histories: usize,
    /// The commits of the longest of them, beginning left out.
    pub longest: usize,
}

impl SmallWorld {
    /// All that can happen after what has happened in `world`: these moves, and merges by `mergers`.
    pub fn new(world: World, moves: Vec<Move>, mergers: Vec<usize>) -> Self {
        let (ground, model, beginning) = (world.replica.clone(), world.model(), world.history.len());
        Self { world, model, ground, beginning, moves, mergers, seen: BTreeSet::new(), commits: 0 }
    }

    /// Takes up to `depth` moves from `head` in every way, and checks every history that comes of it.
    ///
    /// # Panics
    /// When a history is not the same to all: by the fast paths, by the rules in full, by the model, and in another order
    /// of arrival.
    pub fn explore(mut self, head: CommitId, depth: usize) -> Explored {
        self.go_on([head, head], 0, depth);
        Explored { histories: self.seen.len(), longest: self.commits }
    }

    /// `first` is the first tip that may move: tip 0 no more once tip 1 has moved since the last merge.
    fn go_on(&mut self, tips: [CommitId; 2], first: usize, depth: usize) {
        if depth == 0 {
            return;
        }
        for tip in first..2 {
            for number in 0..self.moves.len() {
                self.try_move(number, tips, tip, depth);
            }
        }
        if self.world.replica.maximal(&tips).len() == 2 {
            for tip in 0..2 {
                for merger in self.mergers.clone() {
                    self.try_merge(merger, tips, tip, depth);
                }
            }
        }
    }

    fn try_move(&mut self, number: usize, tips: [CommitId; 2], tip: usize, depth: usize) {
        let mark = self.world.mark();
        let mut after = tips;
        let done = self.moves[number].clone().into_iter().all(|(author, message)| {
            let written = self.write(author, &[after[tip]], message);
            after[tip] = written.unwrap_or(after[tip]);
            written.is_some()
        });
        self.settle(done, after, tip, depth, &mark);
    }

    fn try_merge(&mut self, merger: usize, mut tips: [CommitId; 2], tip: usize, depth: usize) {
        let mark = self.world.mark();
        let written = self.write(merger, &[tips[0].min(tips[1]), tips[0].max(tips[1])], Message::Merge);
        tips[tip] = written.unwrap_or(tips[tip]);
        self.settle(written.is_some(), tips, 0, depth, &mark);
    }

    fn settle(&mut self, done: bool, tips: [CommitId; 2], first: usize, depth: usize, mark: &crate::Mark) {
        if done {
            self.check(&tips);
            self.go_on(tips, first, depth - 1);
        }
        self.world.back_to(mark);
        self.model.truncate(self.world.history.len());
    }

    /// One commit, if it is allowed and new.
    fn write(&mut self, author: usize, parents: &[CommitId], message: Message) -> Option<CommitId> {
        let (time, before) = (self.world.just_after(parents), self.world.history.len());
        let written = self.world.write_at(time, author, parents, message).ok()?;
        if self.world.history.len() == before {
            return None;
        }
        let event = self.world.event_of(&written);
        assert!(self.model.allowed(&event), "the model does not allow {event:?}");
        self.model.push(event);
        Some(written)
    }

    fn check(&mut self, tips: &[CommitId; 2]) {
        let written = self.world.history[self.beginning..].to_vec();
        let mut history = written.clone();
        history.sort();
        if !self.seen.insert(history) {
            return;
        }
        self.commits = self.commits.max(written.len());
        let state = self.world.replica.state(tips);
        assert_eq!(*state, self.world.replica.resolve_in_full(tips), "in full after {:?}", self.told());
        assert_eq!(self.world.observe(tips), *self.model.state(&self.model.heads()), "model after {:?}", self.told());
        // The other tip's side arrives first, as far as its parents allow.
        let mut replica = self.ground.clone();
        let mut open: Vec<CommitId> = written.into_iter().rev().collect();
        while !open.is_empty() {
            open.retain(|id| replica.admit(self.world.checked(id), &self.world.objects).is_err());
        }
        assert_eq!(state, replica.state(tips), "in another order after {:?}", self.told());
    }

    /// What has happened, for a failure.
    fn told(&self) -> Vec<String> {
        let tell = |event: &crate::model::Event| format!("{} {:?} on {:?}", event.who, event.deed, event.parents);
        self.model.events()[self.beginning..].iter().map(tell).collect()
    }
}

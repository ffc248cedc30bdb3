//! The part of a history that is not held in memory: what is kept of its commits lies in a store, and is read from there.
//!
//! A [`Replica`](crate::replica::Replica) keeps a row for each commit. The newest rows are in its memory; the others may be
//! handed to a store, which gives them back by their position or by the commit's id. With a [`Summary`] of what is not
//! linear in the length of the history a store can bring a replica back ([`Replica::restore`]).
//!
//! What is read is believed: rows say whose ancestor a commit is, who wrote it and when. It is not believed about what
//! changes the state: the commits that do are judged again whenever a replica is restored, from their signed bytes.
//!
//! [`Replica::restore`]: crate::replica::Replica::restore

use crate::equivocation::Equivocation;
use crate::rules::{DeviceOf, RuleSet};
use parv_model::{CommitId, Refusal};
use std::fmt::Debug;

/// Where a commit stands in the order of admission, in which parents come before children; the first commit is at 0.
pub type Position = u32;

/// The most commits that a replica takes in.
pub const MAX_COMMITS: Position = Position::MAX - 1;

/// What is kept of an admitted commit.
#[derive(Debug)]
pub struct Row<R: RuleSet> {
    /// Its id.
    pub id: CommitId,
    /// Its parents: none, one or two.
    pub parents: Parents,
    /// Length of the longest way to the first commit.
    pub generation: u64,
    /// Its date as shown to people: never before that of a parent. In seconds since 1970.
    pub time: i64,
    /// The date that it bears, in seconds since 1970.
    pub date: i64,
    /// Who wrote it.
    pub author: R::Account,
    /// The device that wrote it.
    pub device: DeviceOf<R>,
    /// What the rules keep of it.
    pub mark: R::Mark,
    /// Which events lie behind it, itself included: the number of a [`Step`].
    pub past: u32,
    /// The first commit of its chain: of a line in which each is the first to continue its only parent.
    pub chain: Position,
    /// All commits before this position are behind it; if this is the position after its own, so is it itself.
    pub complete: Position,
    /// Those of its author's device before it.
    pub trail: Trail,
}

impl<R: RuleSet> Clone for Row<R> {
    fn clone(&self) -> Self {
        Self { mark: self.mark.clone(), ..*self }
    }
}

/// The positions of a commit's parents.
pub type Parents = Pair<Position>;

/// None, one or two of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair<T> {
    /// None.
    None,
    /// One.
    One(T),
    /// Two.
    Two(T, T),
}

impl<T: Copy> Pair<T> {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = T> + use<T> {
        let (first, second) = match *self {
            Self::None => (None, None),
            Self::One(first) => (Some(first), None),
            Self::Two(first, second) => (Some(first), Some(second)),
        };
        first.into_iter().chain(second)
    }
}

/// What one device wrote for one account, as a list that is read from its end, and in great steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trail {
    /// The one before, if there is one.
    pub previous: Option<Position>,
    /// One further back: following these where they do not lead too far takes logarithmically many steps to anywhere.
    pub jump: Option<Position>,
    /// How many there are before.
    pub depth: u32,
    /// The latest date that one of them bears, this one included.
    pub latest: i64,
}

/// Where the commits stand that have the same events behind them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The first of them: an event, or a merge of parents that have different ones.
    pub first: Position,
    /// There is none after this position.
    pub last: Position,
}

/// What a replica keeps besides its rows. It grows with what changes the state, with accounts and devices, not with messages.
#[derive(Debug)]
pub struct Summary<R: RuleSet> {
    /// How many rows there are.
    pub commits: Position,
    /// The commits that nobody has built on.
    pub tips: Vec<Position>,
    /// For every set of events that lies behind commits where these stand, in the order in which they came about.
    pub steps: Vec<Step>,
    /// The newest commit of every device for every account that it wrote for.
    pub trails: Vec<(DeviceOf<R>, R::Account, Position)>,
    /// The devices that forked.
    pub forks: Vec<Equivocation<R::Account, DeviceOf<R>>>,
}

/// Rows that lie in a store. Reading one may fail; then the replica that asked is of no use any more.
pub trait Settled<R: RuleSet>: Debug + Send + Sync {
    /// How many there are: they take the positions below.
    fn commits(&self) -> Position;

    /// Where a commit stands, if it is among them.
    fn position(&self, commit: &CommitId) -> Result<Option<Position>, Unreadable>;

    /// The row of the commit at a position.
    fn row(&self, position: Position) -> Result<Row<R>, Unreadable>;
}

/// What was kept of a history cannot be read, or is not what was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what was kept of the history cannot be used: {0}")]
pub struct Unreadable(pub String);

impl From<Refusal> for Unreadable {
    fn from(refusal: Refusal) -> Self {
        Self(refusal.to_string())
    }
}

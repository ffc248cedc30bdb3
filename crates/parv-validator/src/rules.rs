//! The seam between the core and the rules of a system (decision 0021).
//!
//! The core knows the order of things: commits, who is whose ancestor, which events lie behind a commit, what has been
//! resolved already, that every commit's tree must be the one that the rules make of its past. What a commit may say, what it
//! changes, and what concurrent changes come to together is the business of a [`RuleSet`]. Parv's own is
//! [`Swarm`](crate::swarm::Swarm); another system's histories are judged by another one on the same core.

use crate::event_set::EventSet;
use crate::replica::Behind;
use parv_model::{CommitId, Refusal, Rule, TreeId};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// What has been resolved already, by the set of events.
pub type Memo<S> = BTreeMap<EventSet, Arc<S>>;

/// A commit of which everything is known that it says by itself.
pub trait Checked {
    /// How devices are named.
    type Device: Ord + Copy + Debug;

    /// Its id.
    fn id(&self) -> CommitId;

    /// The tree it claims.
    fn tree(&self) -> TreeId;

    /// Its parents: none, one or two.
    fn parents(&self) -> &[CommitId];

    /// The device that wrote it.
    fn device(&self) -> Self::Device;

    /// When it says it was written, in seconds since 1970.
    fn time(&self) -> i64;

    /// A refusal of this commit.
    fn refuse(&self, rule: Rule, why: impl Into<String>) -> Refusal {
        Refusal::new(self.id(), rule, why)
    }
}

/// A state that stands for exactly one tree.
pub trait Rendering {
    /// The id of that tree.
    fn tree(&self) -> TreeId;
}

/// How much a commit matters to the state of what comes after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It changes the tree.
    Control,
    /// It changes nothing, but that its author knew these control events and no others may count in `resolve`. Only the
    /// first such commit of an account becomes an event.
    Witness,
    /// It changes nothing, and who wrote it does not count either.
    None,
}

/// A judged commit: who wrote it, and what it does.
#[derive(Debug)]
pub struct Deed<R: RuleSet> {
    /// The account that wrote it.
    pub author: R::Account,
    /// What it does.
    pub effect: R::Effect,
}

/// What an event consists of, for [`RuleSet::event`].
#[derive(Debug)]
pub struct Placed<'a, R: RuleSet> {
    /// The commit.
    pub commit: &'a R::Commit,
    /// Length of the longest way to the first commit.
    pub generation: u64,
    /// Its strict ancestors among the events.
    pub past: &'a EventSet,
    /// The control events among them.
    pub known: &'a EventSet,
    /// The state of its past.
    pub before: &'a Arc<R::State>,
}

/// The rules of one system. Verdicts must be pure functions of a commit and what lies behind it.
pub trait RuleSet: Debug + Clone + Sized {
    /// How accounts are named.
    type Account: Ord + Copy + Debug;
    /// A commit that has been checked by itself.
    type Commit: Checked + Debug;
    /// What a history stands for.
    type State: Rendering + Debug;
    /// What a commit does.
    type Effect: Debug;
    /// A commit that matters to states.
    type Event: Debug + Clone;
    /// What is remembered of a set of events that has been resolved.
    type Settled: Debug;
    /// What is kept of every commit for later questions.
    type Mark: Debug + Clone;
    /// Where files are read.
    type Source<'a>: ?Sized;

    /// Judges a commit without parents; gives the state before it too.
    fn first(&self, commit: &Self::Commit, source: &Self::Source<'_>) -> Result<(Deed<Self>, Self::State), Refusal>;

    /// Judges a commit with one parent, whose state is `before`.
    fn ordinary(
        &self,
        commit: &Self::Commit,
        before: &Arc<Self::State>,
        behind: &Behind<'_, Self>,
        source: &Self::Source<'_>,
    ) -> Result<Deed<Self>, Refusal>;

    /// Whether these two heads may be merged at all; asked before what they come to is worked out.
    fn may_merge(&self, commit: &Self::Commit, behind: &Behind<'_, Self>) -> Result<(), Refusal>;

    /// Judges a commit with two parents, which together stand for `merged`.
    fn merge(
        &self,
        commit: &Self::Commit,
        merged: &Arc<Self::State>,
        behind: &Behind<'_, Self>,
        source: &Self::Source<'_>,
    ) -> Result<Deed<Self>, Refusal>;

    /// How much a deed matters.
    fn weight(&self, effect: &Self::Effect) -> Weight;

    /// What is kept of a commit.
    fn mark(&self, commit: &Self::Commit, deed: &Deed<Self>) -> Self::Mark;

    /// The event that a deed is.
    fn event(&self, placed: Placed<'_, Self>, deed: Deed<Self>) -> Self::Event;

    /// `resolve`: the state that a set of events closed under ancestors stands for. It may remember what it finds out, for this
    /// set and smaller ones.
    fn resolve(&self, events: &[Self::Event], memo: &mut Memo<Self::Settled>, set: &EventSet) -> Arc<Self::State>;
}

/// The names of devices under a rule set.
pub type DeviceOf<R> = <<R as RuleSet>::Commit as Checked>::Device;

//! All admitted commits of one conversation, and the state after each: the same for every rule set.
//!
//! A replica only grows: a commit is judged once, in its own past, and that is final (validation §2). What an effect is
//! worth when concurrent commits become known is `resolve`'s business. A batch that turns out to hold a bad commit is
//! taken back as a whole by [`Replica::rollback`].
//!
//! What is kept of old commits may lie in a store ([`settled`](crate::settled)). Should that fail, answers may be wrong from
//! then on: nothing is admitted any more, and [`Replica::unreadable`] says why. It is to be asked before anything is built on
//! an answer.

pub use crate::behind::Behind;
use crate::equivocation::Equivocation;
use crate::event_set::EventSet;
use crate::history::{History, New};
use crate::past::{Past, Standpoint, Standpoints};
use crate::rules::{Checked, Deed, DeviceOf, Memo, Placed, Rendering, RuleSet, Weight};
use crate::settled::{MAX_COMMITS, Pair, Position, Row, Step, Unreadable};
use parv_model::{CommitId, Refusal, Rule};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The replay of one conversation under a rule set.
#[derive(Debug, Clone)]
pub struct Replica<R: RuleSet> {
    rules: R,
    root: CommitId,
    pub(crate) history: History<R>,
    pub(crate) standpoints: Standpoints<R>,
    pub(crate) events: Vec<R::Event>,
    pub(crate) memo: Memo<R::Settled>,
}

/// A place to go back to; see [`Replica::checkpoint`].
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    commits: Position,
    standpoints: usize,
    events: usize,
}

/// An admitted commit on which another one builds.
#[derive(Debug)]
pub(crate) struct Parent<R: RuleSet> {
    pub(crate) position: Position,
    pub(crate) row: Row<R>,
    pub(crate) standpoint: Standpoint<R>,
}

/// What is there before a commit.
struct Before<R: RuleSet> {
    past: Arc<Past<R::Account>>,
    state: Arc<R::State>,
    /// The number of the standpoint, if it is one already.
    number: Option<u32>,
}

/// What is noted of a commit that was found good.
pub(crate) struct Judged<R: RuleSet> {
    author: R::Account,
    mark: R::Mark,
    generation: u64,
    /// The number of its standpoint.
    pub(crate) past: u32,
}

impl<R: RuleSet> Replica<R> {
    /// A conversation that begins with this commit, judged by these rules.
    pub fn begin_under(rules: R, root: &R::Commit, source: &R::Source<'_>) -> Result<Self, Refusal> {
        let mut replica = Self::empty(rules, root.id(), History::default());
        let judged = replica.judge(root, &[], 0, source)?;
        replica.take(root, &[], judged);
        Ok(replica)
    }

    /// Nothing judged yet.
    pub(crate) fn empty(rules: R, root: CommitId, history: History<R>) -> Self {
        let (standpoints, events, memo) = (Standpoints::default(), Vec::new(), Memo::new());
        Self { rules, root, history, standpoints, events, memo }
    }

    /// Judges a commit in its own past and takes it in. A known commit changes nothing.
    ///
    /// # Errors
    /// The rule that the commit breaks; then the replica is as before.
    pub fn admit(&mut self, commit: &R::Commit, source: &R::Source<'_>) -> Result<(), Refusal> {
        let admitted = self.admit_readable(commit, source);
        match self.unreadable() {
            Some(why) => Err(commit.refuse(Rule::Completeness, why.to_string())),
            None => admitted,
        }
    }

    fn admit_readable(&mut self, commit: &R::Commit, source: &R::Source<'_>) -> Result<(), Refusal> {
        let missing = |parent| commit.refuse(Rule::Completeness, format!("its parent {parent} is missing"));
        let parents = commit.parents().iter().map(|parent| self.parent(parent).ok_or_else(|| missing(parent)));
        let parents = parents.collect::<Result<Vec<_>, _>>();
        // Nobody has built on a tip, so what builds on one is new: most commits are not looked for in the store.
        let is_tip = |parent: &Parent<R>| self.history.tips.contains(&parent.position);
        if !parents.as_ref().is_ok_and(|parents| parents.iter().any(is_tip)) && self.knows(&commit.id()) {
            return Ok(());
        }
        let parents = parents?;
        if parents.is_empty() || parents.len() > 2 {
            return Err(commit.refuse(Rule::Root, format!("conversation {} has begun already", self.root)));
        }
        let position = self.history.commits();
        if position >= MAX_COMMITS {
            return Err(
                commit.refuse(Rule::Completeness, format!("no conversation has more than {MAX_COMMITS} commits"))
            );
        }
        let judged = self.judge(commit, &parents, position, source)?;
        self.take(commit, &parents, judged);
        Ok(())
    }

    /// Judges a commit that is to stand at this position, holds its tree against the state after it, and remembers that
    /// state.
    pub(crate) fn judge(
        &mut self,
        commit: &R::Commit,
        parents: &[Parent<R>],
        position: Position,
        source: &R::Source<'_>,
    ) -> Result<Judged<R>, Refusal> {
        let (deed, Before { past, state, number }) = self.deed(commit, parents, source)?;
        let author = deed.author;
        let generation = parents.iter().map(|parent| parent.row.generation + 1).max().unwrap_or(0);
        let mark = self.rules.mark(commit, &deed);
        let weight = match self.rules.weight(&deed.effect) {
            Weight::Witness if past.writers.contains(&author) => Weight::None,
            weight => weight,
        };
        let step = Step { first: position, last: position };
        let past = if weight == Weight::None {
            require_tree(commit, &*state)?;
            number.unwrap_or_else(|| self.standpoints.push(past, state, step))
        } else {
            let placed = Placed { commit, generation, past: &past.events, known: &past.control, before: &state };
            let event = self.rules.event(placed, deed);
            let past = Arc::new(past.with(self.events.len(), author, weight));
            self.events.push(event);
            let state = self.resolve(&past.events);
            if let Err(refusal) = require_tree(commit, &*state) {
                self.memo.remove(&past.events);
                self.events.pop();
                return Err(refusal);
            }
            self.standpoints.push(past, state, step)
        };
        Ok(Judged { author, mark, generation, past })
    }

    /// What a commit does, by the rules, and what is there before it.
    fn deed(
        &mut self,
        commit: &R::Commit,
        parents: &[Parent<R>],
        source: &R::Source<'_>,
    ) -> Result<(Deed<R>, Before<R>), Refusal> {
        match parents {
            [] => {
                let (deed, state) = self.rules.first(commit, source)?;
                let (past, state) = (Arc::new(Past::empty()), Arc::new(state));
                Ok((deed, Before { past, state, number: None }))
            }
            [Parent { row, standpoint: Standpoint { past, state, .. }, .. }] => {
                let behind = Behind::new(&self.history, parents);
                let deed = self.rules.ordinary(commit, state, &behind, source)?;
                Ok((deed, Before { past: past.clone(), state: state.clone(), number: Some(row.past) }))
            }
            [one, other, ..] => {
                self.rules.may_merge(commit, &Behind::new(&self.history, parents))?;
                let past = one.standpoint.past.union(&other.standpoint.past);
                let state = self.resolve(&past.events);
                let behind = Behind::new(&self.history, parents);
                let deed = self.rules.merge(commit, &state, &behind, source)?;
                let number = self.standpoints.number(&past.events);
                Ok((deed, Before { past: Arc::new(past), state, number }))
            }
        }
    }

    /// Records a commit that was judged.
    fn take(&mut self, commit: &R::Commit, parents: &[Parent<R>], judged: Judged<R>) {
        let Judged { author, mark, generation, past } = judged;
        let parent_time = parents.iter().map(|parent| parent.row.time).max().unwrap_or(0);
        self.standpoints.extend(past, self.history.commits());
        self.history.push(New {
            id: commit.id(),
            parents: match parents {
                [] => Pair::None,
                [parent] => Pair::One(parent.position),
                [one, other, ..] => Pair::Two(one.position, other.position),
            },
            generation,
            time: commit.time().max(parent_time),
            date: commit.time(),
            author,
            device: commit.device(),
            mark,
            past,
        });
    }

    /// A commit to build on, if it is known.
    pub(crate) fn parent(&self, commit: &CommitId) -> Option<Parent<R>> {
        let position = self.history.position(commit)?;
        let row = self.history.row(position)?;
        let standpoint = self.behind(&row)?.clone();
        Some(Parent { position, row, standpoint })
    }

    /// What lies behind a commit, itself included, if it is known.
    pub(crate) fn standpoint(&self, commit: &CommitId) -> Option<&Standpoint<R>> {
        self.behind(&self.history.find(commit)?)
    }

    fn behind(&self, row: &Row<R>) -> Option<&Standpoint<R>> {
        let standpoint = self.standpoints.get(row.past);
        if standpoint.is_none() {
            self.history.fail(Unreadable(format!("what lies behind commit {} is not there", row.id)));
        }
        standpoint
    }

    /// The rules.
    pub fn rules(&self) -> &R {
        &self.rules
    }

    /// The first commit.
    pub fn root(&self) -> CommitId {
        self.root
    }

    /// Whether a commit has been admitted.
    pub fn knows(&self, commit: &CommitId) -> bool {
        self.history.position(commit).is_some()
    }

    /// How many commits have been admitted; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a replica begins with its first commit and is never empty")]
    pub fn len(&self) -> usize {
        self.history.commits() as usize
    }

    /// Why what is kept of old commits could not be read, if that has happened. Then no answer counts any more.
    pub fn unreadable(&self) -> Option<&Unreadable> {
        self.history.unreadable()
    }

    /// The account that wrote a commit.
    pub fn author(&self, commit: &CommitId) -> Option<R::Account> {
        self.history.find(commit).map(|row| row.author)
    }

    /// The devices that wrote two commits of which neither knows the other, in the order of their ids.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation<R::Account, DeviceOf<R>>> + '_ {
        self.history.forks.values().copied()
    }

    /// The commit of a device that was admitted last.
    pub fn last_commit_of(&self, device: &DeviceOf<R>) -> Option<CommitId> {
        self.history.last_of(device).and_then(|last| self.history.row(last)).map(|row| row.id)
    }

    /// The newest commit of an account's device for which something is so that, once it is so for a commit, is so for all
    /// of the device's earlier ones. Asks about logarithmically many.
    pub fn newest_commit_where(
        &self,
        device: &DeviceOf<R>,
        account: &R::Account,
        is_so: impl Fn(&CommitId) -> bool,
    ) -> Option<CommitId> {
        let is_so = |position| self.history.row(position).is_some_and(|row| is_so(&row.id));
        self.history.newest_where(device, account, is_so).map(|row| row.id)
    }

    /// Whether `ancestor` is a strict ancestor of `commit`. Nobody is one of, or has one, that is not known.
    pub fn is_behind(&self, ancestor: &CommitId, commit: &CommitId) -> bool {
        let positions = self.history.position(ancestor).zip(self.history.position(commit));
        positions.is_some_and(|(ancestor, position)| self.history.is_ancestor(ancestor, position))
    }

    /// Whether a head brings something that changes the state, or once did, and that none of the `others` has.
    pub fn brings_control(&self, head: &CommitId, others: &[CommitId]) -> bool {
        let Some(head) = self.standpoint(head) else { return false };
        let known = others.iter().filter_map(|other| self.standpoint(other));
        let known = known.fold(EventSet::default(), |all, other| all.union(&other.past.control));
        !head.past.control.is_subset(&known)
    }

    /// Sorts commits for display: generation, time (never before that of a parent), id. The same on every device, and
    /// parents always come first (requirement M2).
    pub fn display_key(&self, commit: &CommitId) -> Option<(u64, i64, CommitId)> {
        self.history.find(commit).map(|row| (row.generation, row.time, row.id))
    }

    /// Where the replica stands now.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { commits: self.history.commits(), standpoints: self.standpoints.len(), events: self.events.len() }
    }

    /// Forgets everything that was admitted since. What was settled since stays.
    pub fn rollback(&mut self, to: Checkpoint) {
        while self.history.commits() > to.commits && self.history.pop().is_some() {}
        self.standpoints.truncate(to.standpoints);
        self.events.truncate(to.events);
        // The numbers of forgotten events will be given to others.
        self.memo.retain(|set, _| set.end() <= to.events);
    }

    /// The given commits without those that are ancestors of others among them, and without unknown ones, sorted.
    pub fn maximal(&self, commits: &[CommitId]) -> Vec<CommitId> {
        let known = commits.iter().filter_map(|commit| Some((*commit, self.history.position(commit)?)));
        let known: BTreeSet<(CommitId, Position)> = known.collect();
        let below = |position| known.iter().any(|(_, other)| self.history.is_ancestor(position, *other));
        known.iter().filter(|(_, position)| !below(*position)).map(|(commit, _)| *commit).collect()
    }

    /// `resolve` of these heads with everything behind them. Unknown ids are passed over; with no known head at all it is
    /// the state of the whole replica's first commit.
    pub fn state(&mut self, heads: &[CommitId]) -> Arc<R::State> {
        let heads = self.maximal(heads);
        match self.standpoints_of(&heads).as_slice() {
            [only] => only.state.clone(),
            several => {
                let events = several.iter().fold(EventSet::default(), |all, one| all.union(&one.past.events));
                self.resolve(&events)
            }
        }
    }

    /// The standpoints of these commits; that of the first commit if none of them is known.
    fn standpoints_of(&self, commits: &[CommitId]) -> Vec<Standpoint<R>> {
        let mut all: Vec<_> = commits.iter().filter_map(|commit| self.standpoint(commit).cloned()).collect();
        if all.is_empty() {
            all.extend(self.standpoints.get(0).cloned());
        }
        all
    }

    /// The events behind these commits, themselves included; those of the first commit if none of them is known.
    pub(crate) fn events_behind(&self, commits: &[CommitId]) -> EventSet {
        let standpoints = self.standpoints_of(commits);
        standpoints.iter().fold(EventSet::default(), |all, one| all.union(&one.past.events))
    }

    /// `resolve` of a set of events closed under ancestors.
    pub(crate) fn resolve(&mut self, set: &EventSet) -> Arc<R::State> {
        self.rules.resolve(&self.events, &mut self.memo, set)
    }

    /// The state after an event that is not admitted (yet), with this past.
    pub(crate) fn after(&mut self, event: R::Event, past: &EventSet) -> Arc<R::State> {
        let set = past.with(self.events.len());
        self.events.push(event);
        let state = self.resolve(&set);
        self.memo.remove(&set);
        self.events.pop();
        state
    }
}

/// The tree is a proof: nothing may be in it but what the rules make of the history (validation §2).
fn require_tree(commit: &impl Checked, state: &impl Rendering) -> Result<(), Refusal> {
    if commit.tree() == state.tree() {
        return Ok(());
    }
    Err(commit.refuse(
        Rule::Tree,
        format!(
            "its tree {} is not the one that the rules make of it ({}): a file was added, removed or changed \
             that a commit of this kind may not touch",
            commit.tree(),
            state.tree()
        ),
    ))
}

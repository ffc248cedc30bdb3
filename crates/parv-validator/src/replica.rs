//! All admitted commits of one conversation, and the state after each: the same for every rule set.
//!
//! A replica only grows: a commit is judged once, in its own past, and that is final (validation §2). What an effect is
//! worth when concurrent commits become known is `resolve`'s business. A batch that turns out to hold a bad commit is
//! taken back as a whole by [`Replica::rollback`].

use crate::ancestry::Ancestry;
use crate::equivocation::{Equivocation, Trails};
use crate::event_set::EventSet;
use crate::past::Past;
use crate::rules::{Checked, Deed, DeviceOf, Memo, Placed, Rendering, RuleSet, Weight};
use parv_model::{CommitId, Refusal, Rule};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The replay of one conversation under a rule set.
#[derive(Debug, Clone)]
pub struct Replica<R: RuleSet> {
    rules: R,
    root: CommitId,
    /// Only ever looked up, never walked through: the order of a hash map means nothing.
    records: HashMap<CommitId, Record<R>>,
    ancestry: Ancestry<R::Account>,
    trails: Trails<R::Account, DeviceOf<R>>,
    /// Ids in order of admission, so that the newest can be taken back.
    admitted: Vec<CommitId>,
    pub(crate) events: Vec<R::Event>,
    pub(crate) memo: Memo<R::Settled>,
}

/// What is kept of an admitted commit.
#[derive(Debug)]
pub(crate) struct Record<R: RuleSet> {
    clamped_time: i64,
    pub(crate) author: R::Account,
    pub(crate) device: DeviceOf<R>,
    pub(crate) mark: R::Mark,
    pub(crate) past: Arc<Past<R::Account>>,
    pub(crate) state: Arc<R::State>,
}

impl<R: RuleSet> Clone for Record<R> {
    fn clone(&self) -> Self {
        Self { mark: self.mark.clone(), past: self.past.clone(), state: self.state.clone(), ..*self }
    }
}

/// A place to go back to; see [`Replica::checkpoint`].
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    commits: usize,
    events: usize,
}

impl<R: RuleSet> Replica<R> {
    /// A conversation that begins with this commit, judged by these rules.
    pub fn begin_under(rules: R, root: &R::Commit, source: &R::Source<'_>) -> Result<Self, Refusal> {
        let (deed, before) = rules.first(root, source)?;
        let mut replica = Self {
            rules,
            root: root.id(),
            records: HashMap::new(),
            ancestry: Ancestry::default(),
            trails: Trails::default(),
            admitted: Vec::new(),
            events: Vec::new(),
            memo: Memo::new(),
        };
        replica.take(root, deed, Arc::new(Past::empty()), Arc::new(before))?;
        Ok(replica)
    }

    /// Judges a commit in its own past and takes it in. A known commit changes nothing.
    ///
    /// # Errors
    /// The rule that the commit breaks; then the replica is as before.
    pub fn admit(&mut self, commit: &R::Commit, source: &R::Source<'_>) -> Result<(), Refusal> {
        if self.knows(&commit.id()) {
            return Ok(());
        }
        let missing = commit.parents().iter().find(|parent| !self.knows(parent));
        if let Some(parent) = missing {
            return Err(commit.refuse(Rule::Completeness, format!("its parent {parent} is missing")));
        }
        match *commit.parents() {
            [parent] => {
                let Record { past, state, .. } = self.record(&parent).clone();
                let behind = Behind { replica: self, parents: commit.parents() };
                let deed = self.rules.ordinary(commit, &state, &behind, source)?;
                self.take(commit, deed, past, state)
            }
            [one, other] => {
                self.rules.may_merge(commit, &Behind { replica: self, parents: commit.parents() })?;
                let (past, state) = self.union(&one, &other);
                let behind = Behind { replica: self, parents: commit.parents() };
                let deed = self.rules.merge(commit, &state, &behind, source)?;
                self.take(commit, deed, Arc::new(past), state)
            }
            _ => Err(commit.refuse(Rule::Root, format!("conversation {} has begun already", self.root))),
        }
    }

    /// Holds a judged commit's tree against the state after it, and records it.
    fn take(
        &mut self,
        commit: &R::Commit,
        deed: Deed<R>,
        past: Arc<Past<R::Account>>,
        before: Arc<R::State>,
    ) -> Result<(), Refusal> {
        let author = deed.author;
        let parents = commit.parents();
        let generation = parents.iter().map(|parent| self.ancestry.generation(parent) + 1).max().unwrap_or(0);
        let parent_time = parents.iter().map(|parent| self.record(parent).clamped_time).max().unwrap_or(0);
        let mark = self.rules.mark(commit, &deed);
        let weight = match self.rules.weight(&deed.effect) {
            Weight::Witness if past.writers.contains(&author) => Weight::None,
            weight => weight,
        };
        let (past, state) = if weight == Weight::None {
            require_tree(commit, &*before)?;
            (past, before)
        } else {
            let placed = Placed { commit, generation, past: &past.events, known: &past.control, before: &before };
            let event = self.rules.event(placed, deed);
            let past = Arc::new(past.with(self.events.len(), author, weight));
            self.events.push(event);
            let state = self.resolve(&past.events);
            if let Err(refusal) = require_tree(commit, &*state) {
                self.memo.remove(&past.events);
                self.events.pop();
                return Err(refusal);
            }
            (past, state)
        };
        let device = commit.device();
        let record = Record { clamped_time: commit.time().max(parent_time), author, device, mark, past, state };
        self.ancestry.add(commit.id(), parents, author, commit.time());
        self.trails.note(device, author, commit.id(), &self.ancestry);
        self.records.insert(commit.id(), record);
        self.admitted.push(commit.id());
        Ok(())
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
        self.records.contains_key(commit)
    }

    /// How many commits have been admitted; at least one.
    #[allow(clippy::len_without_is_empty, reason = "a replica begins with its first commit and is never empty")]
    pub fn len(&self) -> usize {
        self.admitted.len()
    }

    /// The account that wrote a commit.
    pub fn author(&self, commit: &CommitId) -> Option<R::Account> {
        self.records.get(commit).map(|record| record.author)
    }

    /// The devices that wrote two commits of which neither knows the other, in the order of their ids.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation<R::Account, DeviceOf<R>>> + '_ {
        self.trails.forks()
    }

    /// The commits of a device, parents first.
    pub fn commits_of(&self, device: &DeviceOf<R>) -> &[CommitId] {
        self.trails.of(device)
    }

    /// Whether `ancestor` is a strict ancestor of `commit`. Nobody is one of, or has one, that is not known.
    pub fn is_behind(&self, ancestor: &CommitId, commit: &CommitId) -> bool {
        self.ancestry.is_ancestor(ancestor, commit)
    }

    /// Whether a head brings something that changes the state, or once did, and that none of the `others` has.
    pub fn brings_control(&self, head: &CommitId, others: &[CommitId]) -> bool {
        let Some(head) = self.records.get(head) else { return false };
        let known = others.iter().filter_map(|other| self.records.get(other));
        let known = known.fold(EventSet::default(), |all, other| all.union(&other.past.control));
        !head.past.control.is_subset(&known)
    }

    /// Sorts commits for display: generation, time (never before that of a parent), id. The same on every device, and
    /// parents always come first (requirement M2).
    pub fn display_key(&self, commit: &CommitId) -> Option<(u64, i64, CommitId)> {
        self.records.get(commit).map(|record| (self.ancestry.generation(commit), record.clamped_time, *commit))
    }

    /// Where the replica stands now.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint { commits: self.admitted.len(), events: self.events.len() }
    }

    /// Forgets everything that was admitted since.
    pub fn rollback(&mut self, to: Checkpoint) {
        for commit in self.admitted.drain(to.commits.min(self.admitted.len())..).rev() {
            if let Some(record) = self.records.remove(&commit) {
                self.ancestry.remove_last(&commit, &record.author);
                self.trails.remove_last(&record.device, &commit);
            }
        }
        self.events.truncate(to.events);
        // The numbers of forgotten events will be given to others.
        self.memo.retain(|set, _| set.end() <= to.events);
    }

    /// The given commits without those that are ancestors of others among them, and without unknown ones, sorted.
    pub fn maximal(&self, commits: &[CommitId]) -> Vec<CommitId> {
        let known: BTreeSet<CommitId> = commits.iter().filter(|commit| self.knows(commit)).copied().collect();
        let below = |commit: &CommitId| known.iter().any(|other| self.ancestry.is_ancestor(commit, other));
        known.iter().filter(|commit| !below(commit)).copied().collect()
    }

    /// `resolve` of these heads with everything behind them. Unknown ids are passed over; with no known head at all it is
    /// the state of the whole replica's first commit.
    pub fn state(&mut self, heads: &[CommitId]) -> Arc<R::State> {
        let heads = self.maximal(heads);
        let Some((first, others)) = heads.split_first() else {
            return self.record(&self.root).state.clone();
        };
        let Record { past, state, .. } = self.record(first);
        if others.is_empty() {
            return state.clone();
        }
        let all = others.iter().fold(past.events.clone(), |all, other| all.union(&self.record(other).past.events));
        self.resolve(&all)
    }

    /// `resolve` of a set of events closed under ancestors.
    fn resolve(&mut self, set: &EventSet) -> Arc<R::State> {
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

    /// The events behind these heads, themselves included.
    pub(crate) fn events_behind(&self, heads: &[CommitId]) -> EventSet {
        let pasts = heads.iter().map(|head| &self.record(head).past.events);
        pasts.fold(self.record(&self.root).past.events.clone(), |all, events| all.union(events))
    }

    /// The state and past of two heads together.
    pub(crate) fn union(&mut self, one: &CommitId, other: &CommitId) -> (Past<R::Account>, Arc<R::State>) {
        let past_of = |commit| self.record(commit).past.clone();
        let past = past_of(one).union(&past_of(other));
        let state = self.resolve(&past.events);
        (past, state)
    }

    /// The admitted commits, children first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = CommitId> + '_ {
        self.admitted.iter().rev().copied()
    }

    /// What every device wrote.
    pub(crate) fn trails(&self) -> &Trails<R::Account, DeviceOf<R>> {
        &self.trails
    }

    /// The parents of a commit; none of one that is not known.
    pub(crate) fn parents(&self, commit: &CommitId) -> &[CommitId] {
        self.ancestry.parents(commit)
    }

    pub(crate) fn record(&self, commit: &CommitId) -> &Record<R> {
        &self.records[commit]
    }
}

/// What lies behind a commit that is being judged.
#[derive(Debug)]
pub struct Behind<'a, R: RuleSet> {
    replica: &'a Replica<R>,
    parents: &'a [CommitId],
}

impl<'a, R: RuleSet> Behind<'a, R> {
    /// Author and mark of an earlier commit, if it lies in this past.
    pub fn earlier(&self, commit: &CommitId) -> Option<(R::Account, &'a R::Mark)> {
        let ancestry = &self.replica.ancestry;
        let behind = self.parents.iter().any(|parent| parent == commit || ancestry.is_ancestor(commit, parent));
        let record = self.replica.records.get(commit).filter(|_| behind)?;
        Some((record.author, &record.mark))
    }

    /// Whether one of two parents is an ancestor of the other.
    pub fn is_redundant(&self) -> bool {
        let ancestry = &self.replica.ancestry;
        self.parents.iter().any(|one| self.parents.iter().any(|other| ancestry.is_ancestor(one, other)))
    }

    /// The parents with their states.
    pub fn sides(&self) -> impl Iterator<Item = (CommitId, &'a Arc<R::State>)> {
        self.parents.iter().map(|parent| (*parent, &self.replica.record(parent).state))
    }

    /// What is kept of each parent, with the state after it.
    pub fn marks(&self) -> impl Iterator<Item = (&'a R::Mark, &'a Arc<R::State>)> {
        let records = self.parents.iter().map(|parent| self.replica.record(parent));
        records.map(|record| (&record.mark, &record.state))
    }

    /// The latest date of all, as shown to people.
    pub fn newest(&self) -> i64 {
        self.parents.iter().map(|parent| self.replica.record(parent).clamped_time).max().unwrap_or_default()
    }

    /// The latest date of a commit by this account, if it has one.
    pub fn newest_of(&self, account: &R::Account) -> Option<i64> {
        self.parents.iter().filter_map(|parent| self.replica.ancestry.latest_date(parent, account)).max()
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

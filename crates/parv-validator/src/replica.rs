//! All admitted commits of one conversation, and the state after each.
//!
//! A replica only grows: a commit is judged once, in its own past, and that is final (validation §2). What an effect is
//! worth when concurrent commits become known is `resolve`'s business. A batch that turns out to hold a bad commit is
//! taken back as a whole by [`Replica::rollback`].

use crate::ancestry::Ancestry;
use crate::attested::Dates;
use crate::authority;
use crate::checked::CheckedCommit;
use crate::equivocation::{Equivocation, Trails};
use crate::event::{Act, Event, Past};
use crate::event_set::EventSet;
use crate::kinds::{self, Deed, Editable};
use crate::resolve::{Memo, Resolver};
use crate::source::BlobSource;
use crate::state::State;
use parv_model::{CommitId, ConversationId, DeviceId, Refusal, Role, Rule, Target, Uri, VoteKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The replay of one conversation.
#[derive(Debug, Clone)]
pub struct Replica {
    conversation: ConversationId,
    records: BTreeMap<CommitId, Record>,
    ancestry: Ancestry,
    trails: Trails,
    /// Ids in order of admission, so that the newest can be taken back.
    admitted: Vec<CommitId>,
    events: Vec<Event>,
    memo: Memo,
}

/// What is kept of an admitted commit.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    clamped_time: i64,
    author: Uri,
    device: DeviceId,
    leaves: bool,
    editable: Editable,
    pub(crate) past: Arc<Past>,
    pub(crate) state: Arc<State>,
}

/// A place to go back to; see [`Replica::checkpoint`].
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    commits: usize,
    events: usize,
}

impl Replica {
    /// A conversation that begins with this commit.
    pub fn begin(root: &CheckedCommit, source: &dyn BlobSource) -> Result<Self, Refusal> {
        let (deed, before) = kinds::initial(root, source)?;
        let mut replica = Self {
            conversation: ConversationId::new(root.id()),
            records: BTreeMap::new(),
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
    pub fn admit(&mut self, commit: &CheckedCommit, source: &dyn BlobSource) -> Result<(), Refusal> {
        if self.knows(&commit.id()) {
            return Ok(());
        }
        let missing = commit.commit().parents.iter().find(|parent| !self.knows(parent));
        if let Some(parent) = missing {
            return Err(commit.refuse(Rule::Completeness, format!("its parent {parent} is missing")));
        }
        match *commit.commit().parents.as_slice() {
            [parent] => {
                let Record { past, state, .. } = self.record(&parent).clone();
                let deed = kinds::ordinary(commit, &state, &Behind { replica: self, parents: &[parent] }, source)?;
                self.take(commit, deed, past, state)
            }
            [one, other] => {
                if self.ancestry.is_ancestor(&one, &other) || self.ancestry.is_ancestor(&other, &one) {
                    return Err(commit.refuse(Rule::Kind, "it merges a head with that head's own past"));
                }
                let (past, state) = self.union(&one, &other);
                let author = authority::merger(commit, &state, &Behind { replica: self, parents: &[one, other] })?;
                let deed = Deed { author, act: Act::Witness, brought: Default::default() };
                self.take(commit, deed, Arc::new(past), state)
            }
            _ => Err(commit.refuse(Rule::Root, format!("conversation {} has begun already", self.conversation))),
        }
    }

    /// Holds a judged commit's tree against the state after it, and records it.
    fn take(&mut self, commit: &CheckedCommit, deed: Deed, past: Arc<Past>, before: Arc<State>) -> Result<(), Refusal> {
        let Deed { author, act, brought } = deed;
        let parents = &commit.commit().parents;
        let generation = parents.iter().map(|parent| self.ancestry.generation(parent) + 1).max().unwrap_or(0);
        let parent_time = parents.iter().map(|parent| self.record(parent).clamped_time).max().unwrap_or(0);
        let (past, state) = if act == Act::Witness && past.writers.contains(&author) {
            require_tree(commit, &before)?;
            (past, before)
        } else {
            let papers = brought.device.map(|(_, papers)| papers);
            let papers = papers.or_else(|| before.devices.get(&commit.commit().device).copied());
            let event = Event {
                commit: commit.id(),
                serial: papers.map(|papers| papers.serial),
                generation,
                author,
                device: commit.commit().device,
                act,
                brought,
                past: past.events.clone(),
                known: past.control.clone(),
                before: before.clone(),
            };
            let number = self.events.len();
            let past = Arc::new(past.with(number, &event));
            self.events.push(event);
            let state = self.resolve(&past.events);
            if let Err(refusal) = require_tree(commit, &state) {
                self.memo.remove(&past.events);
                self.events.pop();
                return Err(refusal);
            }
            (past, state)
        };
        let record = Record {
            clamped_time: commit.commit().time.max(parent_time),
            author,
            device: commit.commit().device,
            leaves: act == Act::Leave,
            editable: Editable::of(commit.message()),
            past,
            state,
        };
        self.ancestry.add(commit.id(), parents, author, commit.commit().time);
        self.trails.note(commit.commit().device, author, commit.id(), &self.ancestry);
        self.records.insert(commit.id(), record);
        self.admitted.push(commit.id());
        Ok(())
    }

    /// The conversation.
    pub fn conversation(&self) -> ConversationId {
        self.conversation
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
    pub fn author(&self, commit: &CommitId) -> Option<Uri> {
        self.records.get(commit).map(|record| record.author)
    }

    /// The devices that wrote two commits of which neither knows the other, in the order of their ids.
    pub fn equivocations(&self) -> impl Iterator<Item = Equivocation> + '_ {
        self.trails.forks()
    }

    /// The commits of a device, parents first.
    pub fn commits_of(&self, device: &DeviceId) -> &[CommitId] {
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

    /// The votes of an account in what these heads reach that are stale or void in all of it together, though nothing was
    /// decided about their targets: what an honest device casts again (validation §6, "No rollback").
    pub fn lost_votes(&mut self, heads: &[CommitId], voter: Uri) -> BTreeSet<(VoteKind, Target)> {
        let heads = self.maximal(heads);
        let known = heads.iter().map(|head| &self.record(head).past.events);
        let events = known.fold(EventSet::default(), |all, events| all.union(events));
        Resolver::new(&self.events, &mut self.memo).lost_votes(&events, voter)
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
    pub fn state(&mut self, heads: &[CommitId]) -> Arc<State> {
        let heads = self.maximal(heads);
        let Some((first, others)) = heads.split_first() else {
            return self.record(&self.conversation.root()).state.clone();
        };
        let Record { past, state, .. } = self.record(first);
        if others.is_empty() {
            return state.clone();
        }
        let all = others.iter().fold(past.events.clone(), |all, other| all.union(&self.record(other).past.events));
        self.resolve(&all)
    }

    /// `resolve` of a set of events closed under ancestors.
    fn resolve(&mut self, set: &EventSet) -> Arc<State> {
        Resolver::new(&self.events, &mut self.memo).settle(set).state.clone()
    }

    /// The state after an event that is not admitted (yet).
    pub(crate) fn after(&mut self, event: Event) -> Arc<State> {
        let set = event.past.with(self.events.len());
        self.events.push(event);
        let state = self.resolve(&set);
        self.memo.remove(&set);
        self.events.pop();
        state
    }

    /// The same state as [`state`](Self::state), from all events at once: nothing is taken as settled, nothing remembered.
    /// Slow; it is there for properties and fuzzers to hold the fast way against.
    pub fn resolve_in_full(&self, heads: &[CommitId]) -> State {
        let events = self
            .maximal(heads)
            .iter()
            .map(|head| &self.record(head).past.events)
            .fold(self.record(&self.conversation.root()).past.events.clone(), |all, events| all.union(events));
        let mut memo = Memo::new();
        (*Resolver::plain(&self.events, &mut memo).settle(&events).state).clone()
    }

    /// The gate (validation §8): whether the fetched heads may be let in next to the local ones. The author of each must
    /// be in good standing in the state of all of them together. What lies behind the local heads was let in before.
    pub fn gate(&mut self, local: &[CommitId], fetched: &[CommitId]) -> Result<(), Refusal> {
        let together = [local, fetched].concat();
        let new: Vec<CommitId> = self.maximal(&together).into_iter().filter(|head| !local.contains(head)).collect();
        new.iter().try_for_each(|head| self.good_standing(&together, head))
    }

    /// Whether the author of an admitted commit is in good standing in the state of these heads; whoever leaves needs it
    /// up to their leaving only.
    pub fn good_standing(&mut self, heads: &[CommitId], commit: &CommitId) -> Result<(), Refusal> {
        let state = self.state(heads);
        let Record { author, device, leaves, .. } = *self.record(commit);
        let role = state.role(&author);
        if !(matches!(role, Some(Role::Admin | Role::Member)) || leaves && role == Some(Role::Left)) {
            let role = role.map_or("a stranger".to_owned(), |role| role.to_string());
            return Err(Refusal::new(*commit, Rule::Standing, format!("its author {author} is {role} by now")));
        }
        if state.is_device_banned(&device) {
            return Err(Refusal::new(*commit, Rule::Standing, format!("its device {device} is banned by now")));
        }
        if state.is_revoked(&device) {
            return Err(Refusal::new(*commit, Rule::Standing, format!("its device {device} is revoked by now")));
        }
        Ok(())
    }

    /// The state and past of two heads together.
    pub(crate) fn union(&mut self, one: &CommitId, other: &CommitId) -> (Past, Arc<State>) {
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
    pub(crate) fn trails(&self) -> &Trails {
        &self.trails
    }

    /// The parents of a commit; none of one that is not known.
    pub(crate) fn parents(&self, commit: &CommitId) -> &[CommitId] {
        self.ancestry.parents(commit)
    }

    pub(crate) fn record(&self, commit: &CommitId) -> &Record {
        &self.records[commit]
    }
}

/// What lies behind a commit that has these parents.
struct Behind<'a> {
    replica: &'a Replica,
    parents: &'a [CommitId],
}

impl kinds::Past for Behind<'_> {
    fn earlier(&self, commit: &CommitId) -> Option<(Uri, Editable)> {
        let ancestry = &self.replica.ancestry;
        let behind = self.parents.iter().any(|parent| parent == commit || ancestry.is_ancestor(commit, parent));
        let record = self.replica.records.get(commit).filter(|_| behind)?;
        Some((record.author, record.editable))
    }
}

impl Dates for Behind<'_> {
    fn newest(&self) -> i64 {
        self.parents.iter().map(|parent| self.replica.record(parent).clamped_time).max().unwrap_or_default()
    }

    fn newest_of(&self, account: &Uri) -> Option<i64> {
        self.parents.iter().filter_map(|parent| self.replica.ancestry.latest_date(parent, account)).max()
    }
}

/// The tree is a proof: nothing may be in it but what the rules make of the history (validation §2).
fn require_tree(commit: &CheckedCommit, state: &State) -> Result<(), Refusal> {
    if commit.commit().tree == state.tree() {
        return Ok(());
    }
    Err(commit.refuse(
        Rule::Tree,
        format!(
            "its tree {} is not the one that the rules make of it ({}): a file was added, removed or changed \
             that a commit of this kind may not touch",
            commit.commit().tree,
            state.tree()
        ),
    ))
}

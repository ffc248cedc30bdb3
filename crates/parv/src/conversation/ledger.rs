//! The books of one conversation: its repository, its replay, its heads.
//!
//! Everything here blocks and belongs to one task (the actor), so there are no locks and no half-done changes: a batch of
//! commits goes in as a whole or leaves nothing behind. Objects are durable before a head names them.

mod aside;
mod checkpoint;
mod content;
mod gather;
pub(crate) mod keeping;
#[cfg(test)]
mod tests;

use super::fetch::Fetched;
use super::log::{LogIndex, Place};
use super::writing::BAD_PROOF;
use crate::author::Author;
use crate::folders::Folders;
use crate::replay;
use crate::view::{Equivocation, HeldFork, OpenConflict};
use crate::{Error, clock};
use aside::Aside;
use parv_identity::sshsig::Proof;
use parv_model::{
    Commit, CommitFormatError, CommitId, ConversationId, DeviceId, Message, Mode, Refusal, Rule, Target, TreeId, Uri,
    VoteKind,
};
use parv_store::{NewCommit, Repository, StoreError};
use parv_validator::{CheckedCommit, Content, Draft, Replica, Signed, State};
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

/// See the [module](self).
pub(crate) struct Ledger {
    pub(super) repository: Repository,
    pub(super) replica: Replica,
    pub(super) heads: Vec<CommitId>,
    log: Arc<RwLock<LogIndex>>,
    pub(super) author: Arc<Author>,
    aside: Aside,
    /// The tree of the state by which it was judged last what is shown.
    judged: Option<TreeId>,
    /// How often all was gathered anew.
    gathered: u64,
    /// How many commits were in memory after that, because they could not be kept.
    stayed: usize,
    content_changes: Vec<(CommitId, Option<Content>)>,
}

/// Why fetched commits were not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// One breaks the rules.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// They could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What the own device has to write because nobody else can or may: see validation §5 and §6.
pub(crate) struct Owed {
    /// Of votes that only a merge decides.
    pub(crate) resolutions: Vec<(VoteKind, Target)>,
    /// Votes that are to be cast again.
    pub(crate) votes: Vec<(VoteKind, Target)>,
}

impl Ledger {
    /// Begins a conversation, which gets a repository named by its id.
    pub(crate) fn create(
        folders: &Folders,
        author: Arc<Author>,
        mode: Mode,
        invited: Option<Uri>,
    ) -> Result<Self, Error> {
        let draft = Draft::initial(&author.credentials, mode, invited);
        let draft = draft.map_err(|error| Error::NotAllowed(error.to_string()))?;
        let mut time = clock::now();
        let (bytes, root, repository) = loop {
            let Signed { commit: root, bytes, proof } = author.sign(&draft, time)?;
            if !Proof::all_hold(&[proof]) {
                return Err(Error::NotAllowed(BAD_PROOF.into()));
            }
            match Repository::init(folders.repository(&ConversationId::new(root.id()))) {
                // Two of the same kind in one second would be one and the same.
                Err(StoreError::AlreadyExists(_)) => time += 1,
                made => break (bytes, root, made?),
            }
        };
        let replica = Replica::begin(&root, &draft)?;
        let blobs: Vec<Vec<u8>> = draft.blobs().map(<[u8]>::to_vec).collect();
        repository.write(&[NewCommit { blobs: &blobs, trees: draft.trees(), commit: &bytes }], &[], &[root.id()])?;
        let aside = Aside::new(aside_of(folders, &replica));
        let mut this = Self::new(repository, replica, vec![root.id()], author, aside);
        this.note(std::slice::from_ref(&root));
        Ok(this)
    }

    /// A conversation that was fetched for the first time into the empty repository. Judges all of it.
    pub(crate) fn cloned(
        folders: &Folders,
        repository: Repository,
        id: ConversationId,
        fetched: Fetched,
        author: Arc<Author>,
    ) -> Result<Self, IntakeError> {
        let mut replica = None;
        let Fetched { quarantine, commits } = fetched;
        replay::admit_all(&mut replica, &commits, &quarantine)?;
        let mut replica = replica.filter(|replica| replica.conversation() == id).ok_or_else(|| {
            Refusal::new(id.root(), Rule::Root, "the history that was sent begins with another commit")
        })?;
        let heads = replica.maximal(quarantine.heads());
        replica.gate(&[], &heads)?;
        quarantine.migrate(&[], &heads)?;
        let aside = Aside::new(aside_of(folders, &replica));
        let mut this = Self::new(repository, replica, heads, author, aside);
        this.note(&commits);
        this.judge_content(&[]);
        Ok(this)
    }

    fn new(repository: Repository, replica: Replica, heads: Vec<CommitId>, author: Arc<Author>, aside: Aside) -> Self {
        let (log, content_changes) = (Arc::default(), Vec::new());
        Self { repository, replica, heads, log, author, aside, judged: None, gathered: 0, stayed: 0, content_changes }
    }

    pub(crate) fn id(&self) -> ConversationId {
        self.replica.conversation()
    }

    pub(crate) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(crate) fn log(&self) -> &Arc<RwLock<LogIndex>> {
        &self.log
    }

    pub(crate) fn author(&self) -> &Author {
        &self.author
    }

    pub(crate) fn heads(&self) -> &[CommitId] {
        &self.heads
    }

    pub(crate) fn knows(&self, commit: &CommitId) -> bool {
        self.replica.knows(commit)
    }

    /// Whose commit it is.
    pub(crate) fn author_of(&self, commit: &CommitId) -> Option<Uri> {
        self.replica.author(commit)
    }

    /// Where a commit stands in display order.
    pub(crate) fn place(&self, commit: &CommitId) -> Option<Place> {
        self.replica.display_key(commit)
    }

    /// What all heads together stand for.
    pub(crate) fn state(&mut self) -> Arc<State> {
        self.replica.state(&self.heads)
    }

    /// Takes fetched commits in: all of them, or none. Returns those that were not known, parents first.
    /// Forks from far behind are not among them: they are held.
    pub(crate) fn take_in(&mut self, from: DeviceId, fetched: Fetched) -> Result<Vec<CheckedCommit>, IntakeError> {
        let mark = self.replica.checkpoint();
        let taken = self.judge_and_store(from, fetched);
        if taken.is_err() {
            self.replica.rollback(mark);
            // Whoever sent it is not to be blamed.
            let readable = self.require_readable();
            self.mend();
            readable.map_err(StoreError::from)?;
        }
        taken
    }

    fn judge_and_store(&mut self, from: DeviceId, fetched: Fetched) -> Result<Vec<CheckedCommit>, IntakeError> {
        let Fetched { quarantine, commits } = fetched;
        let mut new = Vec::new();
        for commit in &commits {
            // What lies aside is known, and no part of the conversation yet.
            self.replica.admit(commit, &quarantine)?;
            if !self.lists(&commit.id()) {
                new.push(commit.clone());
            }
        }
        let (held, offered) = self.far_behind(quarantine.heads());
        let heads = self.replica.maximal(&[self.heads.as_slice(), &offered].concat());
        if heads == self.heads && held.is_empty() {
            return Ok(new);
        }
        self.replica.gate(&self.heads, &offered)?;
        for head in &held {
            self.replica.gate(&self.heads, &[*head])?;
        }
        let heads = self.without_fallen(heads, &offered)?;
        self.require_readable().map_err(StoreError::from)?;
        quarantine.migrate(&self.heads, &heads)?;
        let old = std::mem::replace(&mut self.heads, heads);
        if !held.is_empty() {
            new.retain(|commit| self.reaches(&commit.id()));
            self.hold(from, &held);
        }
        if self.aside.tips().iter().any(|tip| self.reaches(tip)) {
            // Somebody built on what lay aside; it need not have been sent again.
            new = self.unlisted(&old)?;
        }
        self.moved(&old, &new);
        Ok(new)
    }

    /// The heads have moved, and these commits are part of the conversation now: brings log and what lies aside up to date.
    fn moved(&mut self, old: &[CommitId], new: &[CheckedCommit]) {
        self.note(new);
        self.judge_content(&new.iter().map(CheckedCommit::id).collect::<Vec<_>>());
        let fell = self.forget_unreachable(old);
        self.take_back();
        if fell { self.gather_anew() } else { self.mend() }
    }

    /// Commits of one's own are on top of all heads now: brings log and what lies aside up to date.
    pub(super) fn entered(&mut self, new: &[CheckedCommit]) {
        self.note(new);
        self.judge_content(&[]);
        self.take_back();
    }

    /// Whether the log lists a commit, be it hidden or a merge.
    fn lists(&self, commit: &CommitId) -> bool {
        let is_new = self.log.read().unwrap_or_else(PoisonError::into_inner).has_new(commit);
        is_new || self.replica.is_settled(commit)
    }

    /// Whether what a commit says is hidden.
    pub(crate) fn is_hidden(&self, commit: &CommitId) -> bool {
        let log = self.log.read().unwrap_or_else(PoisonError::into_inner);
        log.content(commit) == Some(Content::Hidden)
    }

    /// Sets heads aside until somebody lets them in.
    fn hold(&mut self, from: DeviceId, heads: &[CommitId]) {
        let since = clock::now();
        let held: Vec<HeldFork> = heads
            .iter()
            .filter(|head| !self.aside.holds(head))
            .filter_map(|head| Some(HeldFork { head: *head, by: self.author_of(head)?, from, since }))
            .collect();
        self.aside.change(|aside| aside.held.extend(held));
    }

    /// Lets go of heads whose author has been removed meanwhile, back to what somebody in good standing wrote: nobody
    /// else would let such a head in, so offering it would only keep others from fetching here. What the removed one
    /// wrote and others built on stays.
    fn without_fallen(&mut self, mut heads: Vec<CommitId>, offered: &[CommitId]) -> Result<Vec<CommitId>, StoreError> {
        let state = self.replica.state(&heads);
        if !state.is_member(&self.author.uri()) || state.is_device_banned(&self.author.device()) {
            return Ok(heads);
        }
        let fallen = |replica: &mut Replica, heads: &[CommitId]| {
            heads.iter().copied().find(|head| !offered.contains(head) && replica.good_standing(heads, head).is_err())
        };
        while let Some(head) = fallen(&mut self.replica, &heads) {
            let parents = self.commit(&head)?.parents;
            let rest = heads.iter().copied().filter(|other| *other != head).chain(parents).collect::<Vec<_>>();
            heads = self.replica.maximal(&rest);
        }
        Ok(heads)
    }

    /// Enters admitted commits into the log.
    fn note(&mut self, commits: &[CheckedCommit]) {
        LogIndex::change(&self.log, |log| gather::enter(log, &self.replica, commits));
    }

    /// What this device owes the conversation, after what came since `before`, or at all.
    pub(crate) fn owed(&mut self, before: Option<&State>) -> Owed {
        Owed { resolutions: self.due_resolutions(), votes: self.lost_votes(before) }
    }

    /// The votes that have a majority only in all heads together, and that the own account voted for: nobody could resolve
    /// them until now, so this device does (validation §5).
    fn due_resolutions(&mut self) -> Vec<(VoteKind, Target)> {
        let own = self.author.uri();
        let merged = self.state();
        if self.heads.len() < 2 || !merged.is_admin(&own) {
            return Vec::new();
        }
        let mut due: Vec<_> = merged.open_votes().into_iter().collect();
        due.retain(|(kind, target)| merged.majority(*kind, target) && merged.votes(*kind, target).contains(&own));
        due.retain(|(kind, target)| {
            !self.heads.iter().any(|head| self.replica.state(&[*head]).majority(*kind, target))
        });
        due
    }

    /// The votes of the own account that came to nothing though nobody decided about their targets: to be cast again
    /// (validation §6, "No rollback"). If it is known what was open `before`, the rules are asked in full only when a vote that
    /// was open there, or in one of the heads by itself, is not open any more.
    fn lost_votes(&mut self, before: Option<&State>) -> Vec<(VoteKind, Target)> {
        let own = self.author.uri();
        let now = self.state();
        if !now.is_admin(&own) {
            return Vec::new();
        }
        if let Some(before) = before {
            let mut open: Vec<_> = before.votes_of(own).collect();
            for head in &self.heads {
                open.extend(self.replica.state(&[*head]).votes_of(own));
            }
            if open.iter().all(|(kind, target)| now.votes(*kind, target).contains(&own)) {
                return Vec::new();
            }
        }
        self.replica.lost_votes(&self.heads, own).into_iter().collect()
    }

    /// The resolutions that stand undecided in this state.
    pub(crate) fn conflicts(&self, state: &State) -> Vec<OpenConflict> {
        let mut conflicts = Vec::new();
        for commit in state.undecided() {
            let message = self.commit(&commit).map(|commit| Message::decode(&commit.message));
            match (message, self.author_of(&commit)) {
                (Ok(Ok(Message::Resolve(kind, target))), Some(by)) => {
                    conflicts.push(OpenConflict { commit, kind, target, by });
                }
                (other, _) => tracing::warn!(%commit, "an undecided resolution cannot be shown: {other:?}"),
            }
        }
        conflicts
    }

    /// The devices that wrote two commits of which neither knows the other.
    pub(crate) fn equivocations(&self) -> Vec<Equivocation> {
        self.replica.equivocations().map(Into::into).collect()
    }

    fn commit(&self, id: &CommitId) -> Result<Commit, StoreError> {
        read_commit(&self.repository, id)
    }
}

/// Where it is kept what lies aside.
fn aside_of(folders: &Folders, replica: &Replica) -> PathBuf {
    folders.conversation_data(&replica.conversation()).join("aside.json")
}

/// The bytes of commits that must be there.
fn read(repository: &Repository, commits: &[CommitId]) -> Result<Vec<Vec<u8>>, StoreError> {
    commits.iter().map(|id| read_bytes(repository, id)).collect()
}

fn read_bytes(repository: &Repository, id: &CommitId) -> Result<Vec<u8>, StoreError> {
    repository.commit(id)?.ok_or_else(|| StoreError::Missing { kind: "commit", id: id.to_string() })
}

/// A commit of the conversation as it was admitted.
pub(crate) fn read_commit(repository: &Repository, id: &CommitId) -> Result<Commit, StoreError> {
    let malformed = |error: CommitFormatError| StoreError::Malformed { id: id.to_string(), why: error.to_string() };
    Commit::decode(&read_bytes(repository, id)?).map(|(commit, _)| commit).map_err(malformed)
}

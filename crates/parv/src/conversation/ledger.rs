//! The books of one conversation: its repository, its replay, its heads.
//!
//! Everything here blocks and belongs to one task (the actor), so there are no locks and no half-done changes: a batch of
//! commits goes in as a whole or leaves nothing behind. Objects are durable before a head names them.

use super::fetch::Fetched;
use super::log::{LogIndex, Place};
use super::writing::BAD_PROOF;
use crate::author::Author;
use crate::replay::{self, BATCH};
use crate::view::{Equivocation, OpenConflict};
use crate::{Error, clock};
use parv_identity::sshsig::Proof;
use parv_model::{
    Commit, CommitFormatError, CommitId, ConversationId, Message, Mode, Refusal, Rule, Target, Uri, VoteKind,
};
use parv_store::{NewCommit, Repository, StoreError};
use parv_validator::{CheckedCommit, Draft, Replica, Signed, State};
use std::path::Path;
use std::sync::{Arc, RwLock};

/// See the [module](self).
pub(crate) struct Ledger {
    pub(super) repository: Repository,
    pub(super) replica: Replica,
    pub(super) heads: Vec<CommitId>,
    log: Arc<RwLock<LogIndex>>,
    pub(super) author: Arc<Author>,
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

impl Ledger {
    /// Begins a conversation in `folder`, which gets a repository named by the conversation's id.
    pub(crate) fn create(folder: &Path, author: Arc<Author>, mode: Mode, invited: Option<Uri>) -> Result<Self, Error> {
        let draft = Draft::initial(&author.credentials, mode, invited);
        let draft = draft.map_err(|error| Error::NotAllowed(error.to_string()))?;
        let mut time = clock::now();
        let (bytes, root, repository) = loop {
            let Signed { commit: root, bytes, proof } = author.sign(&draft, time)?;
            if !Proof::all_hold(&[proof]) {
                return Err(Error::NotAllowed(BAD_PROOF.into()));
            }
            match Repository::init(folder.join(root.id().to_string())) {
                // Two of the same kind in one second would be one and the same.
                Err(StoreError::AlreadyExists(_)) => time += 1,
                made => break (bytes, root, made?),
            }
        };
        let replica = Replica::begin(&root, &draft)?;
        let blobs: Vec<Vec<u8>> = draft.blobs().map(<[u8]>::to_vec).collect();
        repository.write(&[NewCommit { blobs: &blobs, trees: draft.trees(), commit: &bytes }], &[], &[root.id()])?;
        let mut this = Self::new(repository, replica, vec![root.id()], author);
        this.note(std::slice::from_ref(&root));
        Ok(this)
    }

    /// Opens the conversation at `path` and judges all of it anew.
    pub(crate) fn open(path: &Path, id: ConversationId, author: Arc<Author>) -> Result<Self, Error> {
        let unusable = |why: String| Error::Unusable { conversation: id, why };
        let repository = Repository::open(path)?;
        let heads = repository.heads()?;
        let mut replica = None;
        let mut log = LogIndex::default();
        for batch in repository.walk(&heads, &[])?.chunks(BATCH) {
            let commits = read(&repository, batch).map_err(|error| unusable(error.to_string()))?;
            let replayed = replay::check_all(batch, &commits).and_then(|checked| {
                replay::admit_all(&mut replica, &checked, &repository)?;
                Ok(checked)
            });
            let checked = replayed.map_err(|refusal| unusable(refusal.to_string()))?;
            replica.iter().for_each(|replica| enter(&mut log, replica, &checked));
        }
        let replica = replica.ok_or_else(|| unusable("it has no commits".into()))?;
        if replica.conversation() != id {
            return Err(unusable(format!("its first commit is {}", replica.conversation())));
        }
        if let Some(head) = heads.iter().find(|head| !replica.knows(head)) {
            return Err(unusable(format!("the history of its head {head} runs in a circle")));
        }
        Ok(Self { log: Arc::new(RwLock::new(log)), ..Self::new(repository, replica, heads, author) })
    }

    /// A conversation that was fetched for the first time into the empty repository. Judges all of it.
    pub(crate) fn cloned(
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
        quarantine.migrate()?;
        repository.set_heads(&[], &heads)?;
        let mut this = Self::new(repository, replica, heads, author);
        this.note(&commits);
        Ok(this)
    }

    fn new(repository: Repository, replica: Replica, heads: Vec<CommitId>, author: Arc<Author>) -> Self {
        Self { repository, replica, heads, log: Arc::default(), author }
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
    pub(crate) fn take_in(&mut self, fetched: Fetched) -> Result<Vec<CheckedCommit>, IntakeError> {
        let mark = self.replica.checkpoint();
        let taken = self.judge_and_store(fetched);
        if taken.is_err() {
            self.replica.rollback(mark);
        }
        taken
    }

    fn judge_and_store(&mut self, fetched: Fetched) -> Result<Vec<CheckedCommit>, IntakeError> {
        let Fetched { quarantine, commits } = fetched;
        let mut new = Vec::new();
        for commit in &commits {
            if !self.replica.knows(&commit.id()) {
                self.replica.admit(commit, &quarantine)?;
                new.push(commit.clone());
            }
        }
        let offered = quarantine.heads().to_vec();
        let heads = self.replica.maximal(&[self.heads.as_slice(), &offered].concat());
        if heads == self.heads {
            return Ok(new);
        }
        self.replica.gate(&self.heads, &offered)?;
        quarantine.migrate()?;
        let heads = self.without_fallen(heads, &offered)?;
        self.repository.set_heads(&self.heads, &heads)?;
        self.note(&commits);
        let old = std::mem::replace(&mut self.heads, heads);
        self.forget_unreachable(&old);
        Ok(new)
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

    /// Takes what only the old heads reached out of the log.
    fn forget_unreachable(&mut self, old: &[CommitId]) {
        let ends = self.replica.maximal(&[self.heads.as_slice(), old].concat());
        let fallen: Vec<_> = ends.into_iter().filter(|end| !self.heads.contains(end)).collect();
        if fallen.is_empty() {
            return;
        }
        let gone = self.repository.walk(&fallen, &self.heads).unwrap_or_else(|error| {
            tracing::warn!("the log shows what it should not any more: {error}");
            Vec::new()
        });
        // The walk may list some that are still reached, when commits lie about their dates.
        let gone = gone.iter().filter(|commit| !self.repository.has(commit).unwrap_or(true));
        LogIndex::change(&self.log, |log| gone.for_each(|commit| log.remove(commit)));
    }

    /// Enters admitted commits into the log.
    pub(super) fn note(&mut self, commits: &[CheckedCommit]) {
        LogIndex::change(&self.log, |log| enter(log, &self.replica, commits));
    }

    /// The votes that have a majority only in all heads together, and that the own account voted for: nobody could resolve
    /// them until now, so this device does (validation §5).
    pub(crate) fn due_resolutions(&mut self) -> Vec<(VoteKind, Target)> {
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
    /// (validation §6, "No rollback"). `before` is the state before what was taken in last. The rules are asked in full
    /// only when a vote that was open there, or in one of the heads by itself, is not open any more.
    pub(crate) fn lost_votes(&mut self, before: &State) -> Vec<(VoteKind, Target)> {
        let own = self.author.uri();
        let now = self.state();
        if !now.is_admin(&own) {
            return Vec::new();
        }
        let mut open: Vec<_> = before.votes_of(own).collect();
        for head in &self.heads {
            open.extend(self.replica.state(&[*head]).votes_of(own));
        }
        if open.iter().all(|(kind, target)| now.votes(*kind, target).contains(&own)) {
            return Vec::new();
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

fn enter(log: &mut LogIndex, replica: &Replica, commits: &[CheckedCommit]) {
    for commit in commits {
        if let Some(place) = replica.display_key(&commit.id()) {
            let shown = *commit.message() != Message::Merge;
            log.insert(place, replica.author(&commit.id()).filter(|_| shown));
            if let Message::Add(uri) | Message::Initial { invited: Some(uri), .. } = commit.message() {
                log.invites(*uri, place);
            }
        }
    }
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

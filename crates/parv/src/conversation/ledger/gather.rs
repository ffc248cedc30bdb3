//! Opening a conversation: from what was kept of it and what came since, or else from all of it.

use super::{Aside, Ledger, aside_of, read};
use crate::author::Author;
use crate::conversation::kept::{Kept, Unkept};
use crate::conversation::log::LogIndex;
use crate::folders::Folders;
use crate::replay::{self, BATCH};
use crate::{Error, error};
use parv_model::{CommitId, ConversationId, Message};
use parv_store::Repository;
use parv_validator::settled::{Settled, Step};
use parv_validator::swarm::Swarm;
use parv_validator::{CheckedCommit, Replica, Signatures};
use std::sync::{Arc, RwLock};

/// While much is gathered, it is kept whenever so many commits are not: what is held of them at a time is some megabytes.
const SHARE: usize = 32_768;

/// What the books are made of.
pub(super) struct Gathered {
    pub(super) replica: Replica,
    pub(super) log: LogIndex,
}

impl Ledger {
    /// Opens a conversation: believes what was kept of old commits (decision 0017), and judges anew what changes the state
    /// and what came since. A head is written only when all behind it was admitted, so signatures are checked together
    /// (decision 0011).
    pub(crate) fn open(folders: &Folders, id: ConversationId, author: Arc<Author>) -> Result<Self, Error> {
        let repository = Repository::open(folders.repository(&id))?;
        let heads = repository.heads()?;
        let Gathered { replica, log } = gather(&repository, id, &heads)?;
        let aside = Aside::load(aside_of(folders, &replica));
        let log = Arc::new(RwLock::new(log));
        let mut this = Self { log, ..Self::new(repository, replica, heads, author, aside) };
        this.recall();
        Ok(this)
    }
}

/// Brings replica and log to these heads.
pub(super) fn gather(repository: &Repository, id: ConversationId, heads: &[CommitId]) -> Result<Gathered, Error> {
    match from_kept(repository, id, heads) {
        Ok(Some(gathered)) => return Ok(gathered),
        Ok(None) => {}
        Err(why) => {
            tracing::info!(conversation = %id, "the index is built anew: {why}");
            forget(repository, id);
        }
    }
    let gathered = follow(None, repository, id, heads)?;
    let (replica, log) = gathered.ok_or_else(|| unusable(id, "it has no commits".into()))?;
    if replica.conversation() != id {
        return Err(unusable(id, format!("its first commit is {}", replica.conversation())));
    }
    if let Some(head) = heads.iter().find(|head| !replica.knows(head)) {
        return Err(unusable(id, format!("the history of its head {head} runs in a circle")));
    }
    Ok(Gathered { replica, log })
}

/// The same from what was kept. None if nothing was; the error says why it cannot be used.
fn from_kept(repository: &Repository, id: ConversationId, heads: &[CommitId]) -> Result<Option<Gathered>, String> {
    let Some((kept, summary)) = Kept::open(repository).map_err(|error| error.to_string())? else { return Ok(None) };
    let first = |step: &Step| kept.row(step.first).map(|row| row.id);
    let firsts = summary.steps.iter().map(first).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let bytes = read(repository, &firsts).map_err(|error| error::chain(&error))?;
    let firsts = replay::check_all(&firsts, &bytes, Signatures::Admitted).map_err(|refusal| refusal.to_string())?;
    let replica = Replica::restore(Swarm, Arc::new(kept.clone()), &summary, &firsts, repository);
    let replica = replica.map_err(|error| error.to_string())?;
    if replica.conversation() != id {
        return Err(format!("it is that of conversation {}", replica.conversation()));
    }
    let mut log = LogIndex::default();
    firsts.iter().for_each(|commit| note_invitation(&mut log, &replica, commit));
    log.settle(kept, &[]);
    let gathered = follow(Some((replica, log)), repository, id, heads).map_err(|error| error::chain(&error))?;
    let Some((replica, log)) = gathered else { return Ok(None) };
    let mut reached = heads.to_vec();
    reached.sort();
    match replica.unreadable() {
        Some(why) => Err(why.to_string()),
        None if replica.tips() != reached => Err("it is not that of these heads".into()),
        None => Ok(Some(Gathered { replica, log })),
    }
}

/// Replays what the heads reach and is not known.
fn follow(
    books: Option<(Replica, LogIndex)>,
    repository: &Repository,
    id: ConversationId,
    heads: &[CommitId],
) -> Result<Option<(Replica, LogIndex)>, Error> {
    let known = books.as_ref().map_or_else(Vec::new, |(replica, _)| replica.tips());
    let (mut replica, mut log) = books.map_or_else(Default::default, |(replica, log)| (Some(replica), log));
    for batch in repository.walk(heads, &known)?.chunks(BATCH) {
        let commits = read(repository, batch).map_err(|error| unusable(id, error.to_string()))?;
        let readmitted = replay::readmit(&mut replica, batch, &commits, repository);
        let readmitted = readmitted.map_err(|refusal| unusable(id, refusal.to_string()))?;
        let Some(replica) = &mut replica else { continue };
        enter(&mut log, replica, &readmitted);
        if replica.unsettled().len() >= SHARE {
            keep(replica, &mut log, repository);
        }
    }
    Ok(replica.map(|replica| (replica, log)))
}

/// Removes what was kept.
pub(super) fn forget(repository: &Repository, id: ConversationId) {
    if let Err(error) = Kept::forget(repository) {
        tracing::warn!(conversation = %id, "the index cannot be removed: {}", error::chain(&error));
    }
}

/// Keeps all that a replica holds, right away.
pub(super) fn keep(replica: &mut Replica, log: &mut LogIndex, repository: &Repository) {
    let kept = log.kept().cloned().unwrap_or_else(|| Kept::nothing(repository));
    match kept.extended(&Unkept::of(replica)) {
        Ok(kept) => settle(replica, log, kept),
        Err(error) => tracing::warn!("the index stays as it is: {}", error::chain(&error)),
    }
}

/// Lets go of what is kept.
pub(super) fn settle(replica: &mut Replica, log: &mut LogIndex, kept: Kept) {
    let more = kept.commits().saturating_sub(replica.settled());
    let settled: Vec<CommitId> = replica.unsettled().take(more as usize).map(|row| row.id).collect();
    log.settle(kept.clone(), &settled);
    replica.settle(Arc::new(kept));
}

/// Enters admitted commits into the log, unless they are kept.
pub(super) fn enter(log: &mut LogIndex, replica: &Replica, commits: &[CheckedCommit]) {
    for commit in commits {
        if let Some(place) = replica.display_key(&commit.id()).filter(|_| !replica.is_settled(&commit.id())) {
            let shown = *commit.message() != Message::Merge;
            log.insert(place, replica.author(&commit.id()).filter(|_| shown));
            note_invitation(log, replica, commit);
        }
    }
}

fn note_invitation(log: &mut LogIndex, replica: &Replica, commit: &CheckedCommit) {
    if let Message::Add(uri) | Message::Initial { invited: Some(uri), .. } = commit.message()
        && let Some(place) = replica.display_key(&commit.id())
    {
        log.invites(*uri, place);
    }
}

fn unusable(conversation: ConversationId, why: String) -> Error {
    Error::Unusable { conversation, why }
}

//! The log: a conversation's commits in display order (requirement M2).
//!
//! The index holds where each commit stands and whose it is; what it says is read from the repository when it is shown.
//! Reading needs neither the actor nor the replay, so it never waits for a fetch that is being judged.

use super::ledger::read_commit;
use crate::Error;
use crate::view::{LogEntry, LogQuery};
use parv_model::{Commit, CommitId, Message, Uri};
use parv_store::Repository;
use std::collections::{BTreeMap, HashMap};
use std::sync::{PoisonError, RwLock};

/// Where a commit stands: generation, time, id.
pub(crate) type Place = (u64, i64, CommitId);

/// The commits in display order.
#[derive(Debug, Default)]
pub(crate) struct LogIndex {
    /// Where the entries stand, and whose they are. Merges are no entries.
    entries: BTreeMap<Place, Uri>,
    /// Where every commit stands.
    places: HashMap<CommitId, Place>,
    /// The commit that invited somebody last.
    invitations: HashMap<Uri, Place>,
}

impl LogIndex {
    /// Changes an index that others read.
    pub(crate) fn change(index: &RwLock<Self>, change: impl FnOnce(&mut Self)) {
        change(&mut index.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Enters a commit; `author` is the one to show it as, none if it is not shown.
    pub(crate) fn insert(&mut self, place: Place, author: Option<Uri>) {
        if let Some(author) = author {
            self.entries.insert(place, author);
        }
        self.places.insert(place.2, place);
    }

    /// Notes that a commit invites somebody.
    pub(crate) fn invites(&mut self, uri: Uri, place: Place) {
        let latest = self.invitations.entry(uri).or_insert(place);
        *latest = place.max(*latest);
    }

    /// The commit that invited somebody last.
    pub(crate) fn invitation(&self, uri: &Uri) -> Option<CommitId> {
        self.invitations.get(uri).map(|(_, _, commit)| *commit)
    }

    pub(crate) fn remove(&mut self, commit: &CommitId) {
        if let Some(place) = self.places.remove(commit) {
            self.entries.remove(&place);
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where a commit stands, if it is part of the conversation.
    pub(crate) fn place(&self, commit: &CommitId) -> Option<Place> {
        self.places.get(commit).copied()
    }

    /// The newest `limit` entries before a place, the newest first.
    fn before(&self, end: Option<Place>, limit: usize) -> Vec<(Place, Uri)> {
        let all = match end {
            Some(end) => self.entries.range(..end),
            None => self.entries.range::<Place, _>(..),
        };
        all.rev().take(limit).map(|(place, author)| (*place, *author)).collect()
    }
}

/// How many entries are looked up in the index at a time.
const PAGE: usize = 256;

/// Reads the part of the log that is asked for.
pub(crate) fn read(index: &RwLock<LogIndex>, repository: &Repository, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
    let locked = || index.read().unwrap_or_else(PoisonError::into_inner);
    let mut end = match query.before {
        Some(commit) => Some(locked().place(&commit).ok_or(Error::UnknownCommit(commit))?),
        None => None,
    };
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    while entries.len() < limit {
        let page = locked().before(end, PAGE.min(limit - entries.len()));
        let Some((last, _)) = page.last() else { break };
        end = Some(*last);
        for ((_, _, id), author) in page {
            let commit = read_commit(repository, &id)?;
            let message = Message::decode(&commit.message).map_err(|error| {
                Error::Store(parv_store::StoreError::Malformed { id: id.to_string(), why: error.to_string() })
            })?;
            entries.push(entry(id, author, &commit, message));
        }
    }
    entries.reverse();
    Ok(entries)
}

/// A commit as the log shows it.
pub(crate) fn entry(id: CommitId, author: Uri, commit: &Commit, message: Message) -> LogEntry {
    LogEntry { id, author, device: commit.device, name: commit.author.to_string(), time: commit.time, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(generation: u64, time: i64, id: u8) -> Place {
        (generation, time, CommitId::from_bytes([id; 20]))
    }

    #[test]
    fn pages_follow_display_order() {
        let mut index = LogIndex::default();
        let places = [place(0, 5, 9), place(1, 5, 3), place(1, 6, 1), place(2, 6, 2)];
        for at in [2, 0, 3, 1] {
            index.insert(places[at], Some(Uri::from_bytes([at as u8; 32])));
        }
        let ids = |index: &LogIndex, end, limit| {
            index.before(end, limit).into_iter().map(|(place, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(ids(&index, None, 2), [places[3], places[2]]);
        assert_eq!(ids(&index, Some(places[2]), 9), [places[1], places[0]]);
        assert_eq!(index.place(&places[1].2), Some(places[1]));
        index.insert(place(3, 6, 7), None);
        assert_eq!(ids(&index, None, 1), [places[3]]);
        assert_eq!(index.place(&place(3, 6, 7).2), Some(place(3, 6, 7)));
        index.remove(&places[1].2);
        assert_eq!(index.len(), 3);
        assert_eq!(index.place(&places[1].2), None);
    }
}

//! The log: a conversation's commits in display order (requirement M2).
//!
//! The index holds where each commit stands and whose it is: that of old commits is [kept](super::kept) on the disk, that of the
//! newest ones in memory. What a commit says is read from the repository when it is shown. Reading needs neither the actor
//! nor the replay, so it never waits for a fetch that is being judged.

use super::kept::Kept;
use super::ledger::read_commit;
use crate::Error;
use crate::view::{LogEntry, LogQuery};
use parv_model::{Commit, CommitId, Message, Uri};
use parv_store::{Repository, StoreError};
use parv_validator::Content;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};

/// Where a commit stands: generation, time, id.
pub(crate) type Place = (u64, i64, CommitId);

/// The commits in display order.
#[derive(Debug, Default)]
pub(crate) struct LogIndex {
    /// What is on the disk.
    kept: Option<Kept>,
    /// Where the other entries stand, and whose they are. Merges are no entries.
    entries: BTreeMap<Place, Uri>,
    /// Where every commit stands that is not on the disk.
    places: HashMap<CommitId, Place>,
    /// The commit that invited somebody last.
    invitations: HashMap<Uri, Place>,
    /// What is shown with a flag, or not at all.
    content: BTreeMap<CommitId, Content>,
    /// How many entries are not shown.
    hidden: usize,
}

impl LogIndex {
    /// Changes an index that others read.
    pub(crate) fn change(index: &RwLock<Self>, change: impl FnOnce(&mut Self)) {
        change(&mut index.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// What is on the disk.
    pub(crate) fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// These commits are on the disk now, with those that were before.
    pub(crate) fn settle(&mut self, kept: Kept, commits: &[CommitId]) {
        for place in commits.iter().filter_map(|commit| self.places.remove(commit)) {
            self.entries.remove(&place);
        }
        self.kept = Some(kept);
    }

    /// Enters a commit; `author` is the one to show it as, none if it is not shown.
    pub(crate) fn insert(&mut self, place: Place, author: Option<Uri>) {
        if let Some(author) = author
            && self.entries.insert(place, author).is_none()
            && self.is_hidden(&place)
        {
            self.hidden += 1;
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

    /// Judges anew what is shown; gives the commits for which that is a difference, and how they are shown now.
    pub(crate) fn judge(&mut self, content: BTreeMap<CommitId, Content>) -> Vec<(CommitId, Option<Content>)> {
        let before = std::mem::replace(&mut self.content, content);
        self.hidden = self
            .content
            .keys()
            .filter(|commit| self.content(commit) == Some(Content::Hidden))
            .filter(|commit| self.is_entry(commit))
            .count();
        let judged: BTreeSet<&CommitId> = before.keys().chain(self.content.keys()).collect();
        let now = judged.into_iter().map(|commit| (*commit, self.content(commit)));
        now.filter(|(commit, now)| before.get(commit).copied() != *now).collect()
    }

    /// How a commit is shown that was said at the same time as a ban of its author.
    pub(crate) fn content(&self, commit: &CommitId) -> Option<Content> {
        self.content.get(commit).copied()
    }

    /// Whether a commit is an entry; not, if that cannot be read.
    fn is_entry(&self, commit: &CommitId) -> bool {
        match (self.places.get(commit), &self.kept) {
            (None, Some(kept)) => kept.is_entry(commit).unwrap_or(false),
            (place, _) => place.is_some_and(|place| self.entries.contains_key(place)),
        }
    }

    fn is_hidden(&self, place: &Place) -> bool {
        self.content(&place.2) == Some(Content::Hidden)
    }

    /// Takes a commit out that is not on the disk.
    pub(crate) fn remove(&mut self, commit: &CommitId) {
        if let Some(place) = self.places.remove(commit)
            && self.entries.remove(&place).is_some()
            && self.is_hidden(&place)
        {
            self.hidden -= 1;
        }
    }

    /// How many entries are shown.
    pub(crate) fn len(&self) -> usize {
        self.kept.as_ref().map_or(0, Kept::entries) + self.entries.len() - self.hidden
    }

    /// Where a commit stands, if it is part of the conversation.
    pub(crate) fn place(&self, commit: &CommitId) -> Result<Option<Place>, StoreError> {
        match (self.places.get(commit), &self.kept) {
            (None, Some(kept)) => kept.place(commit),
            (place, _) => Ok(place.copied()),
        }
    }

    /// Whether a commit that is not on the disk is part of the conversation.
    pub(crate) fn has_new(&self, commit: &CommitId) -> bool {
        self.places.contains_key(commit)
    }

    /// How many entries are in memory.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.entries.len().max(self.places.len())
    }

    /// The newest `limit` entries before a place, the newest first; also the hidden ones, if that is wanted.
    fn before(&self, end: Option<Place>, limit: usize, hidden: bool) -> Result<Vec<Shown>, StoreError> {
        let kept = self.kept.as_ref().map(|kept| kept.newest(end.as_ref())).transpose()?;
        let mut kept = kept.into_iter().flatten();
        let mut new = match end {
            Some(end) => self.entries.range(..end),
            None => self.entries.range::<Place, _>(..),
        }
        .rev()
        .map(|(place, author)| (*place, *author));
        let (mut newest, mut newest_kept) = (new.next(), kept.next().transpose()?);
        let mut shown = Vec::new();
        while shown.len() < limit {
            let next = if newest > newest_kept {
                std::mem::replace(&mut newest, new.next())
            } else {
                let before = newest_kept.is_some().then(|| kept.next().transpose()).transpose()?;
                std::mem::replace(&mut newest_kept, before.flatten())
            };
            let Some((place, author)) = next else { break };
            if hidden || !self.is_hidden(&place) {
                shown.push((place, author, self.content(&place.2)));
            }
        }
        Ok(shown)
    }
}

/// An entry: where it stands, whose it is, and how it is shown if it was said at the same time as a ban of its author.
type Shown = (Place, Uri, Option<Content>);

/// How many entries are looked up in the index at a time.
const PAGE: usize = 256;

/// Reads the part of the log that is asked for.
pub(crate) fn read(index: &RwLock<LogIndex>, repository: &Repository, query: LogQuery) -> Result<Vec<LogEntry>, Error> {
    let locked = || index.read().unwrap_or_else(PoisonError::into_inner);
    let mut end = match query.before {
        Some(commit) => Some(locked().place(&commit)?.ok_or(Error::UnknownCommit(commit))?),
        None => None,
    };
    let limit = query.limit.unwrap_or(usize::MAX);
    let mut entries = Vec::new();
    while entries.len() < limit {
        let page = locked().before(end, PAGE.min(limit - entries.len()), query.hidden)?;
        let Some((last, _, _)) = page.last() else { break };
        end = Some(*last);
        for ((_, _, id), author, content) in page {
            let commit = read_commit(repository, &id)?;
            let message = Message::decode(&commit.message)
                .map_err(|error| Error::Store(StoreError::Malformed { id: id.to_string(), why: error.to_string() }))?;
            entries.push(LogEntry { content, ..entry(id, author, &commit, message) });
        }
    }
    entries.reverse();
    Ok(entries)
}

/// A commit as the log shows it.
pub(crate) fn entry(id: CommitId, author: Uri, commit: &Commit, message: Message) -> LogEntry {
    LogEntry {
        id,
        author,
        device: commit.device,
        name: commit.author.to_string(),
        time: commit.time,
        message,
        content: None,
    }
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
            index.before(end, limit, false).unwrap().into_iter().map(|(place, _, _)| place).collect::<Vec<_>>()
        };
        assert_eq!(ids(&index, None, 2), [places[3], places[2]]);
        assert_eq!(ids(&index, Some(places[2]), 9), [places[1], places[0]]);
        assert_eq!(index.place(&places[1].2).unwrap(), Some(places[1]));
        index.insert(place(3, 6, 7), None);
        assert_eq!(ids(&index, None, 1), [places[3]]);
        assert_eq!(index.place(&place(3, 6, 7).2).unwrap(), Some(place(3, 6, 7)));
        let hidden = BTreeMap::from([(places[2].2, Content::Hidden), (places[3].2, Content::Flagged)]);
        assert_eq!(index.judge(hidden.clone()).len(), 2);
        assert_eq!(index.judge(hidden), [], "no difference");
        assert_eq!((ids(&index, None, 2), index.len()), (vec![places[3], places[1]], 3));
        assert_eq!(index.before(None, 2, true).unwrap()[1].2, Some(Content::Hidden));
        assert_eq!(index.judge(BTreeMap::new()), [(places[2].2, None), (places[3].2, None)]);
        index.remove(&places[1].2);
        assert_eq!(index.len(), 3);
        assert_eq!(index.place(&places[1].2).unwrap(), None);
    }
}

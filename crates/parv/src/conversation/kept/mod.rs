//! What is known of old commits, kept beside the repository (decision 0017): the validator's rows and summary in the store's
//! index.

mod row;
mod summary;
mod writers;

use super::log::Place;
use parv_model::{CommitId, Uri};
use parv_store::index::Newest;
use parv_store::{Index, IndexRow, Repository, StoreError};
use parv_validator::Replica;
use parv_validator::settled::{Position, Row, Settled, Summary, Unreadable};
use parv_validator::swarm::Swarm;
use std::sync::Arc;
use writers::Writers;

/// Rows of a conversation as they were kept at some moment. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    index: Index,
    writers: Arc<Writers>,
}

/// What a replica holds and is to be kept.
pub(crate) struct Unkept {
    rows: Vec<Row<Swarm>>,
    summary: Summary<Swarm>,
}

impl Unkept {
    /// All of it.
    pub(crate) fn of(replica: &Replica) -> Self {
        Self { rows: replica.unsettled().cloned().collect(), summary: replica.summary() }
    }
}

impl Kept {
    /// Nothing yet.
    pub(crate) fn nothing(repository: &Repository) -> Self {
        Self { index: Index::empty(repository.path()), writers: Arc::default() }
    }

    /// What was kept last, if something was.
    pub(crate) fn open(repository: &Repository) -> Result<Option<(Self, Summary<Swarm>)>, Unreadable> {
        let Some((index, bytes)) = Index::open(repository.path()).map_err(unreadable)? else { return Ok(None) };
        let (summary, writers) = summary::decode(&bytes, index.rows())?;
        Ok(Some((Self { index, writers: Arc::new(writers) }, summary)))
    }

    /// Lets go of what was kept.
    pub(crate) fn forget(repository: &Repository) -> Result<(), StoreError> {
        Index::remove(repository.path())
    }

    /// Keeps more. Blocks, and syncs the disk.
    pub(crate) fn extended(&self, more: &Unkept) -> Result<Self, StoreError> {
        let mut writers = (*self.writers).clone();
        more.summary.trails.iter().for_each(|(device, account, _)| writers.add((*account, *device)));
        let rows: Vec<_> = more.rows.iter().map(|row| row::encode(row, &writers)).collect();
        let summary = summary::encode(&more.summary, &writers).map_err(|error| StoreError::Index(error.to_string()))?;
        let index = self.index.extended(&rows, &summary)?;
        Ok(Self { index, writers: Arc::new(writers) })
    }

    /// How many entries of the log are kept.
    pub(crate) fn entries(&self) -> usize {
        self.index.listed() as usize
    }

    /// Where a commit stands in display order.
    pub(crate) fn place(&self, commit: &CommitId) -> Result<Option<Place>, StoreError> {
        Ok(self.row_of(commit)?.map(|row| row.place))
    }

    /// Whether a commit is an entry of the log.
    pub(crate) fn is_entry(&self, commit: &CommitId) -> Result<bool, StoreError> {
        Ok(self.row_of(commit)?.is_some_and(|row| row.listed))
    }

    fn row_of(&self, commit: &CommitId) -> Result<Option<IndexRow>, StoreError> {
        self.index.position(commit)?.map(|position| self.index.row(position)).transpose()
    }

    /// The entries of the log before a place, or all, the newest first.
    pub(crate) fn newest(&self, end: Option<&Place>) -> Result<Entries<'_>, StoreError> {
        Ok(Entries { rows: self.index.newest(end)?, writers: &self.writers })
    }
}

/// Entries of the log, and whose they are.
pub(crate) struct Entries<'a> {
    rows: Newest<'a>,
    writers: &'a Writers,
}

impl Iterator for Entries<'_> {
    type Item = Result<(Place, Uri), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = |row| {
            let (author, _) = row::writer(&row, self.writers).ok_or_else(|| StoreError::Index(row::DAMAGED.into()))?;
            Ok((row.place, author))
        };
        self.rows.next().map(|row| row.and_then(entry))
    }
}

impl Settled<Swarm> for Kept {
    fn commits(&self) -> Position {
        self.index.rows()
    }

    fn position(&self, commit: &CommitId) -> Result<Option<Position>, Unreadable> {
        self.index.position(commit).map_err(unreadable)
    }

    fn row(&self, position: Position) -> Result<Row<Swarm>, Unreadable> {
        let row = self.index.row(position).map_err(unreadable)?;
        row::decode(&row, &self.writers).ok_or_else(|| Unreadable(row::DAMAGED.into()))
    }
}

fn unreadable(error: StoreError) -> Unreadable {
    match error {
        StoreError::Index(why) => Unreadable(why),
        error => Unreadable(crate::error::chain(&error)),
    }
}

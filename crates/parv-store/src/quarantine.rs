//! Commits of others that wait to be judged.

use crate::error::StoreError;
use crate::layout;
use crate::loose::{self, NewObject};
use crate::objects::{self, Objects};
use crate::pack::{Delivery, Pack};
use crate::repository::{Repository, commit_bytes};
use parv_model::{BlobId, CommitId, TreeId, TreePath};
use parv_validator::{BlobSource, SourceError};

/// Deliveries with fewer objects are stored one by one, larger ones as the pack that they came in: packs are to be few
/// and large. Stock git draws the line here too.
const MIN_PACK_OBJECTS: usize = 100;

/// Nor are deliveries with more bytes taken apart, which happens in memory.
const MAX_LOOSE_BYTES: u64 = 1024 * 1024;

/// What was fetched: complete, well-formed, within the limits, and in a folder of its own. Dropping it deletes it.
pub struct Quarantine {
    pub(crate) repository: Repository,
    pub(crate) pack: Pack,
    pub(crate) heads: Vec<CommitId>,
    pub(crate) new_commits: Vec<CommitId>,
}

impl Quarantine {
    /// The other device's heads that do not belong to the conversation yet, in the order in which it named them.
    pub fn heads(&self) -> &[CommitId] {
        &self.heads
    }

    /// The commits that are new, parents before children; of those that have no order, the one with the earlier date
    /// first.
    pub fn new_commits(&self) -> &[CommitId] {
        &self.new_commits
    }

    /// The bytes of a commit, new or old; `None` when there is no such commit.
    pub fn commit(&self, id: &CommitId) -> Result<Option<Vec<u8>>, StoreError> {
        commit_bytes(&self.delivery(), id)
    }

    /// Moves the new objects into the repository, durably. They get a meaning when heads are moved to them
    /// ([`Repository::set_heads`]).
    pub fn migrate(self) -> Result<(), StoreError> {
        let folder = layout::objects(self.repository.path());
        if self.pack.len() >= MIN_PACK_OBJECTS || self.pack.size() > MAX_LOOSE_BYTES {
            return self.pack.move_into(self.repository.places());
        }
        let mut read = Vec::with_capacity(self.pack.len());
        let delivery = self.delivery();
        for id in self.pack.ids() {
            let mut buffer = Vec::new();
            let found = delivery.read(&id, &mut buffer)?.map(|(kind, bytes)| (kind, bytes.to_vec()));
            let (kind, bytes) = found.ok_or_else(|| StoreError::missing("object", id))?;
            read.push((id, kind, bytes));
        }
        let new: Vec<_> = read.iter().map(|(id, kind, bytes)| NewObject { id: *id, kind: *kind, bytes }).collect();
        loose::write(&folder, &self.repository.bulk_database(), &new)
    }

    fn delivery(&self) -> Delivery<'_> {
        Delivery { pack: &self.pack, below: self.repository.database() }
    }
}

impl BlobSource for Quarantine {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        objects::entry(&self.delivery(), tree, &path.to_string())
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        objects::blob(&self.delivery(), id, limit)
    }
}

impl std::fmt::Debug for Quarantine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quarantine")
            .field("repository", &self.repository)
            .field("heads", &self.heads)
            .finish_non_exhaustive()
    }
}

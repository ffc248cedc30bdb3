//! Commits of others that wait to be judged.

use crate::error::StoreError;
use crate::objects;
use crate::received::{Delivery, Received};
use crate::repository::{Repository, commit_bytes};
use parv_model::{BlobId, CommitId, TreeId, TreePath};
use parv_validator::{BlobSource, SourceError};

/// What was fetched: complete, well-formed, within the limits, and out of everybody's reach: in memory or, if it is large, in
/// a folder of its own. Dropping it deletes it.
pub struct Quarantine {
    pub(crate) repository: Repository,
    pub(crate) pack: Received,
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

    /// Moves the new objects into the repository and the heads from `old` to `new`, durably, as
    /// [`Repository::set_heads`] does. When that fails, the objects may stay behind, without meaning.
    pub fn migrate(self, old: &[CommitId], new: &[CommitId]) -> Result<(), StoreError> {
        self.repository.take_in(self.pack, old, new)
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

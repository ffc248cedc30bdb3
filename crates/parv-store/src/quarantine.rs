//! Commits of others that wait to be judged.

use crate::error::StoreError;
use crate::repository::Repository;
use parv_model::{BlobId, CommitId, TreeId, TreePath};
use parv_validator::{BlobSource, SourceError};
use tempfile::TempDir;

/// What was fetched: complete, well-formed, within the limits, and in a folder of its own. Dropping it deletes it.
pub struct Quarantine {
    repository: Repository,
    folder: TempDir,
    heads: Vec<CommitId>,
    new_commits: Vec<CommitId>,
}

impl Quarantine {
    /// The other device's heads that do not belong to the conversation yet, in the order in which it named them.
    pub fn heads(&self) -> &[CommitId] {
        &self.heads
    }

    /// The commits that are new, parents before children.
    pub fn new_commits(&self) -> &[CommitId] {
        &self.new_commits
    }

    /// The bytes of a commit, new or old.
    pub fn commit(&self, id: &CommitId) -> Result<Option<Vec<u8>>, StoreError> {
        unimplemented!()
    }

    /// Moves the new objects into the repository, durably. They get a meaning when heads are moved to them
    /// ([`Repository::set_heads`]).
    pub fn migrate(self) -> Result<(), StoreError> {
        unimplemented!()
    }
}

impl BlobSource for Quarantine {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        unimplemented!()
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        unimplemented!()
    }
}

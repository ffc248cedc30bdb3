//! Reading conversations that lie anywhere: a bare repository, a clone, a bundle. For auditors; nothing is written there.
//!
//! Here nothing is taken to be whole or true to its name, as it is in a repository of our own: objects are looked at one by
//! one, and every ref counts.

use crate::bundle;
use crate::database::Database;
use crate::error::StoreError;
use crate::fetch::FetchError;
use crate::history;
use crate::objects::{self, CommitLinks, Objects, TreeEntry, to_commit, to_oid, to_oids};
use crate::packed_links::PackedLinks;
use crate::repository::{Repository, commit_bytes};
use crate::tree;
use gix::objs::Kind;
use parv_model::{BlobId, CommitId, TreeId, TreePath, object};
use parv_validator::rules::Checked;
use parv_validator::{BlobSource, SourceError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use tempfile::TempDir;

/// Why something cannot be read as a repository.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// It is neither a repository nor a bundle, or one that cannot be read here.
    #[error("{0}")]
    Unreadable(String),
    /// It is a bundle whose pack is damaged or too large.
    #[error(transparent)]
    Pack(#[from] FetchError),
    /// Reading or unpacking failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Somebody's repository, open for reading.
pub struct Foreign {
    repository: Repository,
    /// Full names of refs, and what they point to.
    refs: BTreeMap<String, CommitId>,
    heads: Vec<CommitId>,
    /// Where a bundle was unpacked; deleted in the end.
    _unpacked: Option<TempDir>,
}

impl Foreign {
    /// Opens what lies at `path`: a repository's folder, a folder with a `.git` in it, or a bundle.
    pub fn open(path: &Path) -> Result<Self, ForeignError> {
        let metadata = std::fs::metadata(path).map_err(|error| ForeignError::Unreadable(error.to_string()))?;
        if metadata.is_dir() {
            return Self::open_folder(path);
        }
        let folder = tempfile::tempdir().map_err(StoreError::io("make a folder in", &std::env::temp_dir()))?;
        let repository = Repository::init(folder.path().join("bundle"))?;
        let refs = bundle::unpack(path, &repository)?;
        let heads = refs.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
        Ok(Self { repository, refs, heads, _unpacked: Some(folder) })
    }

    fn open_folder(path: &Path) -> Result<Self, ForeignError> {
        let unreadable = |error: &dyn std::fmt::Display| ForeignError::Unreadable(error.to_string());
        let git = gix::open_opts(path, gix::open::Options::isolated()).map_err(|error| unreadable(&error))?;
        let (mut heads, mut named) = (BTreeSet::new(), BTreeMap::new());
        let refs = git.references().map_err(|error| unreadable(&error))?;
        for found in refs.all().map_err(|error| unreadable(&error))? {
            let mut found = found.map_err(|error| unreadable(&error))?;
            // A symbolic ref points to another one, which counts by itself.
            if found.try_id().is_some() {
                let commit = to_commit(&found.peel_to_id().map_err(|error| unreadable(&error))?);
                named.insert(found.name().as_bstr().to_string(), commit);
                heads.insert(commit);
            }
        }
        if let Ok(head) = git.head()
            && head.is_detached()
            && let Some(id) = head.id()
        {
            heads.insert(to_commit(&id));
        }
        let repository = Repository::read_only(git.common_dir())?;
        Ok(Self { repository, refs: named, heads: heads.into_iter().collect(), _unpacked: None })
    }

    /// What its refs point to, sorted.
    pub fn heads(&self) -> &[CommitId] {
        &self.heads
    }

    /// What a branch points to.
    pub fn branch(&self, name: &str) -> Option<CommitId> {
        self.refs.get(&format!("refs/heads/{name}")).copied()
    }

    /// The file at `path` in `tree`, as [`BlobSource::entry`] gives it, for trees with other paths than ours.
    pub fn entry_at(&self, tree: &TreeId, path: &str) -> Result<Option<BlobId>, SourceError> {
        objects::entry(&self.database(), tree, path)
    }

    /// The entries of one tree object with their names, in Git's order.
    pub fn entries(&self, tree: &TreeId) -> Result<Vec<(String, TreeEntry)>, SourceError> {
        objects::entries(&self.database(), tree)
    }

    /// Everything that these commits reach, parents before children; of those that have no order, the one with the
    /// earlier date first. With each, whether it has no parents.
    ///
    /// # Errors
    /// [`StoreError::Missing`] or [`StoreError::Malformed`] names the commit that could not be followed.
    pub fn walk(&self, tips: &[CommitId]) -> Result<Vec<(CommitId, bool)>, StoreError> {
        let commits = history::between(&PackedLinks::read(&self.repository), &to_oids(tips), &[])?;
        Ok(commits.iter().map(|(id, links)| (to_commit(id), links.parents.is_empty())).collect())
    }

    /// The bytes of a commit, as [`CommitReader::read`] gives them.
    pub fn commit(&self, id: &CommitId) -> Result<Vec<u8>, StoreError> {
        self.commits().read(id)
    }

    /// A reader of many commits, for one thread.
    pub fn commits(&self) -> CommitReader {
        CommitReader(self.database())
    }

    /// Checks that every tree and file that these commits bring is there, well-formed, and what its name says. They come
    /// parents first, and parents that are not among them must have been checked before. The error names the first commit
    /// that brings something else.
    pub fn check_files(&self, commits: &[impl Checked]) -> Result<(), (CommitId, StoreError)> {
        let Some(mut current) = commits.first().map(Checked::id) else { return Ok(()) };
        let entries = commits.iter().map(|commit| {
            let tree = to_oid(commit.tree().as_bytes());
            let links = CommitLinks { tree, parents: to_oids(commit.parents()), time: commit.time() };
            (to_oid(commit.id().as_bytes()), links)
        });
        let entries: Vec<_> = entries.collect();
        let database = self.database();
        let mut buffer = Vec::new();
        let visited = tree::visit_commits(&database, &entries, |kind, id| {
            if kind == Kind::Commit {
                current = to_commit(id);
                return Ok(());
            }
            let bytes = database.require(kind, id, &mut buffer)?;
            let named = match kind {
                Kind::Tree => object::tree_id(bytes).map(|id| *id.as_bytes()),
                _ => object::blob_id(bytes).map(|id| *id.as_bytes()),
            };
            if named?.as_slice() != id.as_bytes() {
                return Err(StoreError::malformed(id, "its contents are not those of its name"));
            }
            Ok(())
        });
        visited.map_err(|error| (current, error))
    }

    fn database(&self) -> Database {
        self.repository.bulk_database()
    }
}

/// Reads commits of a [`Foreign`] repository.
pub struct CommitReader(Database);

impl CommitReader {
    /// The bytes of a commit. Whether they are those of its name is for the caller to see.
    pub fn read(&self, id: &CommitId) -> Result<Vec<u8>, StoreError> {
        commit_bytes(&self.0, id)?.ok_or_else(|| StoreError::missing("commit", id))
    }
}

impl BlobSource for Foreign {
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError> {
        self.entry_at(tree, &path.to_string())
    }

    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError> {
        objects::blob(&self.database(), id, limit)
    }
}

impl std::fmt::Debug for Foreign {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Foreign")
            .field("repository", &self.repository)
            .field("heads", &self.heads)
            .finish_non_exhaustive()
    }
}

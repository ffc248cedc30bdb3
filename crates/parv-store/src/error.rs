//! What can go wrong with a repository.

use parv_model::CommitId;
use std::io;
use std::path::{Path, PathBuf};

/// Why the repository could not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder is missing, or is no bare Git repository.
    #[error("{} is not a conversation's repository", .0.display())]
    NotARepository(PathBuf),
    /// Something is already where a repository should be made.
    #[error("{} already exists", .0.display())]
    AlreadyExists(PathBuf),
    /// The disk said no.
    #[error("could not {action} {}", .path.display())]
    Io {
        /// What was being done, as a verb: "read", "make durable".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// An object database that cannot be read.
    #[error("could not read the object {id}")]
    Database {
        /// The object.
        id: String,
        /// What the Git library said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object that should be there is not.
    #[error("the {kind} {id} is missing")]
    Missing {
        /// "commit", "tree" or "file".
        kind: &'static str,
        /// The object.
        id: String,
    },
    /// An object is not what it should be.
    #[error("the object {id} is malformed: {why}")]
    Malformed {
        /// The object.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// The heads are not those that the caller thinks they are: somebody else moved them. Read them again and retry.
    #[error("the heads have moved: expected {expected:?}, found {found:?}")]
    HeadsMoved {
        /// What the caller expected.
        expected: Vec<CommitId>,
        /// What is there.
        found: Vec<CommitId>,
    },
    /// A conversation must have one head at least, at most [`crate::MAX_HEADS`], and each once.
    #[error("{0} is no set of heads: it needs one at least, {max} at most, and each once", max = crate::MAX_HEADS)]
    HeadCount(usize),
    /// Another process holds the lock on the refs.
    #[error("the refs are locked by {}", .0.display())]
    RefsLocked(PathBuf),
    /// A ref or a file of refs cannot be understood.
    #[error("{} is malformed: {why}", .path.display())]
    MalformedRefs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The derived index is damaged, or in use. It can be built anew.
    #[error("the index cannot be used: {0}")]
    Index(String),
    /// Bytes that carry a SHA-1 collision attack are never stored.
    #[error(transparent)]
    CollisionAttack(#[from] parv_model::object::CollisionAttack),
}

impl From<parv_validator::settled::Unreadable> for StoreError {
    fn from(why: parv_validator::settled::Unreadable) -> Self {
        Self::Index(why.0)
    }
}

impl StoreError {
    /// Wraps an IO error: `.map_err(StoreError::io("write", path))`.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }

    pub(crate) fn malformed(id: impl ToString, why: impl Into<String>) -> Self {
        Self::Malformed { id: id.to_string(), why: why.into() }
    }

    pub(crate) fn missing(kind: &'static str, id: impl ToString) -> Self {
        Self::Missing { kind, id: id.to_string() }
    }
}

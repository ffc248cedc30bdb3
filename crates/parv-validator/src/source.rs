//! Where the validator gets the few files that a control event brings.
//!
//! The validator is sans-IO: it is handed commits as bytes, and asks a [`BlobSource`] for blobs. The store implements it
//! over a repository or a quarantine; tests over a map.

use crate::rules::Checked;
use parv_model::{BlobId, Refusal, Rule, TreeId, TreePath};

/// Read access to the trees and blobs of the commits that are being judged.
pub trait BlobSource {
    /// The file at `path` in `tree`, `None` when there is none. Anything else at that place than a regular file of mode
    /// 100644 is an error.
    fn entry(&self, tree: &TreeId, path: &TreePath) -> Result<Option<BlobId>, SourceError>;

    /// The bytes of a blob. An error when it is missing or has more than `limit` bytes.
    fn blob(&self, id: &BlobId, limit: usize) -> Result<Vec<u8>, SourceError>;
}

/// Why a file could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The object does not exist here.
    #[error("the object {0} is missing")]
    Missing(String),
    /// The blob is larger than what was asked for.
    #[error("the file {id} has {size} bytes, more than the {limit} allowed")]
    TooLarge {
        /// The blob.
        id: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: usize,
    },
    /// The object is not what it should be.
    #[error("the object {id} is malformed: {why}")]
    Malformed {
        /// The object.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// Reading failed.
    #[error("reading the object {id} failed: {why}")]
    Io {
        /// The object.
        id: String,
        /// The error of the store below.
        why: String,
    },
}

impl SourceError {
    /// The refusal of a commit that could not be judged because of this.
    pub fn refuse(&self, commit: &impl Checked) -> Refusal {
        let rule = match self {
            Self::Missing(_) | Self::Io { .. } => Rule::Completeness,
            Self::TooLarge { .. } | Self::Malformed { .. } => Rule::Tree,
        };
        commit.refuse(rule, self.to_string())
    }
}

//! Judging a repository that lies anywhere, without an account.
use crate::json;
use parv_model::{CommitId, Mode, Refusal, Role, TreeId, Uri};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The verdict on a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether every commit keeps the rules and nothing is missing.
    pub verdict_valid: bool,
    /// The first commit that does not.
    #[serde(serialize_with = "json::refusal_or_null")]
    pub refused: Option<Refusal>,
    /// The mode.
    #[serde(serialize_with = "json::mode_or_null")]
    pub mode: Option<Mode>,
    /// Everybody who ever was in the conversation, by URI.
    pub members: Vec<(Uri, Role)>,
    /// The ends of the history, sorted.
    pub heads: Vec<CommitId>,
    /// The tree that all heads together make.
    pub tree: Option<TreeId>,
    /// How many commits were judged good.
    pub commits: usize,
}

/// There is nothing to judge.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Nothing there can be read as a repository or bundle.
    #[error("{} is neither a git repository nor a bundle: {why}", path.display())]
    Unreadable {
        /// What was named.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A repository without a conversation.
    #[error("{} holds no conversation: {why}", path.display())]
    NoConversation {
        /// What was named.
        path: PathBuf,
        /// What is there instead.
        why: String,
    },
}

/// Replays everything that is reachable from any ref.
pub fn verify(path: &Path) -> Result<Report, AuditError> {
    let _ = path;
    todo!()
}

/// An allowed-signers file for stock git that covers every device that ever wrote a commit.
pub fn allowed_signers(path: &Path) -> Result<String, AuditError> {
    let _ = path;
    todo!()
}

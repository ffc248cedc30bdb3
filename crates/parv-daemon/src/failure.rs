//! Why a request was not done, in a form that crosses the socket.

pub use parv::chain;
use serde::{Deserialize, Serialize};

/// A request was not done. The message is one line that says what and, where there is a way, how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What a program may want to act on.
    pub kind: FailureKind,
    /// What a person should read.
    pub message: String,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The request itself is malformed.
    Usage,
    /// There is no such conversation, request or person here.
    Unknown,
    /// The given prefix fits several ids.
    Ambiguous,
    /// The engine refused or could not do it.
    Engine,
}

impl Failure {
    /// A failure of that kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

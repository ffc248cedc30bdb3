//! Why a request was not done, in a form that crosses the socket.

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

/// An error and all its sources in one line: `what: why: why`. A source that its parent already quotes is left out.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let why = error.to_string();
        if !text.contains(&why) {
            text = format!("{text}: {why}");
        }
        source = error.source();
    }
    text
}

//! Giving commits to another device: the service of Git protocol v2, read only.

use crate::error::StoreError;
use crate::repository::Repository;
use parv_model::CommitId;
use std::io::{self, Read, Write};
use std::time::Duration;

/// The limits of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeLimits {
    /// The most commands on one stream. A fetch takes two, and one more per round of negotiation.
    pub max_commands: usize,
    /// The most commits that the other device may say it has, in one command.
    pub max_haves: usize,
    /// How long it may take altogether. The caller gives streams that time out when nothing moves.
    pub max_time: Duration,
}

impl Default for ServeLimits {
    /// A first clone on a slow line, or a long negotiation between two halves of a conversation that were apart.
    fn default() -> Self {
        Self {
            max_commands: 64,
            max_haves: 65_536,
            max_time: Duration::from_secs(30 * 60),
        }
    }
}

/// What was given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Served {
    /// The heads that the other device now has, with all that they reach.
    pub heads: Vec<CommitId>,
    /// How many objects were sent.
    pub objects: u64,
}

/// Why a service ended early.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The stream broke, or the other device went silent.
    #[error("the stream to the other device broke")]
    Io(#[from] io::Error),
    /// The other device asked for something that is not served. It was told so, in these words.
    #[error("the other device's request was refused: {0}")]
    Request(String),
    /// This device's own repository failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Serves the conversation's heads and all that they reach until the other device is done.
pub fn serve(
    repository: &Repository,
    reader: impl Read,
    writer: impl Write,
    limits: &ServeLimits,
) -> Result<Served, ServeError> {
    unimplemented!()
}

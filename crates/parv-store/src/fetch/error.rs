//! Why nothing could be fetched.

use crate::error::StoreError;
use crate::pkt_line::ReadError;
use parv_model::CommitId;
use std::io;
use std::time::Duration;

/// Why a fetch failed. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The stream broke.
    #[error("the stream to the other device broke")]
    Io(#[source] io::Error),
    /// The other device closed the stream in the middle of something.
    #[error("the other device closed the stream too early")]
    Closed,
    /// Nothing came within the time that the caller's stream allows.
    #[error("the other device went silent")]
    Silent,
    /// It took longer than [`super::FetchLimits::max_time`].
    #[error("the fetch took longer than {} seconds", .0.as_secs())]
    TooSlow(Duration),
    /// The other device said no, in its own words (shortened, without control characters).
    #[error("the other device refused: {0}")]
    Refused(String),
    /// It does not speak Git protocol v2 as it should.
    #[error("the other device does not speak the Git protocol: {0}")]
    Protocol(String),
    /// More than this device takes.
    #[error("{what}: {found}, more than the {limit} allowed")]
    TooMuch {
        /// What there is too much of.
        what: &'static str,
        /// How much there is, as far as it was counted.
        found: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// The pack is damaged, or made to do damage.
    #[error("the pack is malformed: {0}")]
    Pack(String),
    /// A delta whose base is not in the pack.
    #[error("the pack is not complete in itself: an object is a delta of another that is not in it")]
    MissingBase,
    /// A head was advertised, but the pack does not bring it.
    #[error("the head {0} was advertised but not delivered")]
    NotDelivered(CommitId),
    /// An object that the new commits need is neither here nor in the pack.
    #[error("the {kind} {id} is needed but was not delivered")]
    Incomplete {
        /// What it is.
        kind: &'static str,
        /// The object.
        id: String,
    },
    /// The pack holds an object that nobody needs.
    #[error("the object {0} was not asked for")]
    Unneeded(String),
    /// A commit, a tree or a file is not what it should be.
    #[error("the object {id} is malformed: {why}")]
    Object {
        /// The object.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// This device's own repository failed, not the other device.
    #[error(transparent)]
    Store(StoreError),
}

impl FetchError {
    /// An error of a stream, told apart by what it means.
    pub(crate) fn stream(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Self::Closed,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::Silent,
            _ => Self::Io(error),
        }
    }
}

impl From<ReadError> for FetchError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Io(error) => Self::stream(error),
            ReadError::Length(_) => Self::Protocol(error.to_string()),
        }
    }
}

/// While a delivery is checked, an object that is missing or malformed is the other device's doing.
impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Missing { kind, id } => Self::Incomplete { kind, id },
            StoreError::Malformed { id, why } => Self::Object { id, why },
            other => Self::Store(other),
        }
    }
}

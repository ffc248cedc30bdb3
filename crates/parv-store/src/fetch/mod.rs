//! Taking new commits from another device: a client of Git protocol v2 over any stream.
//!
//! What comes is taken to be hostile. It is measured before anything is unpacked ([`pack_scan`]), lands in a folder of its
//! own, and is checked for completeness there ([`crate::closure`]). What is handed back is a [`Quarantine`] that is whole
//! and small enough; whether its commits are *valid* is for the caller to judge.

mod error;
mod limits;
mod negotiation;
mod pack_scan;
mod pack_stream;

pub use error::FetchError;
pub use limits::{FetchLimits, INFLATION_ALLOWANCE};

use crate::quarantine::Quarantine;
use crate::repository::Repository;
use std::io::{Read, Write};

/// Fetches all heads of the other device that do not belong to the conversation yet. `None` when there are none.
///
/// The caller gives streams that time out when nothing moves. The other side must speak Git protocol v2 at once, as
/// [`crate::upload_pack::serve`] and `git upload-pack` (with `GIT_PROTOCOL=version=2`) do.
pub fn fetch(
    repository: &Repository,
    reader: impl Read,
    writer: impl Write,
    limits: &FetchLimits,
) -> Result<Option<Quarantine>, FetchError> {
    unimplemented!()
}

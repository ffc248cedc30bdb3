//! Taking new commits from another device: a client of Git protocol v2 over any stream.
//!
//! What comes is taken to be hostile. It is measured before anything is unpacked (`pack_scan`), lands in a folder of its
//! own, and is checked for completeness there (`closure`). What is handed back is a [`Quarantine`] that is whole
//! and small enough; whether its commits are *valid* is for the caller to judge.

mod error;
mod limits;
mod negotiation;
pub(crate) mod pack_scan;
mod pack_stream;

pub use error::FetchError;
pub use limits::{EXPANSION_ALLOWANCE, FetchLimits, INFLATION_ALLOWANCE};

use crate::closure;
use crate::history::Reachable;
use crate::objects::to_oids;
use crate::quarantine::Quarantine;
use crate::received::{Delivery, Received};
use crate::repository::Repository;
use negotiation::{Connection, unknown};
use pack_stream::PackStream;
use std::io::{Read, Write};

/// Fetches all heads of the other device that do not belong to the conversation yet. `None` when there are none.
///
/// The caller gives streams that time out when nothing moves, and has no use for them afterwards. The other side must
/// speak Git protocol v2 at once, as [`crate::upload_pack::serve`] and `git upload-pack` (with `GIT_PROTOCOL=version=2`)
/// do.
pub fn fetch(
    repository: &Repository,
    reader: impl Read,
    writer: impl Write,
    limits: &FetchLimits,
) -> Result<Option<Quarantine>, FetchError> {
    let mut connection = Connection::new(reader, writer, limits);
    let format = connection.handshake()?;
    let advertised = connection.heads(format)?;
    let database = repository.bulk_database();
    let own = to_oids(&repository.heads().map_err(FetchError::Store)?);
    let mut mine = Reachable::from(&database, &own).map_err(FetchError::Store)?;
    let heads = unknown(&advertised, &database, &mut mine).map_err(FetchError::Store)?;
    let Some(first) = heads.first() else {
        connection.goodbye();
        return Ok(None);
    };
    let mut from_newest = Reachable::from(&database, &own).map_err(FetchError::Store)?;
    connection.negotiate(format, &heads, &mut from_newest)?;
    let pack = receive(repository, &mut connection, limits)?.ok_or(FetchError::NotDelivered(*first))?;
    connection.goodbye();

    let delivery = Delivery { pack: &pack, below: repository.bulk_database() };
    let new_commits = closure::check(&delivery, &to_oids(&heads), &mut mine, limits)?;
    Ok(Some(Quarantine { repository: repository.clone(), pack, heads, new_commits }))
}

fn receive<'l, R: Read, W: Write>(
    repository: &Repository,
    connection: &mut Connection<'l, R, W>,
    limits: &'l FetchLimits,
) -> Result<Option<Received>, FetchError> {
    let mut stream = PackStream::new(connection, limits);
    let received = Received::receive(&mut stream, repository.path());
    // When the stream refused to go on, it knows better why than whoever read from it.
    match (received, stream.error()) {
        (_, Some(error)) | (Err(error), None) => Err(error),
        (Ok(pack), None) => stream.finish().map(|()| pack),
    }
}

//! The pack that is sent: which objects, and how.

use super::{Deadline, ServeError};
use crate::error::StoreError;
use crate::history;
use crate::objects::{Database, database_error};
use crate::pkt_line;
use crate::tree;
use gix::ObjectId;
use gix::objs::Kind;
use gix::parallel::InOrderIter;
use gix_pack::data::output::bytes::FromEntriesIter;
use gix_pack::data::output::count::PackLocation;
use gix_pack::data::output::entry::iter_from_counts::{Mode, Options};
use gix_pack::data::output::{Count, entry::iter_from_counts};
use std::io::{self, Write};

/// How many threads compress. Packed objects are sent as they are, and need none.
const THREADS: usize = 2;

/// How many objects are prepared and held in memory at once, per thread.
const CHUNK: usize = 1000;

/// The objects that whoever has `haves`, with all that they reach, needs to have `wants` too.
pub(super) fn choose(database: &Database, wants: &[ObjectId], haves: &[ObjectId]) -> Result<Vec<Count>, StoreError> {
    let commits = history::between(database, wants, haves)?;
    let mut objects = Vec::with_capacity(commits.len() + 16);
    tree::visit_commits(database, &commits, |kind, id| {
        if kind == Kind::Blob && !database.contains(id) {
            return Err(StoreError::missing("file", id));
        }
        objects.push(Count { id: id.to_owned(), entry_pack_location: PackLocation::NotLookedUp });
        Ok(())
    })?;
    Ok(objects)
}

/// Sends the objects as a pack, in packets of the first side band.
pub(super) fn send(
    database: Database,
    objects: Vec<Count>,
    out: &mut impl Write,
    deadline: &Deadline,
) -> Result<(), ServeError> {
    let count = u32::try_from(objects.len()).map_err(|_| ServeError::Request("too many objects".to_owned()))?;
    let mut handle = database.into_handle();
    // What is looked up now must still be there when it is sent.
    handle.prevent_pack_unload();
    handle.ignore_replacements = true;
    let options = Options {
        version: gix_pack::data::Version::V2,
        mode: Mode::PackCopyAndBaseObjects,
        allow_thin_pack: false,
        thread_limit: Some(THREADS),
        chunk_size: CHUNK,
        compression: gix::zlib::Compression::BEST_SPEED,
    };
    let entries = iter_from_counts(objects, handle, Box::new(gix::progress::Discard), options).map_err(broken)?;
    let mut band = Band { out, packet: Vec::with_capacity(pkt_line::MAX_DATA) };
    let entries = InOrderIter::from(entries);
    for written in FromEntriesIter::new(entries, &mut band, count, gix_pack::data::Version::V2, gix::hash::Kind::Sha1) {
        deadline.check()?;
        written.map_err(broken)?;
    }
    Ok(band.end()?)
}

/// Whatever gix could not do: write to the stream, or read from the database.
fn broken(error: gix::Error) -> ServeError {
    match error.downcast_any_ref::<io::Error>() {
        Some(io) => ServeError::Io(io::Error::new(io.kind(), error.to_string())),
        None => ServeError::Store(database_error(&gix::hash::Kind::Sha1.null(), error)),
    }
}

/// Wraps bytes into packets of the first side band.
struct Band<W> {
    out: W,
    packet: Vec<u8>,
}

impl<W: Write> Band<W> {
    fn end(mut self) -> io::Result<()> {
        self.send()
    }

    fn send(&mut self) -> io::Result<()> {
        if !self.packet.is_empty() {
            pkt_line::write(&mut self.out, &[&[1], &self.packet])?;
            self.packet.clear();
        }
        Ok(())
    }
}

impl<W: Write> Write for Band<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = pkt_line::MAX_DATA - 1 - self.packet.len();
        let taken = bytes.len().min(room);
        self.packet.extend_from_slice(&bytes[..taken]);
        if taken == room {
            self.send()?;
        }
        Ok(taken)
    }

    /// A packet that is not full waits for more: [`Self::end`] sends it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

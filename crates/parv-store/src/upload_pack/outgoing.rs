//! The pack that is sent: which objects, and how.
//!
//! What lies in packs is copied as it is, deltas too when what they are made from is sent as well: a pack may be sent in
//! one go without compressing anything. All else is written anew.

use super::{Meter, ServeError};
use crate::database::Database;
use crate::error::StoreError;
use crate::history;
use crate::objects::{Objects, database_error};
use crate::pack_writer::PackWriter;
use crate::packed_links::PackedLinks;
use crate::pkt_line;
use crate::repository::Repository;
use crate::tree;
use gix::ObjectId;
use gix::objs::Kind;
use gix::zlib::Inflate;
use gix_pack::Bundle;
use gix_pack::data::entry::Header;
use std::io::{self, Write};

/// The objects that whoever has `haves`, with all that they reach, needs to have `wants` too.
pub(super) fn choose(
    repository: &Repository,
    database: &Database,
    wants: &[ObjectId],
    haves: &[ObjectId],
) -> Result<Vec<ObjectId>, StoreError> {
    let commits = match haves {
        // Nearly all that is packed will be walked over.
        [] => history::between(&PackedLinks::read(repository), wants, &[])?,
        _ => history::between(database, wants, haves)?,
    };
    let mut objects = Vec::with_capacity(commits.len() + 16);
    tree::visit_commits(database, &commits, |kind, id| {
        if kind == Kind::Blob && !database.contains(id)? {
            return Err(StoreError::missing("file", id));
        }
        objects.push(id.to_owned());
        Ok::<(), StoreError>(())
    })?;
    Ok(objects)
}

/// Sends the objects as a pack, in packets of the first side band.
pub(super) fn send(
    database: &Database,
    objects: &[ObjectId],
    out: &mut impl Write,
    meter: &Meter,
) -> Result<(), ServeError> {
    let count = u32::try_from(objects.len()).map_err(|_| ServeError::Request("too many objects".to_owned()))?;
    let mut pack = PackWriter::begin(Band { out, packet: Vec::with_capacity(pkt_line::MAX_DATA) }, count)?;
    let mut anew = copy(database, objects, &mut pack, meter)?;
    let mut buffer = Vec::new();
    // Those that are alike were written one after the other, and lie side by side again.
    anew.sort_by_key(|(place, _)| *place);
    for (_, id) in anew {
        meter.check(pack.offset())?;
        let (kind, bytes) = database.read(&id, &mut buffer)?.ok_or_else(|| StoreError::missing("object", id))?;
        pack.add(kind, bytes)?;
    }
    meter.check(pack.offset())?;
    meter.sent.update(|sent| sent + pack.offset());
    Ok(pack.finish()?.0.end()?)
}

/// From so many objects of a pack on, if they are one in [`SHARE`] at least, it pays to find out where all of its entries begin.
const MANY: usize = 1024;

/// See [`MANY`].
const SHARE: usize = 8;

/// Where an object lies in a pack.
struct Packed {
    /// Which pack, in the view.
    pack: usize,
    /// Its place in the pack's index.
    place: u32,
    offset: u64,
    /// Where it is in what is sent; none while it was not sent from here.
    sent: Option<u64>,
    /// Which of the objects it is.
    object: usize,
}

/// Copies what can be copied out of packs, and says what cannot, with its place among the objects.
fn copy<W: Write>(
    database: &Database,
    objects: &[ObjectId],
    out: &mut PackWriter<W>,
    meter: &Meter,
) -> Result<Vec<(usize, ObjectId)>, ServeError> {
    let view = database.view();
    let mut anew = Vec::new();
    let mut packed = Vec::with_capacity(objects.len());
    for (object, id) in objects.iter().enumerate() {
        let found = view.packs().iter().enumerate().find_map(|(at, pack)| Some((at, pack, pack.index.lookup(id)?)));
        match found {
            Some((pack, bundle, place)) => {
                let offset = bundle.index.pack_offset_at_index(place);
                packed.push(Packed { pack, place, offset, sent: None, object });
            }
            None => anew.push((object, *id)),
        }
    }
    // What a delta is made from lies before it.
    packed.sort_by_key(|packed| (packed.pack, packed.offset));
    let mut reader = Reader::default();
    for at in 0..packed.len() {
        meter.check(out.offset())?;
        let Packed { pack, place, offset, object, .. } = packed[at];
        let (id, bundle) = (objects[object], &view.packs()[pack]);
        if at.checked_sub(1).is_none_or(|before| packed[before].pack != pack) {
            let count = packed[at..].partition_point(|packed| packed.pack == pack);
            reader.begin(bundle, count);
        }
        let failed = |error| database_error(&id, error);
        let entry = bundle.pack.entry(offset).map_err(failed)?;
        let header = match entry.header {
            Header::OfsDelta { base_distance } => entry.checked_base_pack_offset(base_distance).and_then(|base| {
                let base = packed[..at].binary_search_by_key(&(pack, base), |packed| (packed.pack, packed.offset));
                Some(Header::OfsDelta { base_distance: out.offset() - packed[base.ok()?].sent? })
            }),
            Header::RefDelta { .. } => None,
            whole => Some(whole),
        };
        let Some(header) = header else {
            anew.push((object, id));
            continue;
        };
        packed[at].sent = Some(out.offset());
        let compressed = reader.compressed(bundle, place, &entry).map_err(failed)?;
        out.copy(header, entry.decompressed_size, compressed)?;
    }
    Ok(anew)
}

/// Reads entries of one pack as they are.
#[derive(Default)]
struct Reader {
    /// Where the pack's entries begin, in order, if that is known: where one ends, the next one begins.
    starts: Vec<u64>,
    inflate: Inflate,
    scratch: Vec<u8>,
}

impl Reader {
    /// So many objects of this pack are to be read.
    fn begin(&mut self, bundle: &Bundle, count: usize) {
        let many = count >= MANY && count >= bundle.index.num_objects() as usize / SHARE;
        self.starts = if many { bundle.index.sorted_offsets() } else { Vec::new() };
    }

    /// The compressed bytes of an entry, after its header. That they are whole is seen by the checksum in the index, or else by
    /// inflating them, which also tells where they end.
    fn compressed<'a>(
        &mut self,
        Bundle { pack, index }: &'a Bundle,
        place: u32,
        entry: &gix_pack::data::Entry,
    ) -> Result<&'a [u8], gix::Error> {
        let start = entry.pack_offset();
        if let Ok(at) = self.starts.binary_search(&start) {
            let end = self.starts.get(at + 1).copied().unwrap_or(pack.pack_end() as u64);
            let whole = pack.entry_slice(start..end).unwrap_or_default();
            if index.crc32_at_index(place) == Some(crc32fast::hash(whole))
                && let Some(compressed) = whole.get(entry.header_size()..)
            {
                return Ok(compressed);
            }
        }
        let size = usize::try_from(entry.decompressed_size).unwrap_or(usize::MAX);
        if self.scratch.len() < size {
            self.scratch.resize(size, 0);
        }
        let length = pack.decompress_entry(entry, &mut self.inflate, &mut self.scratch)? as u64;
        Ok(pack.entry_slice(entry.data_offset..entry.data_offset + length).unwrap_or_default())
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

//! A pack that was received: indexed in a folder of its own, read, and moved to where it belongs.

use crate::database::packed_header;
use crate::durable;
use crate::error::StoreError;
use crate::fetch::FetchError;
use crate::objects::{DELTA_CACHE_BYTES, Objects, chain, database_error};
use crate::view::Places;
use gix::ObjectId;
use gix::hash::oid;
use gix::objs::Kind;
use gix::zlib::Inflate;
use gix_pack::bundle::write::Options;
use gix_pack::cache::lru::MemoryCappedHashmap;
use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::TempDir;

/// A pack in a folder of its own, which is deleted with it.
pub(crate) struct Pack {
    bundle: gix_pack::Bundle,
    data: PathBuf,
    index: PathBuf,
    reading: Mutex<Reading>,
    _folder: TempDir,
}

/// What reading needs and is worth keeping: the state of the decompressor, and bases of deltas.
struct Reading {
    inflate: Inflate,
    bases: MemoryCappedHashmap,
}

impl Pack {
    /// Reads a pack to its end, names its objects and indexes it, with so many threads or on all cores. `None` when it is
    /// empty.
    ///
    /// The stream must have been scanned: gix unpacks whatever comes.
    pub fn receive(
        stream: &mut dyn BufRead,
        parent: &Path,
        threads: Option<usize>,
    ) -> Result<Option<Self>, FetchError> {
        let folder = tempfile::Builder::new().prefix("").tempdir_in(parent);
        let folder = folder.map_err(StoreError::io("make a folder in", parent)).map_err(FetchError::Store)?;
        let written = gix_pack::Bundle::write_to_directory(
            stream,
            Some(folder.path()),
            &mut gix::progress::Discard,
            &AtomicBool::new(false),
            None::<gix::odb::Handle>,
            gix::hash::Kind::Sha1,
            Options { thread_limit: threads, ..Options::default() },
        );
        let written = written.map_err(|error| unpack_error(folder.path(), error))?;
        let (Some(data), Some(index)) = (written.data_path, written.index_path) else {
            return Ok(None);
        };
        let bundle = gix_pack::Bundle::at(&index, gix::hash::Kind::Sha1);
        let bundle = bundle.map_err(|error| unpack_error(folder.path(), error))?;
        let reading = Reading { inflate: Inflate::default(), bases: MemoryCappedHashmap::new(DELTA_CACHE_BYTES) };
        let pack = Self { bundle, data, index, reading: Mutex::new(reading), _folder: folder };
        let twice = (1..pack.len()).find(|place| pack.id(place - 1) == pack.id(*place));
        match twice.map(|place| pack.id(place)) {
            Some(id) => Err(FetchError::Pack(format!("the object {id} is in it twice"))),
            None => Ok(Some(pack)),
        }
    }

    /// How many objects it has.
    pub fn len(&self) -> usize {
        self.bundle.index.num_objects() as usize
    }

    /// The name of the object at a place.
    pub fn id(&self, place: usize) -> ObjectId {
        self.bundle.index.oid_at_index(place as u32).to_owned()
    }

    /// The place of an object, in the order of their names.
    pub fn place(&self, id: &oid) -> Option<usize> {
        self.bundle.index.lookup(id).map(|place| place as usize)
    }

    /// Whether it has the name of the pack with this index, which means: the same bytes.
    pub fn is_named_as(&self, index: &Path) -> bool {
        self.index.file_name() == index.file_name()
    }

    /// Moves it to the other packs, durably: readers find a pack by its index, so that comes last.
    pub fn move_into(self, places: &Places) -> Result<(), StoreError> {
        for file in [&self.data, &self.index] {
            durable::sync_file(file)?;
        }
        self.place_in(places, durable::sync_folder)
    }

    /// The same for a repository that nobody needs after this process.
    pub fn lend_to(self, places: &Places) -> Result<(), StoreError> {
        self.place_in(places, |_| Ok(()))
    }

    fn place_in(self, places: &Places, after_each: impl Fn(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let folder = &places.packs();
        for file in [&self.data, &self.index] {
            let name = file.file_name().unwrap_or_default();
            durable::rename(file, &folder.join(name))?;
            after_each(folder)?;
        }
        places.moved()
    }
}

/// What gix could not unpack is the other device's doing, unless the system said no to this one: streams never pass on
/// what the system says of them, and what is wrong with a pack is one of few kinds.
fn unpack_error(folder: &Path, error: gix::Error) -> FetchError {
    let of_a_pack = |kind| {
        matches!(kind, ErrorKind::Other | ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::UnexpectedEof)
    };
    match error.downcast_any_ref::<std::io::Error>().map(std::io::Error::kind) {
        Some(kind) if !of_a_pack(kind) => FetchError::Store(StoreError::io("write a pack into", folder)(kind.into())),
        _ => FetchError::Pack(chain(&error)),
    }
}

impl Pack {
    /// A reader that panicked leaves nothing behind that the next one would not set up anew.
    fn reading(&self) -> MutexGuard<'_, Reading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for Pack {
    fn read<'a>(&self, id: &oid, buffer: &'a mut Vec<u8>) -> Result<Option<(Kind, &'a [u8])>, StoreError> {
        let Reading { inflate, bases } = &mut *self.reading();
        let found = self.bundle.find(id, buffer, inflate, bases).map_err(|error| database_error(id, error))?;
        Ok(found.map(|(object, _)| (object.kind, object.data)))
    }

    fn header(&self, id: &oid) -> Result<Option<(Kind, u64)>, StoreError> {
        let place = self.bundle.index.lookup(id);
        let header = place.map(|place| packed_header(&self.bundle, place, &mut self.reading().inflate));
        header.transpose().map_err(|error| database_error(id, error))
    }
}
